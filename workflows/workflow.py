"""A workflow: a graph, and the manifest that describes its inputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workflows.errors import InvalidManifest, InvalidValue
from workflows.graph import Graph
from workflows.manifest import Input, InputType, Manifest, Scalar, parse_target
from workflows.nodes import NodeClasses
from workflows.paths import find_escapes, find_written_paths, protect
from workflows.rules import find_mistakes
from workflows.values import coerce

_GRAPH_HAS_DEFAULT = frozenset(
    {
        InputType.TEXT,
        InputType.INTEGER,
        InputType.NUMBER,
        InputType.BOOLEAN,
        InputType.CHOICE,
        InputType.CHECKPOINT,
        InputType.LORA,
        InputType.SIZE,
    }
)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Workflow:
    """A named entry of the library. Its graph never changes: `binding.bind` makes a new one.

    For an inferred manifest, `reasons` explain its inputs by name, `results` say what it makes, and
    `notes` are for an operator.
    """

    name: str
    manifest: Manifest
    graph: Graph
    reasons: Mapping[str, str] = field(default_factory=dict)
    results: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def model_slots(self) -> Mapping[str, tuple[str, str]]:
        """Class and input with the list of models, by each input that names a model."""
        slots: dict[str, tuple[str, str]] = {}
        for each in self.manifest.inputs:
            if each.type is InputType.LORA and not each.targets:
                slots[each.name] = ("LoraLoader", "lora_name")
            elif each.type in (InputType.CHECKPOINT, InputType.LORA):
                first = each.slots[0]
                slots[each.name] = (self.graph[first.node_id]["class_type"], first.input_name)
        return slots


def build_workflow(
    name: str, manifest: Manifest, graph: Graph, classes: NodeClasses | None = None
) -> Workflow:
    """Combine a manifest and a graph. Raises InvalidManifest with every mistake.

    Defaults that the manifest leaves out are read from the graph. Connections by which members'
    values would reach a file's path are removed; raises InvalidGraph if one cannot be.
    """
    mistakes = find_mistakes(manifest, graph) or find_written_paths(manifest, graph, classes)
    if mistakes:
        raise InvalidManifest(mistakes)
    protected = protect(manifest, graph, classes)
    inputs = tuple(_complete(each, graph) for each in manifest.inputs)
    complete = manifest.model_copy(update={"inputs": inputs})
    notes = (*protected.notes, *find_escapes(protected.graph))
    return Workflow(name, complete, protected.graph, notes=notes)


def _complete(each: Input, graph: Graph) -> Input:
    if each.type is InputType.SIZE:
        each = _with_area(each, graph)
    if each.default is not None or each.required or each.type not in _GRAPH_HAS_DEFAULT:
        return each
    default = _graph_default(each, graph)
    try:
        coerce(each, default)
    except InvalidValue:
        # Out of bounds for people, but the author's choice: the graph keeps it.
        return each
    return each.model_copy(update={"default": default})


def _graph_default(each: Input, graph: Graph) -> Scalar | None:
    if each.type is InputType.SIZE:
        size = _graph_size(each, graph)
        return None if size is None else f"{size[0]}x{size[1]}"
    value = _value_at(each.targets[0], graph) if each.targets else None
    return value if isinstance(value, bool | int | float | str) else None


def _with_area(each: Input, graph: Graph) -> Input:
    size = _graph_size(each, graph)
    if each.area is not None or size is None:
        return each
    return each.model_copy(update={"area": size[0] * size[1]})


def _graph_size(each: Input, graph: Graph) -> tuple[int, int] | None:
    width, height = _value_at(each.width[0], graph), _value_at(each.height[0], graph)
    if type(width) is int and type(height) is int and width > 0 and height > 0:
        return width, height
    return None


def _value_at(target: str, graph: Graph) -> object:
    slot = parse_target(target)
    return None if slot is None else graph[slot.node_id]["inputs"][slot.input_name]
