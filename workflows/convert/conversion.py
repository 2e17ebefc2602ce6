"""Conversion of the editor's export: flattened nodes with values and connections, as a graph."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workflows.convert.export import EditorNode, Socket, parse_export
from workflows.convert.flattening import Constant, GraphInstance
from workflows.convert.groups import without_groups
from workflows.convert.replacements import FILENAME_PREFIX, SAVERS, Replacements
from workflows.convert.widgets import CUSTOM_COMBO, knows_choice
from workflows.convert.wiring import wire
from workflows.errors import UnknownClasses
from workflows.graph import Graph, Link, parse_graph
from workflows.nodes import NodeClasses


@dataclass(frozen=True, slots=True)
class Conversion:
    """Result of a conversion. `unknown` has nodes by the class that the backend lacks.

    Nodes of unknown classes are in the graph with their connections, and with their values under
    the names that the editor uses: UNKNOWN, UNKNOWN_1 and so on. `losses` are sentences about parts
    of the file that are missing in the graph, and what to do.
    """

    graph: Graph
    unknown: Mapping[str, tuple[str, ...]]
    losses: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the whole file is in the graph and all classes are known."""
        return not self.unknown and not self.losses

    @property
    def sent(self) -> Graph:
        """The graph that the editor would send, which has no class names for unknown classes."""
        return {
            node_id: node
            if node["class_type"] not in self.unknown
            else {name: value for name, value in node.items() if name != "class_type"}
            for node_id, node in self.graph.items()
        }

    def require_known(self) -> Graph:
        """Return the graph. Raises UnknownClasses if a node's class is unknown."""
        if self.unknown:
            raise UnknownClasses(self.unknown)
        return self.graph


EVERYWHERE = "Everywhere"
"""Part of the names of node classes that connect other nodes without a link in the file."""

_WITHOUT_LINKS = (
    "The node {name} connects others without a link, which is not converted: run the workflow in"
    " ComfyUI and use the picture it makes, which carries the graph that ran."
)


_DRAWN_IN_EDITOR = (
    "The node {name} needs pictures that only the editor's 3D viewer draws, so the graph cannot run"
    " as it is: let a node that loads a picture or a 3D file without a viewer take its place."
)

_IGNORED_LINKS = (
    "The file does not say that it is of version 0.4, so ComfyUI ignores its links: add"
    ' "version": 0.4 to it, or open it in ComfyUI, connect the nodes and save it again.'
)


_DRAWER = "Load3D"
"""It reads the pictures of its model that the editor uploads with each run."""

_CORE = "comfy-core"
"""In a node's properties: it came with ComfyUI."""

_UNKNOWN_INPUT = (
    "The node {name} has a value for {input}, which this ComfyUI does not know, so it is left out: "
    "update it."
)

_UNKNOWN_CHOICE = (
    "The node {name} is set to {choice} ({input}), which this ComfyUI does not know: update it, "
    "or choose another in its editor."
)


def convert(
    raw: Mapping[str, Any], classes: NodeClasses, *, now: datetime | None = None
) -> Conversion:
    """Return the graph that the official editor would send at `now` for a saved file.

    Without `now`, dates in file names are left to ComfyUI, which inserts the run's. Raises
    InvalidGraph if the file is broken, or if its nodes form a cycle.
    """
    export = without_groups(wire(parse_export(raw), classes), classes)
    root = GraphInstance(export, classes, export.graph)
    replacements = Replacements(root, now)
    graph: Graph = {}
    unknown: dict[str, list[str]] = {}
    for place, node in root.walk():
        if not classes.has(node.type):
            unknown.setdefault(node.type, []).append(node.name)
        graph[place.name(node.id)] = {
            "class_type": node.type,
            "inputs": _inputs(place, node, replacements),
            "_meta": {"title": place.title(node)},
        }
    _remove_dangling_links(graph)
    if graph:
        parse_graph(graph)
    nodes_by_class = {name: tuple(nodes) for name, nodes in unknown.items()}
    return Conversion(graph, nodes_by_class, tuple(_losses(root, graph)))


def _losses(root: GraphInstance, graph: Graph) -> Iterator[str]:
    if root.export.ignores_links:
        yield _IGNORED_LINKS
    for place, node in root.walk():
        if EVERYWHERE in node.type:
            yield _WITHOUT_LINKS.format(name=node.name)
        if node.type == _DRAWER:
            yield _DRAWN_IN_EDITOR.format(name=node.name)
        for socket in node.inputs:
            if _is_unknown(place, node, socket):
                yield _UNKNOWN_INPUT.format(name=node.name, input=socket.name)
        inputs = graph[place.name(node.id)]["inputs"]
        for name, spec in place.classes.inputs(node.type).items():
            choice = inputs.get(name)
            if isinstance(choice, str) and not knows_choice(spec, choice):
                yield _UNKNOWN_CHOICE.format(name=node.name, choice=choice, input=name)


def _inputs(place: GraphInstance, node: EditorNode, replacements: Replacements) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    if not place.classes.has(node.type) and not isinstance(node.values, Mapping):
        for number, value in enumerate(node.values):
            inputs[f"UNKNOWN_{number}" if number else "UNKNOWN"] = _wrapped(value)
    for widget in place.widgets(node).values():
        if widget.is_sent:
            inputs[widget.name] = _wrapped(widget.constant)
    prefix = inputs.get(FILENAME_PREFIX)
    if node.type in SAVERS and isinstance(prefix, str):
        inputs[FILENAME_PREFIX] = replacements.replace(prefix)
    for socket in node.inputs:
        if _is_unknown(place, node, socket):
            continue
        match place.find_source(socket):
            case Link() as link:
                inputs[socket.name] = list(link)
            case Constant(value):
                inputs[socket.name] = _wrapped(value)
    return inputs


def _is_unknown(place: GraphInstance, node: EditorNode, socket: Socket) -> bool:
    """Whether one of ComfyUI's own nodes lacks the widget: the file is from a newer version.

    Nodes that others wrote may add widgets in the editor that their classes do not declare.
    """
    is_core = node.properties.get("cnr_id") == _CORE and node.type != CUSTOM_COMBO
    inputs = place.classes.inputs(node.type)
    is_declared = not inputs or socket.name.partition(".")[0] in inputs
    return is_core and socket.widget is not None and socket.link is not None and not is_declared


def _wrapped(value: object) -> object:
    """Wrap a list, which would be read as a connection."""
    return {"__value__": value} if isinstance(value, list) else value


def _remove_dangling_links(graph: Graph) -> None:
    """Remove connections to nodes that do not run."""
    for node in graph.values():
        inputs = node["inputs"]
        for name, value in list(inputs.items()):
            if isinstance(value, list) and value[0] not in graph:
                del inputs[name]
