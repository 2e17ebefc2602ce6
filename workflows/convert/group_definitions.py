"""Definitions of group nodes, with the widgets, inputs and outputs that a group exposes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from workflows.convert.export import EditorNode, Socket, parse_node
from workflows.convert.virtual import PRIMITIVE
from workflows.convert.widgets import SLOT_OF_CONTROL, list_slots, list_sockets
from workflows.errors import InvalidGraph, Sentence
from workflows.nodes import NodeClasses
from workflows.untrusted import as_dict, as_list

PREFIXES = ("workflow>", "workflow/")
"""Prefixes of a group's type; the second was used before the first was introduced."""

REROUTE = "Reroute"

MAX_DEPTH = 16
"""Nesting of groups."""

ANY = "*"
"""Type of a connection that accepts everything."""

BARE = Socket("", ANY)


@dataclass(frozen=True, slots=True)
class GroupLink:
    """A link inside a group, between positions of its nodes."""

    origin: int
    origin_slot: int
    target: int
    target_slot: int


@dataclass(frozen=True, slots=True)
class GroupWidget:
    """A widget that a group exposes: its node, and the number of its values in the file."""

    node: int
    name: str
    slots: int


@dataclass(slots=True)
class Group:
    """A definition and what it exposes: widgets and inputs by name, outputs in order."""

    nodes: Sequence[EditorNode]
    links: Sequence[GroupLink]
    external: frozenset[tuple[int, int]]
    config: Mapping[str, Any]
    widgets: dict[str, GroupWidget] = field(default_factory=dict)
    sockets: dict[str, tuple[int, str]] = field(default_factory=dict)
    outputs: list[tuple[int, int]] = field(default_factory=list)

    def link_to(self, node: int, name: str) -> GroupLink | None:
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
            found = as_dict(found).get(key)
        return as_dict(found)


class GroupDefinitions:
    """The groups of a file, parsed when needed."""

    def __init__(self, definitions: Mapping[str, Any], classes: NodeClasses) -> None:
        self._definitions = definitions
        self._classes = classes
        self._known: dict[str, Group] = {}

    def name(self, node_type: str) -> str | None:
        """Return the name of the group that a node type stands for, if any."""
        for prefix in PREFIXES:
            name = node_type.removeprefix(prefix)
            if name != node_type and isinstance(self._definitions.get(name), dict):
                return name
        return None

    def find(self, node_type: str, depth: int = 0) -> Group | None:
        """Return the group that a node type stands for, if any.

        Raises InvalidGraph for a group that contains itself.
        """
        name = self.name(node_type)
        if name is None:
            return None
        if depth > MAX_DEPTH:
            raise InvalidGraph([Sentence('The group node "{name}" contains itself.', name=name)])
        if name not in self._known:
            self._known[name] = self._read(self._definitions[name], depth)
        return self._known[name]

    def _read(self, raw: Mapping[str, Any], depth: int) -> Group:
        nodes = [
            parse_node({**one, "id": position})
            for position, one in enumerate(as_list(raw.get("nodes")))
            if isinstance(one, dict)
        ]
        links = [one for one in _read_links(raw.get("links")) if _fits(one, len(nodes))]
        open_types = dict(_read_open_types(raw))
        group = Group(
            [
                _with_typed_input(position, nodes, links, open_types)
                if node.type == REROUTE
                else node
                for position, node in enumerate(nodes)
            ],
            links,
            frozenset(_read_external(raw.get("external"))),
            as_dict(raw.get("config")),
        )
        taken: dict[str, int] = {}
        for position in range(len(nodes)):
            self._show_inputs(group, position, taken, depth)
            self._show_outputs(group, position, depth)
        for position in range(len(nodes)):
            self._show_converted(group, position, taken, depth)
        return group

    def _show_inputs(self, group: Group, position: int, taken: dict[str, int], depth: int) -> None:
        node = group.nodes[position]
        converted = {one.widget for one in node.inputs if one.widget}
        for name, slots in self._widgets(group, position, depth):
            if name not in converted:
                shown = _name_shown(group, position, name, taken)
                group.widgets[shown] = GroupWidget(position, name, slots)
        for name in self._sockets(group, position, depth):
            if group.link_to(position, name) is None:
                shown = _name_shown(group, position, name, taken)
                if group.setting(position, "input", name).get("visible") is not False:
                    group.sockets[shown] = (position, name)

    def _show_converted(
        self, group: Group, position: int, taken: dict[str, int], depth: int
    ) -> None:
        slots = dict(self._widgets(group, position, depth))
        for socket in group.nodes[position].inputs:
            name = socket.widget
            if name in slots and group.link_to(position, socket.name) is None:
                shown = _name_shown(group, position, str(name), taken)
                group.widgets[shown] = GroupWidget(position, str(name), slots[str(name)])

    def _show_outputs(self, group: Group, position: int, depth: int) -> None:
        for slot in range(self._output_count(group, position, depth)):
            is_hidden = group.is_sent(position, slot) and (position, slot) not in group.external
            visible = group.setting(position, "output", str(slot)).get("visible")
            if visible if isinstance(visible, bool) else not is_hidden:
                group.outputs.append((position, slot))

    def _widgets(self, group: Group, position: int, depth: int) -> list[tuple[str, int]]:
        node = group.nodes[position]
        inner = self.find(node.type, depth + 1)
        if inner is not None:
            return [(name, one.slots) for name, one in inner.widgets.items()]
        if node.type == PRIMITIVE:
            is_used = any(one.origin == position for one in group.links)
            return [("value", len(node.values) or SLOT_OF_CONTROL)] if is_used else []
        return _stored(list_slots(node.type, self._classes), node)

    def _sockets(self, group: Group, position: int, depth: int) -> list[str]:
        node = group.nodes[position]
        inner = self.find(node.type, depth + 1)
        if inner is not None:
            return list(inner.sockets)
        if node.type == REROUTE:
            return [one.name for one in node.inputs] if self._is_open(group, position) else []
        return list_sockets(node.type, self._classes)

    def _output_count(self, group: Group, position: int, depth: int) -> int:
        node = group.nodes[position]
        inner = self.find(node.type, depth + 1)
        if inner is not None:
            return len(inner.outputs)
        if node.type == PRIMITIVE:
            return 1 if any(one.origin == position for one in group.links) else 0
        if node.type == REROUTE:
            return 1 if self._is_open(group, position) else 0
        return len(self._classes.outputs(node.type))

    def _is_open(self, group: Group, position: int) -> bool:
        """Return whether a reroute ends at the group's border."""
        is_inside = group.is_sent(position, 0) and any(
            one.target == position for one in group.links
        )
        return not is_inside or (position, 0) in group.external


def _name_shown(group: Group, position: int, name: str, taken: dict[str, int]) -> str:
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


def _read_links(raw: object) -> Iterator[GroupLink]:
    for one in raw if isinstance(raw, list) else ():
        match one:
            case [int(origin), int(origin_slot), int(target), int(target_slot), *_]:
                yield GroupLink(origin, origin_slot, target, target_slot)


def _fits(link: GroupLink, count: int) -> bool:
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
    links: Sequence[GroupLink],
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
    first = node.inputs[0] if node.inputs else BARE
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
