"""Flattening of subgraphs, and resolution of connections through reroutes and bypassed nodes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from workflows.convert import promotion, virtual
from workflows.convert.export import (
    BYPASSED,
    INPUT_NODE,
    MAX_DEPTH,
    MUTED,
    EditorGraph,
    EditorNode,
    Export,
    Port,
    Socket,
    Subgraph,
    check_size,
)
from workflows.convert.widgets import Widget, read_widgets
from workflows.errors import InvalidGraph, Sentence
from workflows.graph import Link
from workflows.nodes import NodeClasses

MAX_STEPS = 200
"""Reroutes, bypassed nodes and subgraph borders that one connection may pass."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that reaches an input through a subgraph's border."""

    value: object


Source = Link | Constant


class GraphInstance:
    """One flattened graph: the root, or the contents of a subgraph's instance."""

    def __init__(
        self,
        export: Export,
        classes: NodeClasses,
        graph: EditorGraph,
        *,
        subgraph: Subgraph | None = None,
        host: EditorNode | None = None,
        outside: "GraphInstance | None" = None,
    ) -> None:
        self.export = export
        self.classes = classes
        self.graph = virtual.with_primitives(graph, classes)
        self.subgraph = subgraph
        self.host = host
        self.outside = outside
        self.path: tuple[str, ...] = (*outside.path, host.id) if outside and host else ()
        self.root: GraphInstance = outside.root if outside else self
        self._node_count = 0
        self.root.count(len(graph.nodes) + 1)
        self._inside: dict[str, GraphInstance] = {}
        self._widgets: dict[str, dict[str, Widget]] = {}
        if len(self.path) > MAX_DEPTH:
            raise InvalidGraph([Sentence("A subgraph contains itself: the workflow has no end.")])

    def count(self, nodes: int) -> None:
        """Count flattened nodes. Raises InvalidGraph if there are too many."""
        self._node_count += nodes
        check_size(self._node_count)

    def name(self, node_id: str) -> str:
        """Return a node's id in the resulting graph."""
        return ":".join((*self.path, node_id))

    def runs(self, node: EditorNode) -> bool:
        """Return whether the node runs on a backend."""
        return not (
            node.is_off
            or node.type in self.export.subgraphs
            or virtual.is_virtual(node, self.classes)
        )

    def walk(self) -> "Iterator[tuple[GraphInstance, EditorNode]]":
        """Yield every node that runs, here and in subgraphs.

        Muting a nested subgraph only cuts its connections, as in the editor.
        """
        for node in self.graph.nodes.values():
            if self.runs(node):
                yield self, node
            elif node.type in self.export.subgraphs and not (node.is_off and self.host is None):
                yield from self.inside(node).walk()

    def walk_all(self) -> "Iterator[tuple[GraphInstance, EditorNode]]":
        """Yield every node, running or not; those of a subgraph before its instance."""
        for node in self.graph.nodes.values():
            if node.type in self.export.subgraphs:
                yield from self.inside(node).walk_all()
            yield self, node

    def title(self, node: EditorNode) -> str:
        """Return a node's title in the editor."""
        return node.title or self.classes.display_name(node.type)

    def values_of(self, node: EditorNode) -> Mapping[str, object]:
        """Return the values of a node's widgets by name; of an instance, the promoted ones."""
        subgraph = self.export.subgraphs.get(node.type)
        if subgraph is not None:
            return self._host_values(node, subgraph)
        return {name: one.value for name, one in self.widgets(node).items()}

    def inside(self, node: EditorNode) -> "GraphInstance":
        """Return the flattened contents of a subgraph's instance."""
        if node.id not in self._inside:
            subgraph = self.export.subgraphs[node.type]
            self._inside[node.id] = GraphInstance(
                self.export,
                self.classes,
                promotion.with_own_values(subgraph.graph, node, self.classes),
                subgraph=subgraph,
                host=node,
                outside=self,
            )
        return self._inside[node.id]

    def widgets(self, node: EditorNode) -> dict[str, Widget]:
        """Return a node's widgets by name."""
        if node.id not in self._widgets:
            self._widgets[node.id] = read_widgets(node, self.classes)
        return self._widgets[node.id]

    # Sources of inputs.

    def find_source(self, socket: Socket, seen: frozenset[object] = frozenset()) -> Source | None:
        """Resolve what is connected to an input; None if nothing that runs is."""
        link = self.graph.links.get(socket.link) if socket.link is not None else None
        if link is None:
            return None
        if link.origin == INPUT_NODE and self.subgraph is not None:
            return self._find_outside(link.origin_slot, seen)
        return self._find_output(link.origin, link.origin_slot, socket.type, seen)

    def _find_outside(self, position: int, seen: frozenset[object]) -> Source | None:
        """Resolve a subgraph's input: a node outside, or the value of its host."""
        if self.subgraph is None or self.host is None or self.outside is None:
            return None
        if position >= len(self.subgraph.inputs):
            return None
        port = self.subgraph.inputs[position]
        socket = next((one for one in self.host.inputs if one.name == port.name), None)
        if socket is not None and socket.link is not None:
            return self.outside.find_source(socket, self._step(seen, "in", position))
        return self.outside.host_value(self.host, self.subgraph, port)

    def _find_output(
        self, node_id: str, slot: int, wanted: str, seen: frozenset[object]
    ) -> Source | None:
        node = self.graph.nodes.get(node_id)
        if node is None:
            return None
        seen = self._step(seen, "out", node_id, slot)
        if node.mode == MUTED:
            return None
        if node.mode == BYPASSED:
            passed = _bypass(node, slot, wanted)
            return self.find_source(passed, seen) if passed else None
        if node.type in self.export.subgraphs:
            return self.inside(node).find_inside(slot, wanted, seen)
        if virtual.is_virtual(node, self.classes):
            passed = virtual.passed_on(node, slot, self.graph)
            # The wanted type is the one behind the virtual node.
            return self.find_source(replace(passed, type=wanted), seen) if passed else None
        return Link(self.name(node_id), slot)

    def find_inside(self, slot: int, wanted: str, seen: frozenset[object]) -> Source | None:
        """Resolve a subgraph's output."""
        if self.subgraph is None or slot >= len(self.subgraph.outputs):
            return None
        links = (self.graph.links.get(one) for one in self.subgraph.outputs[slot].links)
        link = next((one for one in links if one is not None), None)
        if link is None:
            return None
        if link.origin == INPUT_NODE:
            return self._find_outside(link.origin_slot, seen)
        return self._find_output(link.origin, link.origin_slot, wanted, seen)

    def _step(self, seen: frozenset[object], *where: object) -> frozenset[object]:
        step = (self.path, *where)
        if step in seen:
            raise InvalidGraph(
                [Sentence("Nodes are connected in a circle through reroutes or subgraphs.")]
            )
        if len(seen) > MAX_STEPS:
            raise InvalidGraph(
                [Sentence("Nodes are connected through too many reroutes or subgraphs.")]
            )
        return seen | {step}

    # Values at a subgraph's border.

    def host_value(self, host: EditorNode, subgraph: Subgraph, port: Port) -> Constant | None:
        """Return the value of an instance's widget; None if the input has no widget."""
        values = self._host_values(host, subgraph)
        return Constant(values[port.name]) if port.name in values else None

    def _host_values(self, host: EditorNode, subgraph: Subgraph) -> Mapping[str, object]:
        key = f"values of {host.id}"
        if key not in self._widgets:
            place = self.inside(host)
            shown = {
                port.name: value
                for port in subgraph.inputs
                if (value := place.promoted(port)) is not None
            }
            own = promotion.own_values(host, subgraph, list(shown))
            self._widgets[key] = {
                name: Widget(name, own.get(name, widget.value)) for name, widget in shown.items()
            }
        return {name: widget.value for name, widget in self._widgets[key].items()}

    def promoted(self, port: Port) -> Widget | None:
        """Return the widget promoted by a subgraph's input: the first that it is connected to."""
        for link_id in port.links:
            link = self.graph.links.get(link_id)
            node = self.graph.nodes.get(link.target) if link else None
            if link is None or node is None:
                continue
            socket = node.socket_of(link_id)
            if socket is None:
                continue
            inner = self.export.subgraphs.get(node.type)
            if inner is not None:
                found = next((one for one in inner.inputs if one.name == socket.name), None)
                value = self.host_value(node, inner, found) if found else None
                if value is not None:
                    return Widget(port.name, value.value)
                continue
            widget = self.widgets(node).get(socket.widget or socket.name)
            if widget is not None:
                return widget
            if socket.widget and not self.classes.has(node.type):
                # The file itself says that it is a widget, and has a value for it.
                return Widget(port.name, None)
        return None


def _bypass(node: EditorNode, slot: int, wanted: str) -> Socket | None:
    """Return the input of a bypassed node that replaces one of its outputs."""
    inputs = node.inputs
    if not inputs:
        return None
    if wanted == "*":
        return inputs[slot] if slot < len(inputs) else inputs[0]
    given = node.outputs[slot] if slot < len(node.outputs) else "*"

    def fits(socket: Socket) -> bool:
        return connects(socket.type, given) and connects(socket.type, wanted)

    # The editor's order (ExecutableNodeDTO of ComfyUI_frontend): the same place, then the exact
    # type, then any input that fits.
    if slot < len(inputs) and fits(inputs[slot]):
        return inputs[slot]
    exact = next((one for one in inputs if one.type == wanted), None)
    return exact or next((one for one in inputs if fits(one)), None)


def connects(one: str, other: str) -> bool:
    """Return whether the editor lets an output of one type connect to an input of the other."""
    if "*" in (one, other):
        return True
    return bool({*one.lower().split(",")} & {*other.lower().split(",")})
