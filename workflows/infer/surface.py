"""Inputs that a graph's author exposed: App mode, and promoted inputs of subgraphs.

Both exist only in the editor's format, not in an API export. Node ids are those of the API-format
graph: the ids of the nested nodes, joined by colons.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from workflows.graph import Graph, Slot
from workflows.untrusted import as_dict, as_dicts, as_list

_INPUTS_OF_SUBGRAPH = "-1"
"""Node id of a promoted widget that is an input of the subgraph itself."""

_NOT_ASKED = ("control_after_generate", "$$")
_DEPTH = 16
"""Nesting of subgraphs; the official templates have up to three levels."""

_STALE = (
    'App mode asks for "{widget}" of node {node}, which is not there any more, is switched off or'
    " connected: it is not asked for."
)

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Surfaced:
    """One exposed input: its slots and its label."""

    slots: tuple[Slot, ...]
    label: str
    reason: str
    is_app: bool = False
    description: str = ""


def find_surface(export: Raw, graph: Graph) -> tuple[list[Surfaced], list[str]]:
    """Return the exposed inputs in the author's order, and a sentence for each stale one.

    If App mode is used, only its inputs count. Inputs that are not in the graph, because they are
    muted or connected, are left out.
    """
    reader = _Reader(export, graph)
    app = list(reader.app_mode())
    return app or list(reader.promoted()), reader.stale


def find_app_outputs(export: Raw, graph: Graph) -> tuple[str, ...]:
    """Return the nodes whose results App mode shows."""
    given = as_list(as_dict(as_dict(export.get("extra")).get("linearData")).get("outputs"))
    return tuple(dict.fromkeys(str(one) for one in given if str(one) in graph))


class _Reader:
    """One export, whose structure is not trusted."""

    def __init__(self, export: Raw, graph: Graph) -> None:
        self._export = export
        self._graph = graph
        subgraphs = as_dicts(as_dict(export.get("definitions")).get("subgraphs"))
        self._definitions = {str(one.get("id")): one for one in subgraphs}
        self.stale: list[str] = []

    def app_mode(self) -> Iterator[Surfaced]:
        linear = as_dict(as_dict(self._export.get("extra")).get("linearData"))
        for entry in as_list(linear.get("inputs")):
            match entry:
                case [str() | int() as node, str(widget), *settings]:
                    node_id = self._without_graph(str(node))
                    slots = self._resolve_app(node_id, widget)
                    if not slots:
                        self.stale.append(_STALE.format(widget=widget, node=node_id))
                        continue
                    description = as_dict(settings[0]).get("description") if settings else None
                    yield Surfaced(
                        slots,
                        self._label(node_id, widget),
                        "The author's App mode asks for it.",
                        is_app=True,
                        description=description if isinstance(description, str) else "",
                    )

    def _without_graph(self, node: str) -> str:
        """Remove the file's id, which newer editors put before node and widget."""
        graph_id, separator, rest = node.partition(":")
        if separator and graph_id == self._export.get("id"):
            return unquote(rest.split(":")[0])
        return node

    def _label(self, node_id: str, widget: str) -> str:
        """Return the author's label of a widget of a top-level node."""
        for node in as_dicts(self._export.get("nodes")):
            if str(node.get("id")) != node_id:
                continue
            for given in as_dicts(node.get("inputs")):
                name = as_dict(given.get("widget")).get("name", given.get("name"))
                if name == widget and isinstance(given.get("label"), str) and given["label"]:
                    return str(given["label"])
        return widget

    def promoted(self) -> Iterator[Surfaced]:
        for node in as_dicts(self._export.get("nodes")):
            definition = self._definitions.get(str(node.get("type")))
            if definition is not None:
                yield from self._promoted_by(node, definition)

    def _promoted_by(self, node: Raw, definition: Raw) -> Iterator[Surfaced]:
        name = definition.get("name") or "a subgraph"
        seen: set[Slot] = set()
        for widget, label in _promoted_names(node):
            if any(part in widget[1] for part in _NOT_ASKED):
                continue
            slots = self._inside(str(node.get("id")), definition, *widget, 0)
            fresh = tuple(slot for slot in dict.fromkeys(slots) if slot not in seen)
            seen.update(fresh)
            if fresh:
                yield Surfaced(fresh, label, f"The author made it an input of {name}.")

    def _resolve_app(self, node: str, widget: str) -> tuple[Slot, ...]:
        """Resolve an id of a top-level node, of a nested one, or definition:node:widget."""
        parts = node.split(":")
        if parts[0] in self._definitions and len(parts) > 1:
            return self._everywhere(parts[1], widget, parts[0])
        top = next(
            (one for one in as_dicts(self._export.get("nodes")) if str(one.get("id")) == node),
            None,
        )
        if top is None:
            return self._everywhere(node, widget, None)
        definition = self._definitions.get(str(top.get("type")))
        if definition is None:
            return self._kept([Slot(node, widget)])
        return self._inside(node, definition, _INPUTS_OF_SUBGRAPH, widget, 0)

    def _everywhere(self, inner: str, widget: str, definition: str | None) -> tuple[Slot, ...]:
        """Resolve a node inside a subgraph in every instance of it."""
        found: list[Slot] = []
        for path, used in self._instances("", as_dicts(self._export.get("nodes")), 0):
            if definition is None or used.get("id") == definition:
                for node in as_dicts(used.get("nodes")):
                    if str(node.get("id")) == inner:
                        found += self._inside(path, used, inner, widget, 0)
        return tuple(dict.fromkeys(found))

    def _instances(
        self, path: str, nodes: list[dict[str, Any]], depth: int
    ) -> Iterator[tuple[str, Raw]]:
        for node in nodes:
            definition = self._definitions.get(str(node.get("type")))
            if definition is not None and depth < _DEPTH:
                inner = f"{path}{node.get('id')}"
                yield inner, definition
                yield from self._instances(
                    f"{inner}:", as_dicts(definition.get("nodes")), depth + 1
                )

    def _inside(
        self, path: str, definition: Raw, inner: str, widget: str, depth: int
    ) -> tuple[Slot, ...]:
        """Return the slots of a subgraph's input, or of a widget of a node inside."""
        if depth > _DEPTH:
            return ()
        if inner == _INPUTS_OF_SUBGRAPH:
            targets = list(_targets_of_input(definition, widget))
        else:
            targets = [(inner, widget)]
        nodes = {str(one.get("id")): one for one in as_dicts(definition.get("nodes"))}
        found: list[Slot] = []
        for node_id, name in targets:
            deeper = self._definitions.get(str(nodes.get(node_id, {}).get("type")))
            if deeper is None:
                found += self._kept([Slot(f"{path}:{node_id}", name)])
            else:
                within = f"{path}:{node_id}"
                found += self._inside(within, deeper, _INPUTS_OF_SUBGRAPH, name, depth + 1)
        return tuple(found)

    def _kept(self, slots: list[Slot]) -> tuple[Slot, ...]:
        """Keep slots that are in the graph and not connected."""
        return tuple(
            slot
            for slot in slots
            if slot.node_id in self._graph
            and slot.input_name in self._graph[slot.node_id]["inputs"]
            and not isinstance(self._graph[slot.node_id]["inputs"][slot.input_name], list)
        )


def _promoted_names(node: Raw) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield (inner node id, widget) and label: of inputs with a widget, then of proxied widgets."""
    for given in as_dicts(node.get("inputs")):
        name = given.get("name")
        if isinstance(name, str) and isinstance(given.get("widget"), dict):
            label = given.get("label") or given.get("localized_name") or name
            yield (_INPUTS_OF_SUBGRAPH, name), str(label)
    for pair in as_list(as_dict(node.get("properties")).get("proxyWidgets")):
        match pair:
            case [str() | int() as inner, str(widget), *_]:
                yield (str(inner), widget), widget


def _targets_of_input(definition: Raw, name: str) -> Iterator[tuple[str, str]]:
    """Return the inner nodes and inputs connected to a subgraph's input."""
    wanted = next(
        (one for one in as_dicts(definition.get("inputs")) if one.get("name") == name),
        None,
    )
    if wanted is None:
        return
    ids = set(map(str, as_list(wanted.get("linkIds"))))
    nodes = {str(one.get("id")): one for one in as_dicts(definition.get("nodes"))}
    for link in as_dicts(definition.get("links")):
        if str(link.get("id")) not in ids:
            continue
        node_id, position = str(link.get("target_id")), link.get("target_slot")
        inputs = as_list(nodes.get(node_id, {}).get("inputs"))
        if isinstance(position, int) and 0 <= position < len(inputs):
            inner = as_dict(inputs[position])
            widget = as_dict(inner.get("widget"))
            found = widget.get("name") or inner.get("name")
            if isinstance(found, str):
                yield node_id, found
