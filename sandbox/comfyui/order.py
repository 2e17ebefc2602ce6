"""The order in which the nodes of a graph run."""

from collections.abc import Mapping
from typing import Any


class ExecutionList:
    """Topological execution order; among ready nodes, those close to an output come first."""

    def __init__(
        self, graph: Mapping[str, Any], classes: Mapping[str, Any], cached: frozenset[str]
    ) -> None:
        self._graph = graph
        self._classes = classes
        self._cached = cached
        self._waiting: dict[str, set[str]] = {}
        self._followers: dict[str, list[str]] = {}

    def add(self, node_id: str) -> None:
        """Add a node and everything it needs that is not cached."""
        stack = [node_id]
        while stack:
            current = stack.pop()
            if current in self._waiting:
                continue
            needed = [] if current in self._cached else self._sources(current)
            self._waiting[current] = set(needed)
            for source in needed:
                self._followers.setdefault(source, []).append(current)
                stack.append(source)

    def next(self) -> str | None:
        """Return the node to run now, or None when all are done."""
        ready = [node_id for node_id, needed in self._waiting.items() if not needed]
        if not ready:
            return None
        for distance in range(3):
            for node_id in ready:
                if self._reaches_output(node_id, distance):
                    return node_id
        return ready[0]

    def complete(self, node_id: str) -> None:
        """Release the nodes that waited for this one."""
        del self._waiting[node_id]
        for follower in self._followers.get(node_id, []):
            if follower in self._waiting:
                self._waiting[follower].discard(node_id)

    def _sources(self, node_id: str) -> list[str]:
        links = [
            value for value in self._graph[node_id]["inputs"].values() if isinstance(value, list)
        ]
        return [link[0] for link in links if link[0] not in self._cached]

    def _reaches_output(self, node_id: str, distance: int) -> bool:
        if distance == 0:
            class_type = self._graph[node_id]["class_type"]
            return bool(self._classes[class_type]["output_node"])
        followers = self._followers.get(node_id, [])
        return any(self._reaches_output(follower, distance - 1) for follower in followers)
