"""Progress of one run, computed from its events: mostly sampler steps, partly nodes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from comfy.backend import Graph
from comfy.protocol.events import NodeStarted, NodeText, RunEvent, Started, StepDone, Succeeded
from generation.events import Progress

SAMPLING_SHARE = 0.9
"""Share of sampling in the progress: it takes nearly all the time once models are loaded."""

UNFINISHED_CEILING = 0.99
"""Largest fraction before the results are here: saving and fetching follow the last node."""

MAX_LINK_DEPTH = 8
"""Links followed from a sampler to its scheduler, which may be chained (splitters, adapters)."""

MAX_TEXT_CHARACTERS = 200
"""Characters kept of a node's text."""


class RunProgress:
    """Progress of one run of one graph; pass it every event with the time of its arrival."""

    def __init__(self, graph: Graph) -> None:
        self._titles = {node_id: _title(node) for node_id, node in graph.items()}
        self._expected_steps = _expected_steps(graph)
        self._steps_done = dict.fromkeys(self._expected_steps, 0)
        self._node_parts: dict[str, float] = dict.fromkeys(graph, 0.0)
        self._current: str | None = None
        self._said = ""
        self._pace = _Pace()
        self._progress = Progress(fraction=0.0)

    @property
    def is_sampling(self) -> bool:
        """Whether a sampler is running; without a known sampler, whether any node reports steps."""
        known = self._current in self._expected_steps or not self._expected_steps
        return known and self._progress.step is not None

    def fold(self, event: RunEvent, now: datetime) -> Progress:
        """Process an event and return the progress."""
        match event:
            case Started(cached=cached):
                for node_id in cached:
                    self._finish(node_id)
            case NodeStarted(node_id=node_id):
                self._begin(node_id)
            case StepDone(node_id=node_id, value=value, maximum=maximum):
                self._step(node_id, value, maximum, now)
                return self._update(step=value, steps=maximum)
            case NodeText(node_id=node_id, text=text):
                # A node's last text may arrive after the next one started.
                if self._current in (None, node_id):
                    self._said = " ".join(text.split())[:MAX_TEXT_CHARACTERS]
            case Succeeded():
                self._current = None
                self._progress = Progress(fraction=1.0)
                return self._progress
            case _:
                return self._progress
        return self._update()

    def _begin(self, node_id: str) -> None:
        if self._current == node_id:
            return
        if self._current is not None:
            self._finish(self._current)
        self._current = node_id
        self._said = ""
        self._pace = _Pace()

    def _finish(self, node_id: str) -> None:
        if node_id in self._node_parts:
            self._node_parts[node_id] = 1.0
        if node_id in self._expected_steps:
            self._steps_done[node_id] = self._expected_steps[node_id]

    def _step(self, node_id: str, value: int, maximum: int, now: datetime) -> None:
        self._begin(node_id)
        if node_id in self._expected_steps and maximum > 0:
            # The reported number of steps replaces the one read from the graph.
            self._expected_steps[node_id] = maximum
            self._steps_done[node_id] = min(value, maximum)
        elif node_id in self._node_parts and maximum > 0:
            self._node_parts[node_id] = min(value / maximum, 1.0)
        self._pace.note(value, now)

    def _update(self, *, step: int | None = None, steps: int | None = None) -> Progress:
        fraction = max(self._progress.fraction, min(self._fraction(), UNFINISHED_CEILING))
        activity = self._said or self._titles.get(self._current or "", None)
        left = sum(self._expected_steps.values()) - sum(self._steps_done.values())
        is_sampling = self._current in self._expected_steps
        done_at = self._pace.estimate(left) if is_sampling else self._progress.done_at
        self._progress = Progress(fraction, activity, step, steps, done_at)
        return self._progress

    def _fraction(self) -> float:
        nodes = sum(self._node_parts.values()) / max(len(self._node_parts), 1)
        total_steps = sum(self._expected_steps.values())
        if not total_steps:
            return nodes
        steps = sum(self._steps_done.values()) / total_steps
        return SAMPLING_SHARE * steps + (1 - SAMPLING_SHARE) * nodes


class _Pace:
    """Measured time of a step on one node."""

    def __init__(self) -> None:
        self._first: tuple[int, datetime] | None = None
        self._last: tuple[int, datetime] | None = None

    def note(self, value: int, now: datetime) -> None:
        """Note a finished step; if the count falls, measure anew.

        It falls in a second pass, and when a clock is put back.
        """
        last = self._last
        if last is None or value < last[0] or now < last[1]:
            self._first = (value, now)
        self._last = (value, now)

    def estimate(self, steps_left: int) -> datetime | None:
        """Estimate when the remaining steps are done; None before two steps were measured."""
        if self._first is None or self._last is None or self._last[0] <= self._first[0]:
            return None
        step_s = (self._last[1] - self._first[1]).total_seconds() / (self._last[0] - self._first[0])
        return self._last[1] + timedelta(seconds=step_s * steps_left)


def _title(node: Mapping[str, Any]) -> str:
    title = (node.get("_meta") or {}).get("title")
    return str(title or node.get("class_type") or "")


def _expected_steps(graph: Graph) -> dict[str, int]:
    """Return sampler nodes with their expected steps, as far as the graph tells."""
    expected = {}
    for node_id, node in graph.items():
        if "Sampler" not in str(node.get("class_type")):
            continue
        steps = _steps_of(graph, node, MAX_LINK_DEPTH)
        if steps is not None:
            expected[node_id] = steps
    return expected


def _steps_of(graph: Graph, node: Mapping[str, Any], depth: int) -> int | None:
    """Return a node's own number of steps, or that of the scheduler of its sigmas.

    A denoise below 1 does not reduce the steps: ComfyUI stretches the schedule and runs the given
    number of steps at its end. Only with 0 nothing is sampled.
    """
    inputs = node.get("inputs") or {}
    steps = inputs.get("steps")
    if isinstance(steps, int):
        return 0 if inputs.get("denoise") == 0 else _window(inputs, steps)
    link = inputs.get("sigmas")
    if depth and isinstance(link, list) and link and str(link[0]) in graph:
        return _steps_of(graph, graph[str(link[0])], depth - 1)
    return None


def _window(inputs: Mapping[str, Any], steps: int) -> int:
    """Return the range of steps that an advanced sampler runs."""
    start, end = inputs.get("start_at_step"), inputs.get("end_at_step")
    first = start if isinstance(start, int) else 0
    last = min(end, steps) if isinstance(end, int) else steps
    return max(last - first, 0)
