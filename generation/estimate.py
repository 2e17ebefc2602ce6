"""When a waiting generation will start: an estimate from what the same workflows took lately."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median


def typical_duration(recent_s: Sequence[float]) -> float | None:
    """What a workflow usually takes, in seconds; None when it never ran."""
    return median(recent_s) if recent_s else None


def starts_at(
    ahead: Sequence[str],
    running: Sequence[tuple[str, datetime | None]],
    durations_s: Mapping[str, float | None],
    backend_count: int,
    now: datetime,
) -> datetime | None:
    """When something starts that has these workflows ahead of it and running now.

    `running` has each run's workflow and its start. None when a duration or every backend is
    missing: a guess would be worse than silence.
    """
    if backend_count < 1:
        return None
    total_s = 0.0
    for workflow in ahead:
        duration_s = durations_s.get(workflow)
        if duration_s is None:
            return None
        total_s += duration_s
    for workflow, started_at in running:
        duration_s = durations_s.get(workflow)
        if duration_s is None:
            return None
        gone_s = (now - started_at).total_seconds() if started_at else 0.0
        total_s += max(duration_s - gone_s, 0.0)
    return now + timedelta(seconds=total_s / backend_count)
