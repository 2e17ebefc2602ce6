"""Virtual nodes, which exist in the editor only: notes, reroutes, primitives, Get and Set."""

from collections.abc import Mapping
from dataclasses import replace

from workflows.convert.export import EditorGraph, EditorNode, Socket
from workflows.convert.widgets import read_widgets
from workflows.nodes import NodeClasses

PRIMITIVE = "PrimitiveNode"
GETS, SETS = frozenset({"GetNode", "easy getNode"}), frozenset({"SetNode", "easy setNode"})
"""Pairs of classes that pass a value by name, from KJNodes and Easy-Use."""

NOTES = frozenset({"Note", "MarkdownNote", "Label (rgthree)", "Bookmark (rgthree)"})
REROUTES = frozenset({"Reroute", "Reroute (rgthree)"})
SWITCHES = frozenset(
    {"Fast Muter (rgthree)", "Fast Bypasser (rgthree)", "Fast Actions Button (rgthree)"}
    | {"Fast Groups Muter (rgthree)", "Fast Groups Bypasser (rgthree)"}
    | {"Mute / Bypass Relay (rgthree)", "Mute / Bypass Repeater (rgthree)"}
    | {"Node Collector (rgthree)", "Node Combiner (rgthree)", "Random Unmuter (rgthree)"}
)
"""Classes that change other nodes' modes; the file has the resulting modes."""
_VIRTUAL = REROUTES | NOTES | SWITCHES | GETS | SETS


def is_virtual(node: EditorNode, classes: NodeClasses) -> bool:
    """Return whether the node is never sent to a backend.

    A node without inputs and outputs whose class the backend does not know counts as decoration.
    """
    if node.type in _VIRTUAL or node.type == PRIMITIVE:
        return True
    return not classes.has(node.type) and not node.inputs and not node.outputs


def passed_on(node: EditorNode, slot: int, graph: EditorGraph) -> Socket | None:
    """Return the input whose value an output of a virtual node passes on."""
    if node.type in GETS:
        return _find_set(node, graph)
    return node.inputs[slot] if slot < len(node.inputs) else None


def with_primitives(graph: EditorGraph, classes: NodeClasses) -> EditorGraph:
    """Return the graph with primitives' values in the widgets connected to them."""
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
    """Return the node with these values in its widgets, by name."""
    widgets = read_widgets(node, classes)
    values = {name: one.value for name, one in widgets.items() if one.is_sent}
    values.update((name, value) for name, value in given.items() if name in widgets)
    return replace(node, values=values)


def _first_value(node: EditorNode) -> object:
    if isinstance(node.values, Mapping):
        return next(iter(node.values.values()), None)
    return node.values[0] if node.values else None


def _find_set(node: EditorNode, graph: EditorGraph) -> Socket | None:
    """Return the input of the Set node that a Get node refers to."""
    name = _first_value(node)
    for other in graph.nodes.values():
        if other.type in SETS and other.inputs and _first_value(other) == name:
            return other.inputs[0]
    return None
