"""Input at which each link of a file ends: the link table decides, not the nodes' inputs.

Frontend 1.58 reads connections from the table only. A node's own reference to a link matters only
if several links end at one place, or if the class has other inputs now than when the file was
saved.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from workflows.convert.export import EditorGraph, EditorLink, EditorNode, Export, Port, Socket
from workflows.convert.widgets import list_sockets
from workflows.nodes import NodeClasses, is_shown

_DYNAMIC = "COMFY_"
"""Prefix of the types of inputs that the editor shows as several."""


def wire(export: Export, classes: NodeClasses) -> Export:
    """Return the file with every node's inputs as the editor shows them, connected by the table."""
    ports = {name: one.inputs for name, one in export.subgraphs.items()}
    graph, _ = _wired(export.graph, ports, classes)
    subgraphs = {}
    for name, one in export.subgraphs.items():
        inner, instead = _wired(one.graph, ports, classes)
        inputs, outputs = (_renamed(given, instead) for given in (one.inputs, one.outputs))
        subgraphs[name] = replace(one, graph=inner, inputs=inputs, outputs=outputs)
    return replace(export, graph=graph, subgraphs=subgraphs)


def _wired(
    graph: EditorGraph, ports: Mapping[str, tuple[Port, ...]], classes: NodeClasses
) -> tuple[EditorGraph, Mapping[str, str]]:
    """Return the graph, and for each link of the file the id of the one that counts."""
    links, instead = _distinct(graph)
    arriving: dict[str, list[tuple[str, EditorLink]]] = {}
    for link_id, link in links.items():
        arriving.setdefault(link.target, []).append((link_id, link))
    nodes = {}
    for node_id, node in graph.nodes.items():
        laid_out = [
            replace(one, link=instead.get(one.link or "", one.link))
            for one in _lay_out(node, ports, classes)
        ]
        inputs = _connected(laid_out, arriving.get(node_id, ()))
        nodes[node_id] = replace(node, inputs=tuple(inputs))
    return EditorGraph(nodes, links), instead


def _distinct(graph: EditorGraph) -> tuple[dict[str, EditorLink], Mapping[str, str]]:
    """Return one link per target: the first, unless only a later one is named by an input.

    Also return the id of the kept link for each link of the file.
    """
    named = {socket.link for node in graph.nodes.values() for socket in node.inputs}
    kept: dict[tuple[str, int], str] = {}
    for link_id, link in graph.links.items():
        first_id = kept.setdefault((link.target, link.target_slot), link_id)
        first = graph.links[first_id]
        is_same = (first.origin, first.origin_slot) == (link.origin, link.origin_slot)
        if not is_same and link_id in named and first_id not in named:
            kept[link.target, link.target_slot] = link_id
    instead = {name: kept[one.target, one.target_slot] for name, one in graph.links.items()}
    return {link_id: graph.links[link_id] for link_id in kept.values()}, instead


def _renamed(ports: Sequence[Port], instead: Mapping[str, str]) -> tuple[Port, ...]:
    return tuple(
        replace(one, links=tuple(dict.fromkeys(instead.get(link, link) for link in one.links)))
        for one in ports
    )


def _lay_out(
    node: EditorNode, ports: Mapping[str, tuple[Port, ...]], classes: NodeClasses
) -> list[Socket]:
    """Return a node's inputs in the editor's order, with the saved ones where they exist."""
    saved = {one.name: one for one in node.inputs}
    if node.type in ports:
        return [saved.get(one.name, Socket(one.name, one.type)) for one in ports[node.type]]
    if not classes.has(node.type):
        return list(node.inputs)
    laid_out = list(_of_class(node.type, classes))
    if any(one.type.startswith(_DYNAMIC) for one in laid_out):
        # Only the file has the number of inputs of a dynamic type.
        return [*node.inputs, *(one for one in laid_out if one.name not in saved)]
    names = {one.name for one in laid_out}
    extra = (one for one in node.inputs if one.name not in names)
    return [*(saved.get(one.name, one) for one in laid_out), *extra]


def _of_class(class_type: str, classes: NodeClasses) -> Iterator[Socket]:
    """List a class's inputs: those that can only be connected, then those with widgets."""
    inputs = classes.inputs(class_type)
    yield from (Socket(name, inputs[name].type) for name in list_sockets(class_type, classes))
    for name, spec in inputs.items():
        if is_shown(spec):
            yield Socket(name, spec.type, widget=name)


def _connected(
    sockets: Sequence[Socket], links: Sequence[tuple[str, EditorLink]]
) -> Iterator[Socket]:
    """Assign links to inputs: first by their index in the table, then those that moved."""
    aims = [(link_id, link.target_slot, _aim(sockets, link_id, link)) for link_id, link in links]
    taken: dict[int, str] = {}
    for link_id, slot, aim in sorted(aims, key=lambda one: one[1] != one[2]):
        taken.setdefault(slot if aim in taken else aim, link_id)
    for position, socket in enumerate(sockets):
        yield replace(socket, link=taken.get(position))


def _aim(sockets: Sequence[Socket], link_id: str, link: EditorLink) -> int:
    """Return the index of the input that names the link, else the one in the table."""
    named = [position for position, one in enumerate(sockets) if one.link == link_id]
    return link.target_slot if link.target_slot in named or not named else named[0]
