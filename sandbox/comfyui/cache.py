"""Cache of node results, keyed by everything that a node depends on."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.comfyui.folders import Folders, fingerprint
from sandbox.comfyui.nodes.running import Result
from sandbox.comfyui.validation import FILE_CLASSES

CACHE_LIMIT: Final = 200
"""Maximum number of results; the oldest are dropped first."""


@dataclass
class ResultCache:
    """Node results by signature."""

    results: OrderedDict[str, Result] = field(default_factory=OrderedDict)

    def keep(self, signature: str, result: Result) -> None:
        """Keep a result, dropping the oldest when there are too many."""
        self.results[signature] = result
        self.results.move_to_end(signature)
        while len(self.results) > CACHE_LIMIT:
            self.results.popitem(last=False)


def signatures(graph: Mapping[str, Any], folders: Folders) -> dict[str, str]:
    """Return for every node a digest of its class, its inputs and all it is linked to."""
    found: dict[str, str] = {}

    def signature(node_id: str) -> str:
        if node_id not in found:
            found[node_id] = f"a cycle at {node_id}"
            found[node_id] = _digest(graph[node_id])
        return found[node_id]

    def _digest(node: Mapping[str, Any]) -> str:
        parts: list[Any] = [node["class_type"]]
        for name, value in sorted(node.get("inputs", {}).items()):
            if isinstance(value, list) and value and str(value[0]) in graph:
                parts.append([name, signature(str(value[0])), value[1:]])
            else:
                parts.append([name, value])
        if node["class_type"] in FILE_CLASSES:
            path = folders.annotated(str(node.get("inputs", {}).get("image")))
            parts.append(fingerprint(path) if path else None)
        return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()

    for node_id in graph:
        signature(node_id)
    return found


def cached_nodes(
    graph: Mapping[str, Any],
    keys: Mapping[str, str],
    cache: ResultCache,
    classes: Mapping[str, Any],
) -> list[str]:
    """Return the nodes that need not run, in the graph's order."""
    return [
        node_id
        for node_id, node in graph.items()
        if keys[node_id] in cache.results and node["class_type"] in classes
    ]
