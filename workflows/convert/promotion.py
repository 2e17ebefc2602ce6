"""Values of a subgraph's instance for the inner widgets that it promotes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from workflows.convert.export import EditorGraph, EditorNode, Subgraph
from workflows.convert.virtual import PRIMITIVE, with_values
from workflows.nodes import NodeClasses
from workflows.untrusted import as_list

HOST = "-1"
"""Node id of the instance itself, in older lists of promoted widgets."""

_NUMBERED = re.compile(r"^\s*\d+\s*:\s*")
"""Name such as "12: text", used by older editors for a widget inside a nested subgraph."""


def own_values(host: EditorNode, subgraph: Subgraph, shown: list[str]) -> dict[str, Any]:
    """Return an instance's own values for inputs with a promoted widget.

    Newer editors save a value for each of these inputs; older ones one for each entry of a list of
    promoted widgets, in which -1 is the instance itself.
    """
    if isinstance(host.values, Mapping):
        return {name: host.values[name] for name in shown if name in host.values}
    entries = _proxies(host)
    if not entries and len(host.values) != len(shown) and host.named_values:
        # A class of another version may lack a widget, which would shift all later values.
        return {name: host.named_values[name] for name in shown if name in host.named_values}
    if not entries:
        return dict(zip(shown, host.values, strict=False))
    by_target = {
        (link.target, socket.widget or socket.name): port.name
        for port in subgraph.inputs
        for link_id in port.links
        if (link := subgraph.graph.links.get(link_id)) is not None
        and (node := subgraph.graph.nodes.get(link.target)) is not None
        and (socket := node.socket_of(link_id)) is not None
    }
    own = {}
    for (node_id, name), value in zip(entries, host.values, strict=False):
        port_name = name if node_id == HOST else by_target.get((node_id, name))
        if port_name in shown and value is not None:
            own[str(port_name)] = value
    return own


def with_own_values(graph: EditorGraph, host: EditorNode, classes: NodeClasses) -> EditorGraph:
    """Return a definition's graph with an instance's values in its inner widgets.

    For a promoted primitive without one, the widgets connected to it keep their own values.
    """
    if isinstance(host.values, Mapping):
        return graph
    own = dict(enumerate(host.values))
    nodes = dict(graph.nodes)
    for position, (node_id, name) in enumerate(_proxies(host)):
        node = nodes.get(node_id)
        value = own.get(position)
        if node is None:
            continue
        if node.type == PRIMITIVE:
            nodes[node_id] = replace(node, values=() if value is None else (value,))
        elif value is not None:
            nodes[node_id] = with_values(node, {name: value}, classes)
    return replace(graph, nodes=nodes)


def _proxies(host: EditorNode) -> Sequence[tuple[str, str]]:
    """Return the promoted inner widgets of an instance, as node id and widget name."""
    return [
        (str(one[0]), _NUMBERED.sub("", str(one[1])))
        for one in as_list(host.properties.get("proxyWidgets"))
        if isinstance(one, list) and len(one) >= 2  # noqa: PLR2004 - node and widget
    ]
