"""Virtual nodes, which exist in the editor only: notes, reroutes, primitives, Get and Set."""

from collections.abc import Mapping
from dataclasses import replace

from workflows.convert.export import EditorGraph, EditorNode, Socket
from workflows.convert.widgets import read_widgets
from workflows.nodes import NodeClasses

PRIMITIVE = "PrimitiveNode"
GETS, SETS = frozenset({"GetNode", "easy getNode"}), frozenset({"SetNode", "easy setNode"})
"""Pairs that carry a value by its name; from KJNodes and from Easy-Use."""

NOTES = frozenset({"Note", "MarkdownNote", "Label (rgthree)", "Bookmark (rgthree)"})
REROUTES = frozenset({"Reroute", "Reroute (rgthree)"})
SWITCHES = frozenset(
    {"Fast Muter (rgthree)", "Fast Bypasser (rgthree)", "Fast Actions Button (rgthree)"}
    | {"Fast Groups Muter (rgthree)", "Fast Groups Bypasser (rgthree)"}
    | {"Mute / Bypass Relay (rgthree)", "Mute / Bypass Repeater (rgthree)"}
    | {"Node Collector (rgthree)", "Node Combiner (rgthree)", "Random Unmuter (rgthree)"}
)
"""They change other nodes' modes, which the file has as they were left."""
_VIRTUAL = REROUTES | NOTES | SWITCHES | GETS | SETS


def is_virtual(node: EditorNode, classes: NodeClasses) -> bool:
    """Whether the node is never sent to a backend.

    One without any input and output that the backend does not know is decoration of some kind.
    """
    if node.type in _VIRTUAL or node.type == PRIMITIVE:
        return True
    return not classes.has(node.type) and not node.inputs and not node.outputs


def passed_on(node: EditorNode, slot: int, graph: EditorGraph) -> Socket | None:
    """The input that an output of a virtual node repeats."""
    if node.type in GETS:
        return _find_set(node, graph)
    return node.inputs[slot] if slot < len(node.inputs) else None


def with_primitives(graph: EditorGraph, classes: NodeClasses) -> EditorGraph:
    """The graph with the values of primitives in the widgets that they are connected to."""
    values: dict[str, dict[str, object]] = {}
    for link_id, link in graph.links.items():
        origin, target = graph.nodes.get(link.origin), graph.nodes.get(link.target)
        if origin is None or target is None or origin.type != PRIMITIVE:
            continue
        value = _first_value(origin)
        socket = target.socket_of(link_id)
        if value is not None and socket is not None:
            values.setdefault(target.id, {})[socket.widget or socket.name] = value
    if not values:
        return graph
    nodes = {
        node_id: with_values(node, values[node_id], classes) if node_id in values else node
        for node_id, node in graph.nodes.items()
    }
    return replace(graph, nodes=nodes)


def with_values(node: EditorNode, given: Mapping[str, object], classes: NodeClasses) -> EditorNode:
    """The node with these values in its widgets of these names."""
    widgets = read_widgets(node, classes)
    values = {name: one.value for name, one in widgets.items() if one.is_sent}
    values.update((name, value) for name, value in given.items() if name in widgets)
    return replace(node, values=values)


def _first_value(node: EditorNode) -> object:
    if isinstance(node.values, Mapping):
        return next(iter(node.values.values()), None)
    return node.values[0] if node.values else None


def _find_set(node: EditorNode, graph: EditorGraph) -> Socket | None:
    """The input of the Set that a Get is named after."""
    name = _first_value(node)
    for other in graph.nodes.values():
        if other.type in SETS and other.inputs and _first_value(other) == name:
            return other.inputs[0]
    return None
