"""View of a graph for inference: types of inputs and outputs, and sources of values."""

from collections.abc import Collection, Iterable, Iterator

from workflows.graph import Graph, Link, Slot, find_link, links, reach, title
from workflows.nodes import InputSpec, NodeClasses

MAX_DEPTH = 64
"""Links followed for one value; a bound for malformed graphs."""

_SWITCH = "ComfySwitchNode"
_PASS = frozenset({"Reroute", _SWITCH})
_MATCHED = "COMFY_MATCHTYPE_V3"
_ANY_TYPE = frozenset({"*", _MATCHED})
_OUTPUT_NAMES = ("Save", "Preview")
_LINKED_TYPES = {
    "positive": "CONDITIONING",
    "negative": "CONDITIONING",
    "conditioning": "CONDITIONING",
    "latent_image": "LATENT",
    "samples": "LATENT",
    "image": "IMAGE",
    "images": "IMAGE",
    "pixels": "IMAGE",
    "mask": "MASK",
    "model": "MODEL",
    "clip": "CLIP",
    "vae": "VAE",
    "text": "STRING",
}
"""Types by input name, for inputs of unknown classes."""

_GUESSED_OUTPUTS = {
    "LoadImage": ("IMAGE", "MASK"),
    "LoadImageMask": ("MASK",),
    "LoadVideo": ("VIDEO",),
    "LoadAudio": ("AUDIO",),
    "CheckpointLoaderSimple": ("MODEL", "CLIP", "VAE"),
    "EmptyLatentImage": ("LATENT",),
    "EmptySD3LatentImage": ("LATENT",),
}
_GUESSED_UPLOADS = {
    ("LoadImage", "image"): "image",
    ("LoadImageMask", "image"): "image",
    ("LoadVideo", "file"): "video",
    ("LoadAudio", "audio"): "audio",
}
"""Common upload nodes, for use before a backend has described its classes."""


class GraphView:
    """Queries on one graph, with node classes as far as they are known.

    Inputs in `settable` are not constant: a switch that people can set needs both of its branches.
    """

    def __init__(
        self,
        graph: Graph,
        classes: NodeClasses | None = None,
        settable: Collection[Slot] = (),
    ) -> None:
        self.graph = graph
        self.classes = classes
        self._settable = frozenset(settable)
        self._users: dict[str, list[tuple[Slot, Link]]] = {}
        for node_id, node in graph.items():
            for name, link in links(node):
                self._users.setdefault(link.node_id, []).append((Slot(node_id, name), link))

    def class_of(self, node_id: str) -> str:
        """Return a node's class."""
        return str(self.graph[node_id]["class_type"])

    def title(self, node_id: str) -> str:
        """Return a node's title in the editor."""
        return title(self.graph, node_id)

    def own_title(self, node_id: str) -> str | None:
        """Return the title that somebody gave the node; None for its class's default."""
        given, class_type = self.title(node_id), self.class_of(node_id)
        usual = {class_type.casefold()}
        if self.classes is not None:
            usual.add(self.classes.display_name(class_type).casefold())
        plain = given.casefold().replace(" ", "")
        return None if plain in {one.replace(" ", "") for one in usual} else given

    def is_known(self, node_id: str) -> bool:
        """Return whether the node's class is described."""
        return self.classes is not None and self.classes.has(self.class_of(node_id))

    def spec(self, slot: Slot) -> InputSpec | None:
        """Return the description of an input, if there is one."""
        if self.classes is None:
            return None
        return self.classes.input(self.class_of(slot.node_id), slot.input_name)

    def required_inputs(self, node_id: str) -> dict[str, InputSpec]:
        """Return a node's required inputs, if its class is described."""
        if self.classes is None:
            return {}
        inputs = self.classes.inputs(self.class_of(node_id))
        return {name: spec for name, spec in inputs.items() if spec.required}

    def type_of(self, slot: Slot) -> str:
        """Return the type of an input: as described, or guessed from its name or value."""
        spec = self.spec(slot)
        if spec is not None:
            return spec.type
        return type_of_value(self.value(slot)) or _LINKED_TYPES.get(slot.input_name, "*")

    def upload(self, slot: Slot) -> str | None:
        """Return what is uploaded for an input: image, video, audio or file."""
        spec = self.spec(slot)
        if spec is not None:
            return spec.upload
        return _GUESSED_UPLOADS.get((self.class_of(slot.node_id), slot.input_name))

    def value(self, slot: Slot) -> object:
        """Return an input's plain value or link; None if it has neither."""
        return self.graph[slot.node_id]["inputs"].get(slot.input_name)

    def link(self, slot: Slot) -> Link | None:
        """Return what an input is connected to."""
        return find_link(self.value(slot))

    def slots(self, node_id: str) -> Iterator[Slot]:
        """Return every input of a node in the graph."""
        for name in self.graph[node_id]["inputs"]:
            yield Slot(node_id, name)

    def literals(self, node_id: str) -> Iterator[Slot]:
        """Return a node's unconnected inputs."""
        return (slot for slot in self.slots(node_id) if self.link(slot) is None)

    def linked(self, node_id: str) -> Iterator[tuple[Slot, Link]]:
        """Return a node's connected inputs, without those that are never requested."""
        for name, link in self._needed(node_id):
            yield Slot(node_id, name), link

    def output_type(self, link: Link) -> str:
        """Return the type of an output: as described, or guessed from its users."""
        types = self.outputs(link.node_id)
        described = types[link.output] if 0 <= link.output < len(types) else "*"
        if described not in _ANY_TYPE:
            return described
        if described == _MATCHED:
            # The output has the type of what is passed on; a selector is a BOOLEAN.
            arriving = {self.output_type(one) for _, one in self._needed(link.node_id)}
            arriving.discard("BOOLEAN")
            return arriving.pop() if len(arriving) == 1 else "*"
        used_as = {
            _LINKED_TYPES[slot.input_name]
            for slot, used in self.users(link.node_id)
            if used == link and slot.input_name in _LINKED_TYPES
        }
        return used_as.pop() if len(used_as) == 1 else "*"

    def outputs(self, node_id: str) -> tuple[str, ...]:
        """Return the types of a node's outputs; empty if unknown."""
        class_type = self.class_of(node_id)
        if self.classes is not None and self.classes.has(class_type):
            return self.classes.outputs(class_type)
        return _GUESSED_OUTPUTS.get(class_type, ())

    def output_name(self, link: Link) -> str:
        """Return the name of an output; empty if unknown."""
        if self.classes is None:
            return ""
        names = self.classes.output_names(self.class_of(link.node_id))
        return names[link.output] if 0 <= link.output < len(names) else ""

    def users(self, node_id: str) -> list[tuple[Slot, Link]]:
        """Return the inputs connected to a node's outputs, each with the output."""
        return self._users.get(node_id, [])

    def output_nodes(self) -> tuple[str, ...]:
        """Return the nodes whose results are results of the run."""
        return tuple(node_id for node_id in self.graph if self._is_output(node_id))

    def live(self, ends: Iterable[str]) -> tuple[str, ...]:
        """Return these nodes and what they need, in the graph's order, without unused branches."""
        found = reach(ends, lambda one: (link.node_id for _, link in self._needed(one)))
        return tuple(node_id for node_id in self.graph if node_id in found)

    def source(self, slot: Slot) -> Slot | None:
        """Return the input with the plain value that arrives here; None if it is computed."""
        for _ in range(MAX_DEPTH):
            link = self.link(slot)
            if link is None:
                return slot
            following = self._behind(link)
            if following is None:
                return None
            slot = following
        return None

    def resolve(self, slot: Slot) -> object:
        """Return the plain value that arrives at an input, or None."""
        source = self.source(slot)
        return None if source is None else self.value(source)

    def _behind(self, link: Link) -> Slot | None:
        """Return the one input that an output passes on or is computed from."""
        node_id = link.node_id
        if self.is_primitive(node_id):
            return next(self.literals(node_id))
        needed = list(self._needed(node_id))
        if self.class_of(node_id) in _PASS:
            # The selector decides, but its value is not passed on.
            needed = [(name, one) for name, one in needed if name != "switch"]
        elif self.output_type(link) not in {"INT", "FLOAT", "STRING", "BOOLEAN"}:
            return None
        return Slot(node_id, needed[0][0]) if len(needed) == 1 else None

    def is_switch(self, node_id: str) -> bool:
        """Return whether a node passes on one of two values."""
        return self.class_of(node_id) == _SWITCH

    def branches(self, node_id: str) -> Iterator[Slot]:
        """Return the values that a switch may pass on."""
        dropped = self._dropped_branch(node_id)
        return (
            Slot(node_id, name)
            for name in ("on_false", "on_true")
            if name in self.graph[node_id]["inputs"] and name != dropped
        )

    def is_primitive(self, node_id: str) -> bool:
        """Return whether a node only holds a value: one input and output, of one type."""
        slots = list(self.slots(node_id))
        if len(slots) != 1 or self.link(slots[0]) is not None:
            return False
        types = self.outputs(node_id)
        if not types:
            return self.class_of(node_id).startswith("Primitive")
        return types[0] == self.type_of(slots[0])

    def _needed(self, node_id: str) -> Iterator[tuple[str, Link]]:
        """Return the inputs needed; of a switch with a constant selector, only that branch."""
        dropped = self._dropped_branch(node_id)
        for name, link in links(self.graph[node_id]):
            if name != dropped:
                yield name, link

    def _dropped_branch(self, node_id: str) -> str | None:
        if not self.is_switch(node_id):
            return None
        source = self.source(Slot(node_id, "switch"))
        taken = None if source is None else self.value(source)
        if not isinstance(taken, bool) or source in self._settable:
            return None
        return "on_false" if taken else "on_true"

    def _is_output(self, node_id: str) -> bool:
        class_type = self.class_of(node_id)
        if self.classes is not None and self.classes.has(class_type):
            return self.classes.is_output_node(class_type)
        return class_type.startswith(_OUTPUT_NAMES) or not self.users(node_id)


def type_of_value(value: object) -> str | None:
    """Return ComfyUI's name of a plain value's type."""
    match value:
        case bool():
            return "BOOLEAN"
        case int():
            return "INT"
        case float():
            return "FLOAT"
        case str():
            return "STRING"
    return None
