"""Expansion of group nodes, which preceded subgraphs in older editors.

A group exposes its nodes' widgets and unconnected inputs and outputs, node after node; connected
widgets come last. Duplicate names are prefixed with the node's title.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from workflows.convert.export import (
    EditorGraph,
    EditorLink,
    EditorNode,
    Export,
    Socket,
    parse_node,
)
from workflows.convert.virtual import PRIMITIVE, with_values
from workflows.convert.widgets import SLOT_OF_CONTROL, list_slots, list_sockets
from workflows.errors import InvalidGraph
from workflows.nodes import NodeClasses

PREFIXES = ("workflow>", "workflow/")
"""Prefixes of a group's type; the second was used before the first was introduced."""

REROUTE = "Reroute"
MAX_DEPTH = 16
"""Nesting of groups."""

ANY = "*"
"""Type of a connection that accepts everything."""

_BARE = Socket("", ANY)


@dataclass(frozen=True, slots=True)
class _Link:
    origin: int
    origin_slot: int
    target: int
    target_slot: int


@dataclass(frozen=True, slots=True)
class _Widget:
    """A widget that a group exposes: its node, and the number of its values in the file."""

    node: int
    name: str
    slots: int


@dataclass(slots=True)
class _Group:
    """A definition and what it exposes: widgets and inputs by name, outputs in order."""

    nodes: Sequence[EditorNode]
    links: Sequence[_Link]
    external: frozenset[tuple[int, int]]
    config: Mapping[str, Any]
    widgets: dict[str, _Widget] = field(default_factory=dict)
    sockets: dict[str, tuple[int, str]] = field(default_factory=dict)
    outputs: list[tuple[int, int]] = field(default_factory=list)

    def link_to(self, node: int, name: str) -> _Link | None:
        """Return the inner link that ends at an input."""
        names = [one.name for one in self.nodes[node].inputs]
        for link in self.links:
            if link.target == node and names[link.target_slot : link.target_slot + 1] == [name]:
                return link
        return None

    def is_sent(self, node: int, slot: int) -> bool:
        """Return whether an output is connected inside."""
        return any((link.origin, link.origin_slot) == (node, slot) for link in self.links)

    def setting(self, node: int, kind: str, name: str) -> Mapping[str, Any]:
        """Return the author's setting of an input or output: another name, or hidden."""
        found: object = self.config
        for key in (str(node), kind, name):
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}


def without_groups(export: Export, classes: NodeClasses) -> Export:
    """Replace group nodes by their nodes, whose ids are `group:position`.

    Raises InvalidGraph for groups nested without end.
    """
    definitions = export.extra.get("groupNodes")
    if not isinstance(definitions, dict):
        return export
    groups = _Groups(definitions, classes)
    subgraphs = {
        name: replace(one, graph=groups.unfold(one.graph)) for name, one in export.subgraphs.items()
    }
    return replace(export, graph=groups.unfold(export.graph), subgraphs=subgraphs)


class _Groups:
    """The groups of a file, parsed when needed."""

    def __init__(self, definitions: Mapping[str, Any], classes: NodeClasses) -> None:
        self._definitions = definitions
        self._classes = classes
        self._known: dict[str, _Group] = {}

    def unfold(self, graph: EditorGraph) -> EditorGraph:
        for _ in range(MAX_DEPTH):
            found = next((one for one in graph.nodes.values() if self._is_unfolded(one)), None)
            if found is None:
                return graph
            for node in [one for one in graph.nodes.values() if self._is_unfolded(one)]:
                graph = self._unfold_one(graph, node)
        raise InvalidGraph(["The group nodes are nested too deeply, or contain themselves."])

    def _is_unfolded(self, node: EditorNode) -> bool:
        """Return whether a group is expanded: a muted or bypassed one stays a node."""
        return self._name(node.type) is not None and not node.is_off

    def _name(self, node_type: str) -> str | None:
        for prefix in PREFIXES:
            name = node_type.removeprefix(prefix)
            if name != node_type and isinstance(self._definitions.get(name), dict):
                return name
        return None

    def _find(self, node_type: str, depth: int = 0) -> _Group | None:
        name = self._name(node_type)
        if name is None:
            return None
        if depth > MAX_DEPTH:
            raise InvalidGraph([f'The group node "{name}" contains itself.'])
        if name not in self._known:
            self._known[name] = self._read(self._definitions[name], depth)
        return self._known[name]

    # Exposed widgets, inputs and outputs.

    def _read(self, raw: Mapping[str, Any], depth: int) -> _Group:
        listed = raw.get("nodes")
        nodes = [
            parse_node({**one, "id": position})
            for position, one in enumerate(listed if isinstance(listed, list) else ())
            if isinstance(one, dict)
        ]
        links = [one for one in _read_links(raw.get("links")) if _fits(one, len(nodes))]
        open_types = dict(_read_open_types(raw))
        config = raw.get("config")
        group = _Group(
            [
                _with_typed_input(position, nodes, links, open_types)
                if node.type == REROUTE
                else node
                for position, node in enumerate(nodes)
            ],
            links,
            frozenset(_read_external(raw.get("external"))),
            config if isinstance(config, dict) else {},
        )
        taken: dict[str, int] = {}
        for position in range(len(nodes)):
            self._show_inputs(group, position, taken, depth)
            self._show_outputs(group, position, depth)
        for position in range(len(nodes)):
            self._show_converted(group, position, taken, depth)
        return group

    def _show_inputs(self, group: _Group, position: int, taken: dict[str, int], depth: int) -> None:
        node = group.nodes[position]
        converted = {one.widget for one in node.inputs if one.widget}
        for name, slots in self._widgets(group, position, depth):
            if name not in converted:
                shown = _name_shown(group, position, name, taken)
                group.widgets[shown] = _Widget(position, name, slots)
        for name in self._sockets(group, position, depth):
            if group.link_to(position, name) is None:
                shown = _name_shown(group, position, name, taken)
                if group.setting(position, "input", name).get("visible") is not False:
                    group.sockets[shown] = (position, name)

    def _show_converted(
        self, group: _Group, position: int, taken: dict[str, int], depth: int
    ) -> None:
        slots = dict(self._widgets(group, position, depth))
        for socket in group.nodes[position].inputs:
            name = socket.widget
            if name in slots and group.link_to(position, socket.name) is None:
                shown = _name_shown(group, position, str(name), taken)
                group.widgets[shown] = _Widget(position, str(name), slots[str(name)])

    def _show_outputs(self, group: _Group, position: int, depth: int) -> None:
        for slot in range(self._output_count(group, position, depth)):
            is_hidden = group.is_sent(position, slot) and (position, slot) not in group.external
            visible = group.setting(position, "output", str(slot)).get("visible")
            if visible if isinstance(visible, bool) else not is_hidden:
                group.outputs.append((position, slot))

    def _widgets(self, group: _Group, position: int, depth: int) -> list[tuple[str, int]]:
        node = group.nodes[position]
        inner = self._find(node.type, depth + 1)
        if inner is not None:
            return [(name, one.slots) for name, one in inner.widgets.items()]
        if node.type == PRIMITIVE:
            is_used = any(one.origin == position for one in group.links)
            return [("value", len(node.values) or SLOT_OF_CONTROL)] if is_used else []
        return _stored(list_slots(node.type, self._classes), node)

    def _sockets(self, group: _Group, position: int, depth: int) -> list[str]:
        node = group.nodes[position]
        inner = self._find(node.type, depth + 1)
        if inner is not None:
            return list(inner.sockets)
        if node.type == REROUTE:
            return [one.name for one in node.inputs] if self._is_open(group, position) else []
        return list_sockets(node.type, self._classes)

    def _output_count(self, group: _Group, position: int, depth: int) -> int:
        node = group.nodes[position]
        inner = self._find(node.type, depth + 1)
        if inner is not None:
            return len(inner.outputs)
        if node.type == PRIMITIVE:
            return 1 if any(one.origin == position for one in group.links) else 0
        if node.type == REROUTE:
            return 1 if self._is_open(group, position) else 0
        return len(self._classes.outputs(node.type))

    def _is_open(self, group: _Group, position: int) -> bool:
        """Return whether a reroute ends at the group's border."""
        is_inside = group.is_sent(position, 0) and any(
            one.target == position for one in group.links
        )
        return not is_inside or (position, 0) in group.external

    # Expansion.

    def _unfold_one(self, graph: EditorGraph, host: EditorNode) -> EditorGraph:
        group = self._find(host.type)
        if group is None:
            return graph
        nodes = {name: one for name, one in graph.nodes.items() if name != host.id}
        for position, node in enumerate(_with_links(group, host)):
            inner = replace(node, id=_inner_id(host, position))
            nodes[inner.id] = self._with_outer_values(group, host, position, inner)
        links = {name: _from_inside(group, host, link) for name, link in graph.links.items()}
        links |= dict(_inner_links(group, host))
        return EditorGraph(nodes, links)

    def _with_outer_values(
        self, group: _Group, host: EditorNode, position: int, node: EditorNode
    ) -> EditorNode:
        given = {
            group.widgets[name].name: value
            for name, value in _outer_values(group, host)
            if group.widgets[name].node == position
        }
        if not given:
            return node
        inner = self._find(node.type)
        if inner is not None:
            return replace(node, values=_by_name(inner, node) | given)
        if node.type == PRIMITIVE:
            return replace(node, values=[given["value"]])
        return with_values(node, given, self._classes)


def _outer_values(group: _Group, host: EditorNode) -> Iterator[tuple[str, Any]]:
    """Return a group node's values by the exposed names."""
    if isinstance(host.values, Mapping):
        yield from ((name, value) for name, value in host.values.items() if name in group.widgets)
        return
    place = 0
    for name, widget in group.widgets.items():
        if place >= len(host.values):
            return
        yield name, host.values[place]
        place += widget.slots


def _by_name(group: _Group, host: EditorNode) -> dict[str, Any]:
    return dict(_outer_values(group, host))


def _with_links(group: _Group, host: EditorNode) -> list[EditorNode]:
    """Return the group's nodes, connected to each other and to the group node's sources."""
    outside = _links_from_outside(group, host)
    inside = {
        (link.target, link.target_slot): f"{host.id}/{number}"
        for number, link in enumerate(group.links)
    }
    found = []
    for position, node in enumerate(group.nodes):
        sockets = tuple(
            replace(
                one,
                link=inside.get(
                    (position, slot),
                    outside.get((position, one.name), outside.get((position, one.widget or ""))),
                ),
            )
            for slot, one in enumerate(node.inputs)
        )
        known = {one.name for one in sockets} | {one.widget for one in sockets}
        added = tuple(
            replace(_BARE, name=name, link=link)
            for (owner, name), link in outside.items()
            if owner == position and name not in known
        )
        found.append(replace(node, inputs=sockets + added))
    return found


def _links_from_outside(group: _Group, host: EditorNode) -> dict[tuple[int, str], str]:
    found = {}
    for socket in host.inputs:
        widget = group.widgets.get(socket.widget or socket.name)
        owner = (widget.node, widget.name) if widget else group.sockets.get(socket.name)
        if owner is not None and socket.link is not None:
            found[owner] = socket.link
    return found


def _inner_links(group: _Group, host: EditorNode) -> Iterator[tuple[str, EditorLink]]:
    for number, link in enumerate(group.links):
        yield (
            f"{host.id}/{number}",
            EditorLink(
                _inner_id(host, link.origin),
                link.origin_slot,
                _inner_id(host, link.target),
                link.target_slot,
            ),
        )


def _from_inside(group: _Group, host: EditorNode, link: EditorLink) -> EditorLink:
    """Replace a link from the group node by one from the inner node of that output."""
    if link.origin != host.id or link.origin_slot >= len(group.outputs):
        return link
    position, slot = group.outputs[link.origin_slot]
    return replace(link, origin=_inner_id(host, position), origin_slot=slot)


def _inner_id(host: EditorNode, position: int) -> str:
    return f"{host.id}:{position}"


def _name_shown(group: _Group, position: int, name: str, taken: dict[str, int]) -> str:
    node = group.nodes[position]
    given = group.setting(position, "input", name).get("name")
    label = next((one.label for one in node.inputs if one.name == name and one.label), None)
    shown = given if isinstance(given, str) else label or name
    key = shown
    if (node.type == PRIMITIVE and node.title) or shown in taken:
        before = f"{node.title or node.type} "
        key = shown = f"{before}{name}"
        if shown in taken:
            shown = f"{before}{taken[shown]} {name}"
    taken[key] = taken.get(key, 1) + 1
    return shown


def _read_links(raw: object) -> Iterator[_Link]:
    for one in raw if isinstance(raw, list) else ():
        match one:
            case [int(origin), int(origin_slot), int(target), int(target_slot), *_]:
                yield _Link(origin, origin_slot, target, target_slot)


def _fits(link: _Link, count: int) -> bool:
    places = (link.origin, link.target)
    slots = (link.origin_slot, link.target_slot)
    return all(0 <= place < count for place in places) and all(slot >= 0 for slot in slots)


def _read_open_types(raw: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Return the types of reroutes at the border: those of outputs, else of inputs."""
    external, links = raw.get("external"), raw.get("links")
    for one in external if isinstance(external, list) else ():
        match one:
            case [int(node), _, str(passing), *_]:
                yield node, passing
    for one in reversed(links) if isinstance(links, list) else ():
        match one:
            case [_, _, int(target), _, _, str(passing), *_]:
                yield target, passing


def _with_typed_input(
    position: int,
    nodes: Sequence[EditorNode],
    links: Sequence[_Link],
    open_types: Mapping[int, str],
) -> EditorNode:
    """Name a reroute's input as the editor does: by the type that passes."""
    node = nodes[position]
    wanted = [
        socket.type
        for link in links
        if link.origin == position
        for socket in nodes[link.target].inputs[link.target_slot : link.target_slot + 1]
    ]
    # If an inner link ends at it, the group exposes no input, and the name is never read.
    passing = open_types.get(position, ANY)
    if wanted:
        passing = next((one for one in wanted if one != ANY), ANY)
    first = node.inputs[0] if node.inputs else _BARE
    return replace(node, inputs=(replace(first, name=passing), *node.inputs[1:]))


def _stored(slots: Sequence[tuple[str, int]], node: EditorNode) -> list[tuple[str, int]]:
    """Return the widgets with stored values: the class may have gained more since then."""
    if isinstance(node.values, Mapping) or not node.values:
        return list(slots)
    begins = accumulate((count for _, count in slots), initial=0)
    return [one for one, begin in zip(slots, begins, strict=False) if begin < len(node.values)]


def _read_external(raw: object) -> Iterator[tuple[int, int]]:
    for one in raw if isinstance(raw, list) else ():
        match one:
            case [int(node), int(slot), *_]:
                yield node, slot
