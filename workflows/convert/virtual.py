"""Nodes that only the editor knows: notes, reroutes, primitives, and pairs of Get and Set."""

from collections.abc import Mapping
from dataclasses import replace

from workflows.convert.export import EditorGraph, EditorNode, Socket
from workflows.convert.widgets import read_widgets
from workflows.nodes import NodeClasses

PRIMITIVE = "PrimitiveNode"
GET, SET = "GetNode", "SetNode"
NOTES = frozenset({"Note", "MarkdownNote"})
REROUTES = frozenset({"Reroute", "Reroute (rgthree)"})


def is_virtual(node: EditorNode, classes: NodeClasses) -> bool:
    """Whether no backend ever sees the node.

    One without any input and output that the backend does not know is decoration of some kind.
    """
    if node.type in REROUTES | NOTES | {PRIMITIVE, GET, SET}:
        return True
    return not classes.has(node.type) and not node.inputs and not node.outputs


def passed_on(node: EditorNode, slot: int, graph: EditorGraph) -> Socket | None:
    """The input that an output of a virtual node repeats."""
    if node.type == GET:
        return _find_set(node, graph)
    return node.inputs[slot] if slot < len(node.inputs) else None


def with_primitives(graph: EditorGraph, classes: NodeClasses) -> EditorGraph:
    """The graph with the values of primitives in the widgets that they are connected to."""
    values: dict[str, dict[str, object]] = {}
    for link in graph.links.values():
        origin, target = graph.nodes.get(link.origin), graph.nodes.get(link.target)
        if origin is None or target is None or origin.type != PRIMITIVE or origin.is_off:
            continue
        value = _first_value(origin)
        if value is not None and link.target_slot < len(target.inputs):
            socket = target.inputs[link.target_slot]
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
    by_name = {name: one.value for name, one in read_widgets(node, classes).items()}
    return replace(node, values={**by_name, **given})


def _first_value(node: EditorNode) -> object:
    if isinstance(node.values, Mapping):
        return next(iter(node.values.values()), None)
    return node.values[0] if node.values else None


def _find_set(node: EditorNode, graph: EditorGraph) -> Socket | None:
    """The input of the Set that a Get is named after."""
    name = _first_value(node)
    for other in graph.nodes.values():
        if other.type == SET and other.inputs and _first_value(other) == name:
            return other.inputs[0]
    return None
