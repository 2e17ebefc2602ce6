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
    EditorLink,
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


@dataclass(frozen=True, slots=True)
class Instance:
    """A subgraph's instance: its definition, its node, and the graph that the node is in."""

    subgraph: Subgraph
    host: EditorNode
    outside: "GraphInstance"


class GraphInstance:
    """One flattened graph: the root, or the contents of a subgraph's instance."""

    def __init__(
        self,
        export: Export,
        classes: NodeClasses,
        graph: EditorGraph,
        instance: Instance | None = None,
    ) -> None:
        self.export = export
        self.classes = classes
        self.graph = virtual.with_primitives(graph, classes)
        self.instance = instance
        self.path: tuple[str, ...] = (
            (*instance.outside.path, instance.host.id) if instance is not None else ()
        )
        self.root: GraphInstance = instance.outside.root if instance is not None else self
        self._node_count = 0
        self.root.count(len(graph.nodes))
        self._inside: dict[str, GraphInstance] = {}
        self._widgets: dict[str, dict[str, Widget]] = {}
        self._promoted: dict[str, Mapping[str, object]] = {}
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
            elif node.type in self.export.subgraphs and not (node.is_off and self.instance is None):
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
            return self._promoted_values(node, subgraph)
        return {name: one.value for name, one in self.widgets(node).items()}

    def inside(self, node: EditorNode) -> "GraphInstance":
        """Return the flattened contents of a subgraph's instance."""
        if node.id not in self._inside:
            subgraph = self.export.subgraphs[node.type]
            self._inside[node.id] = GraphInstance(
                self.export,
                self.classes,
                promotion.with_own_values(subgraph.graph, node, self.classes),
                Instance(subgraph, node, self),
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
        return self._find_origin(link, socket.type, seen)

    def _find_origin(
        self, link: EditorLink | None, wanted: str, seen: frozenset[object]
    ) -> Source | None:
        if link is None:
            return None
        if link.origin == INPUT_NODE:
            return self._find_outside(link.origin_slot, seen)
        return self._find_output(link.origin, link.origin_slot, wanted, seen)

    def _find_outside(self, position: int, seen: frozenset[object]) -> Source | None:
        """Resolve a subgraph's input: a node outside, or the value of its host."""
        instance = self.instance
        if instance is None or position >= len(instance.subgraph.inputs):
            return None
        name = instance.subgraph.inputs[position].name
        socket = next((one for one in instance.host.inputs if one.name == name), None)
        if socket is not None and socket.link is not None:
            return instance.outside.find_source(socket, self._step(seen, "in", position))
        return instance.outside.value_of(instance.host, name)

    def _find_output(
        self, node_id: str, slot: int, wanted: str, seen: frozenset[object]
    ) -> Source | None:
        node = self.graph.nodes.get(node_id)
        if node is None or node.mode == MUTED:
            return None
        seen = self._step(seen, "out", node_id, slot)
        if node.mode == BYPASSED:
            passed = _bypass(node, slot, wanted)
            return self.find_source(passed, seen) if passed else None
        subgraph = self.export.subgraphs.get(node.type)
        if subgraph is not None:
            if slot >= len(subgraph.outputs):
                return None
            return self.inside(node).find_inside(subgraph.outputs[slot], wanted, seen)
        if virtual.is_virtual(node, self.classes):
            passed = virtual.passed_on(node, slot, self.graph)
            # The wanted type is the one behind the virtual node.
            return self.find_source(replace(passed, type=wanted), seen) if passed else None
        return Link(self.name(node_id), slot)

    def find_inside(self, port: Port, wanted: str, seen: frozenset[object]) -> Source | None:
        """Resolve a subgraph's output."""
        links = (self.graph.links.get(one) for one in port.links)
        link = next((one for one in links if one is not None), None)
        return self._find_origin(link, wanted, seen)

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

    def value_of(self, node: EditorNode, name: str) -> Constant | None:
        """Return the value of a node's widget; None if it has no such widget."""
        values = self.values_of(node)
        return Constant(values[name]) if name in values else None

    def _promoted_values(self, host: EditorNode, subgraph: Subgraph) -> Mapping[str, object]:
        if host.id not in self._promoted:
            place = self.inside(host)
            shown = {
                port.name: found.value
                for port in subgraph.inputs
                if (found := place.promoted(port)) is not None
            }
            own = promotion.own_values(host, subgraph, list(shown))
            self._promoted[host.id] = shown | own
        return self._promoted[host.id]

    def promoted(self, port: Port) -> Constant | None:
        """Return the value of a subgraph's input: of the first widget that it is connected to."""
        for link_id in port.links:
            link = self.graph.links.get(link_id)
            node = self.graph.nodes.get(link.target) if link is not None else None
            socket = node.socket_of(link_id) if node is not None else None
            if node is not None and socket is not None:
                found = self._value_at(node, socket)
                if found is not None:
                    return found
        return None

    def _value_at(self, node: EditorNode, socket: Socket) -> Constant | None:
        if node.type in self.export.subgraphs:
            return self.value_of(node, socket.name)
        if socket.widget and not self.classes.has(node.type):
            # The file itself says that it is a widget, and has a value for it.
            return Constant(self.values_of(node).get(socket.widget))
        return self.value_of(node, socket.widget or socket.name)


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
