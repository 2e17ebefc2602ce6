"""Expansion of group nodes, which preceded subgraphs in older editors.

A group exposes its nodes' widgets and unconnected inputs and outputs, node after node; connected
widgets come last. Duplicate names are prefixed with the node's title.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from workflows.convert.export import EditorGraph, EditorLink, EditorNode, Export, check_size
from workflows.convert.group_definitions import BARE, Group, GroupDefinitions
from workflows.convert.virtual import PRIMITIVE, with_values
from workflows.nodes import NodeClasses


def without_groups(export: Export, classes: NodeClasses) -> Export:
    """Replace group nodes by their nodes, whose ids are `group:position`.

    Raises InvalidGraph for groups nested without end, and for too many nodes.
    """
    definitions = export.extra.get("groupNodes")
    if not isinstance(definitions, dict):
        return export
    groups = _Unfolding(GroupDefinitions(definitions, classes), classes)
    subgraphs = {
        name: replace(one, graph=groups.unfold(one.graph)) for name, one in export.subgraphs.items()
    }
    return replace(export, graph=groups.unfold(export.graph), subgraphs=subgraphs)


class _Unfolding:
    """Expands the group nodes of a file."""

    def __init__(self, groups: GroupDefinitions, classes: NodeClasses) -> None:
        self._groups = groups
        self._classes = classes

    def unfold(self, graph: EditorGraph) -> EditorGraph:
        while hosts := {host.id: (group, host) for group, host in self._hosts(graph)}:
            check_size(sum(len(group.nodes) for group, _ in hosts.values()))
            nodes = {name: one for name, one in graph.nodes.items() if name not in hosts}
            links = {
                name: _from_inside(*hosts[link.origin], link) if link.origin in hosts else link
                for name, link in graph.links.items()
            }
            for group, host in hosts.values():
                nodes |= {one.id: one for one in self._inner_nodes(group, host)}
                links |= _inner_links(group, host)
            graph = EditorGraph(nodes, links)
        return graph

    def _hosts(self, graph: EditorGraph) -> Iterator[tuple[Group, EditorNode]]:
        """Yield the group nodes to expand: a muted or bypassed one stays a node."""
        for node in graph.nodes.values():
            group = self._groups.find(node.type)
            if group is not None and not node.is_off:
                yield group, node

    def _inner_nodes(self, group: Group, host: EditorNode) -> Iterator[EditorNode]:
        for position, node in enumerate(_with_links(group, host)):
            inner = replace(node, id=_inner_id(host, position))
            yield self._with_outer_values(group, host, position, inner)

    def _with_outer_values(
        self, group: Group, host: EditorNode, position: int, node: EditorNode
    ) -> EditorNode:
        given = {
            group.widgets[name].name: value
            for name, value in _outer_values(group, host)
            if group.widgets[name].node == position
        }
        if not given:
            return node
        inner = self._groups.find(node.type)
        if inner is not None:
            return replace(node, values=dict(_outer_values(inner, node)) | given)
        if node.type == PRIMITIVE:
            return replace(node, values=[given["value"]])
        return with_values(node, given, self._classes)


def _outer_values(group: Group, host: EditorNode) -> Iterator[tuple[str, Any]]:
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


def _with_links(group: Group, host: EditorNode) -> list[EditorNode]:
    """Return the group's nodes, connected to each other and to the group node's sources."""
    outside = _links_from_outside(group, host)
    inside = {
        (link.target, link.target_slot): f"{host.id}/{number}"
        for number, link in enumerate(group.links)
    }
    found = []
    for position, node in enumerate(group.nodes):
        names = [one.widget or one.name for one in node.inputs]
        sockets = tuple(
            replace(one, link=inside.get((position, slot), outside.get((position, name))))
            for slot, (one, name) in enumerate(zip(node.inputs, names, strict=True))
        )
        added = tuple(
            replace(BARE, name=name, link=link)
            for (owner, name), link in outside.items()
            if owner == position and name not in names
        )
        found.append(replace(node, inputs=sockets + added))
    return found


def _links_from_outside(group: Group, host: EditorNode) -> dict[tuple[int, str], str]:
    found = {}
    for socket in host.inputs:
        widget = group.widgets.get(socket.widget or socket.name)
        owner = (widget.node, widget.name) if widget else group.sockets.get(socket.name)
        if owner is not None and socket.link is not None:
            found[owner] = socket.link
    return found


def _inner_links(group: Group, host: EditorNode) -> dict[str, EditorLink]:
    return {
        f"{host.id}/{number}": EditorLink(
            _inner_id(host, link.origin),
            link.origin_slot,
            _inner_id(host, link.target),
            link.target_slot,
        )
        for number, link in enumerate(group.links)
    }


def _from_inside(group: Group, host: EditorNode, link: EditorLink) -> EditorLink:
    """Replace a link from the group node by one from the inner node of that output."""
    if link.origin_slot >= len(group.outputs):
        return link
    position, slot = group.outputs[link.origin_slot]
    return replace(link, origin=_inner_id(host, position), origin_slot=slot)


def _inner_id(host: EditorNode, position: int) -> str:
    return f"{host.id}:{position}"
