"""Parsing of the editor's export: nodes, links and subgraphs.

Formats 0.4 (links are lists) and 1.0 (links are objects). Source:
https://docs.comfy.org/specs/workflow_json
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflows.errors import InvalidGraph, Sentence
from workflows.graph import MAX_NODES
from workflows.untrusted import as_dict, as_dicts, as_list

INPUT_NODE = "-10"
"""Source node id of links that enter a subgraph from outside."""

MUTED = 2
BYPASSED = 4
"""Modes of nodes that do not run; connections pass through a bypassed node."""

LISTED_LINKS = 0.4
"""Version of the format in which links are lists."""

RENAMED = {
    "ConditioningAverage ": "ConditioningAverage",
    "Load3DAnimation": "Load3D",
    "Preview3DAnimation": "Preview3D",
    "SDV_img2vid_Conditioning": "SVD_img2vid_Conditioning",
    "T2IAdapterLoader": "ControlNetLoader",
}
"""Node classes that the official editor replaces by others when it opens an older file."""

MAX_DEPTH = 32
"""Nesting of subgraphs; a cycle has no end."""


@dataclass(frozen=True, slots=True)
class Socket:
    """An input of a node in the file: `link` is the id of its connection, if any."""

    name: str
    type: str
    link: str | None = None
    widget: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class EditorLink:
    """A connection from an output of a node to an input of another, by index."""

    origin: str
    origin_slot: int
    target: str
    target_slot: int


@dataclass(frozen=True, slots=True)
class EditorNode:
    """A node as saved. `values` are its widgets' values, by position or by name.

    Newer editors also save them by name, in `named_values`.
    """

    id: str
    type: str
    mode: int = 0
    title: str = ""
    inputs: tuple[Socket, ...] = ()
    outputs: tuple[str, ...] = ()
    values: Sequence[Any] | Mapping[str, Any] = ()
    properties: Mapping[str, Any] = field(default_factory=dict)
    named_values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_off(self) -> bool:
        """Whether it is muted or bypassed."""
        return self.mode in (MUTED, BYPASSED)

    def socket_of(self, link_id: str) -> Socket | None:
        """Return the input at which a link ends."""
        return next((one for one in self.inputs if one.link == link_id), None)

    @property
    def name(self) -> str:
        """Name of the node in sentences."""
        return f'"{self.title or self.type}" ({self.id})'


@dataclass(frozen=True, slots=True)
class EditorGraph:
    """Nodes and links by id."""

    nodes: Mapping[str, EditorNode]
    links: Mapping[str, EditorLink]


@dataclass(frozen=True, slots=True)
class Port:
    """Input or output of a subgraph."""

    name: str
    type: str
    links: tuple[str, ...]
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Subgraph:
    """A subgraph's definition; nodes whose type is its id are its instances."""

    id: str
    name: str
    graph: EditorGraph
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


@dataclass(frozen=True, slots=True)
class Export:
    """A whole file. `ignores_links` if it has links in a form that its version does not support."""

    graph: EditorGraph
    subgraphs: Mapping[str, Subgraph]
    extra: Mapping[str, Any]
    ignores_links: bool


def check_size(nodes: int) -> None:
    """Raise InvalidGraph if a workflow has too many nodes, unfolded."""
    if nodes > MAX_NODES:
        sentence = "The workflow has more than {count} nodes, unfolded."
        raise InvalidGraph([Sentence(sentence, count=f"{MAX_NODES:,}")])


def parse_export(raw: Mapping[str, Any]) -> Export:
    """Parse a decoded file. Raises InvalidGraph if it is not an export of the editor."""
    definitions: dict[str, Subgraph] = {}
    _collect(raw, definitions, depth=0)
    graph = _parse_graph(raw)
    ignores_links = not graph.links and any(
        isinstance(one, list) for one in as_list(raw.get("links"))
    )
    return Export(graph, definitions, as_dict(raw.get("extra")), ignores_links)


def _collect(raw: Mapping[str, Any], into: dict[str, Subgraph], depth: int) -> None:
    """Collect definitions, including nested ones."""
    if depth > MAX_DEPTH:
        raise InvalidGraph([Sentence("The subgraphs are nested too deeply to be read.")])
    for one in as_dicts(as_dict(raw.get("definitions")).get("subgraphs")):
        if "id" in one:
            into[str(one["id"])] = Subgraph(
                str(one["id"]),
                str(one.get("name") or one["id"]),
                _parse_graph(one),
                tuple(_parse_ports(one.get("inputs"))),
                tuple(_parse_ports(one.get("outputs"))),
            )
            _collect(one, into, depth + 1)


def _parse_graph(raw: Mapping[str, Any]) -> EditorGraph:
    listed = raw.get("nodes")
    if not isinstance(listed, list):
        raise InvalidGraph(
            [Sentence("The file has no list of nodes: it was not saved by ComfyUI's editor.")]
        )
    nodes = [parse_node(one) for one in listed]
    # The editor's built-in reroutes only shape a link, whose ends are in the link itself.
    links: dict[str, EditorLink] = {}
    for link_id, link in _parse_links(as_list(raw.get("links")), raw.get("version")):
        links.setdefault(link_id, link)
    return EditorGraph({one.id: one for one in nodes}, links)


def parse_node(raw: object) -> EditorNode:
    """Parse one node. Raises InvalidGraph if it has no id or no type."""
    node_type = raw.get("type") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or "id" not in raw or not isinstance(node_type, str):
        raise InvalidGraph([Sentence("A node in the file has no id or no type.")])
    values = raw.get("widgets_values")
    mode = raw.get("mode")
    return EditorNode(
        str(raw["id"]),
        RENAMED.get(node_type, node_type),
        mode if isinstance(mode, int) else 0,
        raw["title"] if isinstance(raw.get("title"), str) else "",
        tuple(_parse_sockets(raw.get("inputs"))),
        tuple(_type_name(one.get("type")) for one in as_dicts(raw.get("outputs"))),
        values if isinstance(values, list | dict) else (),
        as_dict(raw.get("properties")),
        as_dict(raw.get("widgets_values_named")),
    )


def _parse_sockets(raw: object) -> Iterator[Socket]:
    for one in as_dicts(raw):
        widget = one.get("widget")
        yield Socket(
            str(one.get("name", "")),
            _type_name(one.get("type")),
            None if one.get("link") is None else str(one["link"]),
            str(widget.get("name")) if isinstance(widget, dict) else None,
            str(one["label"]) if one.get("label") else None,
        )


def _parse_ports(raw: object) -> Iterator[Port]:
    for one in as_dicts(raw):
        label = one.get("label")
        yield Port(
            str(one.get("name", "")),
            _type_name(one.get("type")),
            tuple(map(str, as_list(one.get("linkIds")))),
            label if isinstance(label, str) else None,
        )


def _parse_links(raw: Sequence[object], version: object) -> Iterator[tuple[str, EditorLink]]:
    """Parse links as the editor does: lists in version 0.4 only, objects in all others."""
    for one in raw:
        match one:
            case [link, origin, int(origin_slot), target, int(target_slot), *_] if (
                version == LISTED_LINKS
            ):
                found = EditorLink(str(origin), origin_slot, str(target), target_slot)
            case {
                "id": link,
                "origin_id": origin,
                "origin_slot": int(origin_slot),
                "target_id": target,
                "target_slot": int(target_slot),
            } if version != LISTED_LINKS:
                found = EditorLink(str(origin), origin_slot, str(target), target_slot)
            case _:
                continue
        if origin_slot >= 0 and target_slot >= 0:
            yield str(link), found


def _type_name(raw: object) -> str:
    """Return a type's name; old files have a list's choices there, 0 and nothing mean any type."""
    if isinstance(raw, list):
        return "COMBO"
    return str(raw) if raw else "*"
