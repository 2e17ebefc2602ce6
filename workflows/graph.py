"""API-format graphs: parsing and queries. Nothing here changes a graph."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from typing import Any, NamedTuple

from workflows.errors import InvalidGraph, Sentence

Node = dict[str, Any]
Graph = dict[str, Node]
"""Node id -> {"class_type": ..., "inputs": {...}, "_meta": {"title": ...}}."""

MAX_NODES = 20_000
"""Nodes of one graph; the largest published workflows have some hundreds."""

MAX_TOLD = 20
"""Mistakes of one graph, and nodes of one cycle, that a message lists."""

UI_EXPORT = Sentence(
    "This is the editor's own format, not a graph for the API."
    " In ComfyUI choose Export (API) and use that file."
)


class Link(NamedTuple):
    """An output of a node, as the value of an input connected to it."""

    node_id: str
    output: int


class Slot(NamedTuple):
    """One input of one node."""

    node_id: str
    input_name: str

    def __str__(self) -> str:
        """Return the form used in manifests."""
        return f"{self.node_id}.{self.input_name}"


def parse_graph(raw: object) -> Graph:
    """Validate decoded JSON and return it as a graph.

    Raises InvalidGraph with every mistake, of which an export of the editor is one.
    """
    if not isinstance(raw, dict):
        raise InvalidGraph(
            [
                Sentence(
                    "This is not a graph: the file must hold a JSON object. Export it from ComfyUI."
                )
            ]
        )
    if is_ui_export(raw):
        raise InvalidGraph([UI_EXPORT])
    if not raw:
        raise InvalidGraph([Sentence("The graph has no nodes. Export it from ComfyUI once more.")])
    if len(raw) > MAX_NODES:
        raise InvalidGraph(
            [Sentence("The graph has more than {count} nodes.", count=f"{MAX_NODES:,}")]
        )
    _refuse_for(sentence for node_id, node in raw.items() for sentence in _faults(node_id, node))
    _check_connections(raw)
    return raw


def is_ui_export(raw: object) -> bool:
    """Return whether decoded JSON is an export of the editor."""
    return isinstance(raw, dict) and isinstance(raw.get("nodes"), list)


def find_link(value: object) -> Link | None:
    """Return the link in an input's value; None for a plain value."""
    match value:
        case [str(node_id), int(output)] if not isinstance(output, bool):
            return Link(node_id, output)
    return None


def links(node: Node) -> Iterator[tuple[str, Link]]:
    """Yield a node's connected inputs with their sources."""
    for name, value in node["inputs"].items():
        if (link := find_link(value)) is not None:
            yield name, link


def consumers(graph: Graph, source: Link) -> tuple[Slot, ...]:
    """Return the inputs connected to an output."""
    return tuple(
        Slot(node_id, name)
        for node_id, node in graph.items()
        for name, link in links(node)
        if link == source
    )


def upstream(graph: Graph, node_ids: Iterable[str]) -> frozenset[str]:
    """Return these nodes and all that they depend on."""
    return frozenset(reach(node_ids, lambda one: (link.node_id for _, link in links(graph[one]))))


def reach(
    node_ids: Iterable[str], following: Callable[[str], Iterable[str]]
) -> Mapping[str, object]:
    """Return these nodes and all that can be reached from them, as keys."""
    found: dict[str, None] = {}
    waiting = list(node_ids)
    while waiting:
        node_id = waiting.pop()
        if node_id not in found:
            found[node_id] = None
            waiting.extend(following(node_id))
    return found


def title(graph: Graph, node_id: str) -> str:
    """Return a node's title in the editor: its own, or else its class."""
    node = graph[node_id]
    meta = node.get("_meta")
    given = meta.get("title") if isinstance(meta, dict) else None
    return given if isinstance(given, str) and given else str(node["class_type"])


def unused_id(graph: Graph) -> str:
    """Return an unused id for another node."""
    numbers = [int(node_id) for node_id in graph if node_id.isascii() and node_id.isdecimal()]
    return str(max(numbers, default=0) + 1)


def _refuse_for(faults: Iterator[str]) -> None:
    """Raise InvalidGraph if there are mistakes, with as many of them as people read."""
    sentences = list(islice(faults, MAX_TOLD))
    if sentences:
        if next(faults, None) is not None:
            sentences.append(Sentence("There are more mistakes like these."))
        raise InvalidGraph(sentences)


def _faults(node_id: str, node: object) -> Iterator[str]:
    if not isinstance(node, dict):
        yield Sentence('Node "{node}" is not a JSON object.', node=node_id)
        return
    if not isinstance(node.get("class_type"), str) or not node["class_type"]:
        yield Sentence('Node "{node}" has no class_type.', node=node_id)
    if not isinstance(node.get("inputs"), dict):
        yield Sentence('Node "{node}" has no inputs object.', node=node_id)


def _check_connections(graph: Graph) -> None:
    _refuse_for(
        Sentence(
            'Input "{name}" of node "{node}" is connected to node "{source}",'
            " which does not exist.",
            name=name,
            node=node_id,
            source=link.node_id,
        )
        for node_id, node in graph.items()
        for name, link in links(node)
        if link.node_id not in graph
    )
    dependencies = {
        node_id: {link.node_id for _, link in links(node)} for node_id, node in graph.items()
    }
    try:
        TopologicalSorter(dependencies).prepare()
    except CycleError as error:
        circle = error.args[1][:-1]
        around = ", ".join(f'"{node_id}"' for node_id in circle[:MAX_TOLD])
        around += ", …" if len(circle) > MAX_TOLD else ""
        sentence = Sentence("These nodes depend on each other in a circle: {nodes}.", nodes=around)
        raise InvalidGraph([sentence]) from None
