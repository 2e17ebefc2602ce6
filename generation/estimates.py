"""Estimates of durations and start times from recent runs of the same workflow. Pure."""

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from generation.request import Value

MIN_RUNS = 1
"""Measured runs required for an estimate."""

OVERDUE = 2
"""A run that takes this many times its usual duration may be stuck, so its end is not estimated."""

SAME_WORKLOAD = 1.1
"""Workloads within this factor count as the same: a crop of a few pixels changes nothing."""


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """A successful run with its duration."""

    workflow: str
    workload: int
    backend: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class LineEntry:
    """A generation in the line, reduced to what scheduling and estimates need."""

    id: str
    user_id: int
    workflow: str
    workload: int
    created_at: datetime
    lane: int = 0
    priority: bool = False
    backend: str | None = None
    started_at: datetime | None = None
    guild_id: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """The expected start of an entry, where it can be estimated."""

    id: str
    starts_at: datetime | None


def workload_of(values: Mapping[str, Value], given_pixels: int = 0) -> int:
    """Return what a run's time depends on: pixels * pictures * steps.

    `given_pixels` are those of attached pictures, used where no size is chosen.
    """
    pixels = _pixels(values.get("size")) or given_pixels or 1
    return pixels * _whole(values.get("count")) * _whole(values.get("steps"))


class Durations:
    """Measured durations by workflow, workload and backend."""

    def __init__(self, runs: Iterable[MeasuredRun] = ()) -> None:
        self._runs: dict[str, list[MeasuredRun]] = {}
        for run in runs:
            self._runs.setdefault(run.workflow, []).append(run)

    def typical_s(self, workflow: str, workload: int, backend: str | None = None) -> float | None:
        """Return the median duration on that backend, or on any; None if none is known.

        Runs on other backends are used only if this one has none: another card is a better guess
        than nothing.
        """
        alike = [run for run in self._runs.get(workflow, ()) if _alike(run.workload, workload)]
        there = [run for run in alike if run.backend == backend]
        durations = [run.duration_s for run in (there or alike)]
        return median(durations) if len(durations) >= MIN_RUNS else None


def plan_turns(
    ordered: Sequence[LineEntry],
    running: Sequence[LineEntry],
    durations: Durations,
    backends: Sequence[str],
    now: datetime,
) -> list[Turn]:
    """Estimate when each entry starts, if every backend takes the next one when it is free.

    Entries behind one whose end cannot be estimated get no estimate either.
    """
    free = _free_at(running, durations, backends, now)
    turns = []
    for entry in ordered:
        if free is None:
            turns.append(Turn(entry.id, None))
            continue
        starts_at, backend = heapq.heappop(free)
        turns.append(Turn(entry.id, starts_at))
        duration_s = durations.typical_s(entry.workflow, entry.workload, backend)
        if duration_s is None:
            free = None
        else:
            heapq.heappush(free, (starts_at + timedelta(seconds=duration_s), backend))
    return turns


def estimate_wait_s(
    entry: LineEntry,
    ahead: Sequence[LineEntry],
    running: Sequence[LineEntry],
    durations: Durations,
    backends: Collection[str],
    now: datetime,
) -> float:
    """Estimate the seconds until one of these backends is free for the entry.

    Where that is unknown, because a run is overdue, return the seconds that the entry has waited.
    """
    there = [entry for entry in running if entry.backend in backends]
    waited_s = (now - entry.created_at).total_seconds()
    if any(_is_overdue(entry, durations, now) for entry in there):
        return waited_s
    starts_at = plan_turns([*ahead, entry], there, durations, tuple(backends), now)[-1].starts_at
    return (starts_at - now).total_seconds() if starts_at else waited_s


def _is_overdue(one: LineEntry, durations: Durations, now: datetime) -> bool:
    typical_s = durations.typical_s(one.workflow, one.workload, one.backend)
    if typical_s is None or one.started_at is None:
        return False
    return (now - one.started_at).total_seconds() > OVERDUE * typical_s


def earliest_end(
    unfinished: Sequence[LineEntry], turns: Sequence[Turn], durations: Durations, now: datetime
) -> datetime | None:
    """Return when the first of these generations is expected to end; None if unknown.

    A run that takes longer than such runs usually do has no estimate.
    """
    starts = {turn.id: turn.starts_at for turn in turns}
    ends = []
    for entry in unfinished:
        # The clock may have been put back since it started.
        starts_at = min(entry.started_at, now) if entry.started_at else starts.get(entry.id)
        duration_s = durations.typical_s(entry.workflow, entry.workload, entry.backend)
        if starts_at is not None and duration_s is not None:
            ends.append(starts_at + timedelta(seconds=duration_s))
    return min((end for end in ends if end > now), default=None)


def _free_at(
    running: Sequence[LineEntry], durations: Durations, backends: Sequence[str], now: datetime
) -> list[tuple[datetime, str]] | None:
    """Return when each backend finishes its runs, as a heap; None if unknown."""
    if not backends:
        return None
    left_s = dict.fromkeys(backends, 0.0)
    for entry in running:
        duration_s = durations.typical_s(entry.workflow, entry.workload, entry.backend)
        if duration_s is None:
            return None
        gone_s = max((now - entry.started_at).total_seconds(), 0.0) if entry.started_at else 0.0
        if entry.backend in left_s:
            left_s[entry.backend] += max(duration_s - gone_s, 0.0)
    heap = [(now + timedelta(seconds=seconds), name) for name, seconds in left_s.items()]
    heapq.heapify(heap)
    return heap


def _alike(one: int, other: int) -> bool:
    low, high = sorted((max(one, 1), max(other, 1)))
    return high <= low * SAME_WORKLOAD


def _pixels(size: object) -> int:
    width, _, height = str(size or "").partition("x")
    return int(width) * int(height) if width.isdecimal() and height.isdecimal() else 0


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 1
