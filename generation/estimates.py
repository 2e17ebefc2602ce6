"""Estimated durations and start times, from recent runs of the same workflow. Pure."""

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from generation.request import Value

MIN_RUNS = 1
"""Measured runs that an estimate needs: a workflow's second picture is told its time already."""

OVERDUE = 2
"""Times its usual duration after which a run may be stuck, so that its end cannot be told."""

SAME_WORKLOAD = 1.1
"""Workloads this many times apart count as the same: a crop of a few pixels changes nothing."""


@dataclass(frozen=True, slots=True)
class MeasuredRun:
    """One run that ended well."""

    workflow: str
    workload: int
    backend: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class LineEntry:
    """A generation in the line, reduced to what estimates need."""

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
    """When something in the line will start, where that is known."""

    id: str
    starts_at: datetime | None


def workload_of(values: Mapping[str, Value], given_pixels: int = 0) -> int:
    """What a run's time depends on: pixels, pictures and steps, multiplied.

    `given_pixels` are those of given pictures, which count where no size is chosen.
    """
    pixels = _pixels(values.get("size")) or given_pixels or 1
    return pixels * _whole(values.get("count")) * _whole(values.get("steps"))


class Durations:
    """Measured durations of workflows, at their workloads, on their backends."""

    def __init__(self, runs: Iterable[MeasuredRun] = ()) -> None:
        self._runs: dict[str, list[MeasuredRun]] = {}
        for run in runs:
            self._runs.setdefault(run.workflow, []).append(run)

    def typical_s(self, workflow: str, workload: int, backend: str | None = None) -> float | None:
        """The median of what such runs took on that backend, or on any; None when none is known.

        What ran on other backends counts only when nothing ran on that one: another card's time
        is nearer to the truth than none.
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
    """When each of them starts, if every backend takes the next one as soon as it is free.

    From the first one on whose end cannot be told, nothing more can be: a guess would be worse
    than silence.
    """
    free = _free_at(running, durations, backends, now)
    turns = []
    for one in ordered:
        if free is None:
            turns.append(Turn(one.id, None))
            continue
        starts_at, backend = heapq.heappop(free)
        turns.append(Turn(one.id, starts_at))
        duration_s = durations.typical_s(one.workflow, one.workload, backend)
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
    """Seconds until one of these backends can take it, after all that is ahead of it.

    Where that cannot be told, as with a run that takes far longer than usual, those that it has
    waited already.
    """
    there = [one for one in running if one.backend in backends]
    waited_s = (now - entry.created_at).total_seconds()
    if any(_is_overdue(one, durations, now) for one in there):
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
    """When the first of these will have ended; None where no end of theirs can be told.

    One that takes longer than such runs usually do has an end that cannot.
    """
    starts = {turn.id: turn.starts_at for turn in turns}
    ends = []
    for one in unfinished:
        # The clock may have been put back since it started.
        starts_at = min(one.started_at, now) if one.started_at else starts.get(one.id)
        duration_s = durations.typical_s(one.workflow, one.workload, one.backend)
        if starts_at is not None and duration_s is not None:
            ends.append(starts_at + timedelta(seconds=duration_s))
    return min((end for end in ends if end > now), default=None)


def _free_at(
    running: Sequence[LineEntry], durations: Durations, backends: Sequence[str], now: datetime
) -> list[tuple[datetime, str]] | None:
    """When each backend has done what it runs, as a heap; None where that cannot be told."""
    if not backends:
        return None
    left_s = dict.fromkeys(backends, 0.0)
    for one in running:
        duration_s = durations.typical_s(one.workflow, one.workload, one.backend)
        if duration_s is None:
            return None
        gone_s = max((now - one.started_at).total_seconds(), 0.0) if one.started_at else 0.0
        if one.backend in left_s:
            left_s[one.backend] += max(duration_s - gone_s, 0.0)
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
