"""A workflow: a graph and the manifest that says how people use it."""

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


@dataclass(frozen=True, slots=True)
class Workflow:
    """A named entry of the library. Nobody changes its graph: `binding.bind` makes a new one.

    Where the manifest was inferred, `reasons` say why by the inputs' names, `results` what it
    makes, and `notes` what an operator should know.
    """

    name: str
    manifest: Manifest
    graph: Graph
    reasons: Mapping[str, str] = field(default_factory=dict)
    results: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def model_slots(self) -> Mapping[str, tuple[str, str]]:
        """The class and its input that has the list of models, for each input that names one."""
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
    """Put a manifest and a graph together. Raises InvalidManifest with all that does not fit.

    Defaults that the manifest leaves out are read from the graph. The workflow's graph has no
    connections by which what members give would arrive at a file's path; raises InvalidGraph
    where one cannot be cut.
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
        # Outside of what people may ask for, but the author's choice: it stays in the graph.
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
