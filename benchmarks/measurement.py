"""Figures of one client in one round, and their summary over rounds. Does no input or output."""

import asyncio
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

MILLI = 1000.0

_BEAT_S = 0.005


@dataclass(frozen=True, slots=True)
class Delivery:
    """One job as its client saw it. `received_at` is seconds since 1970."""

    job: str
    received_at: float
    is_right: bool
    steps: int = 0
    previews: int = 0


@dataclass(frozen=True, slots=True)
class Measurement:
    """Costs of one job on average, and how long its picture took after the success message."""

    client_cpu_ms: float
    server_cpu_ms: float
    requests: float
    connections: float
    p50_ms: float
    p95_ms: float
    memory_mb: float
    steps: float
    previews: float
    right: int
    jobs: int


COLUMNS: Mapping[str, str] = {
    "client_cpu_ms": "CPU ms/job",
    "server_cpu_ms": "server CPU ms/job",
    "requests": "requests/job",
    "connections": "connections/job",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "memory_mb": "peak MB",
}
"""Figures of which less is better, with their labels in a table."""


def build_measurement(
    deliveries: Sequence[Delivery],
    reports: Sequence[Mapping[str, Any]],
    *,
    cpu_s: float,
    memory_mb: float,
    jobs: int,
) -> Measurement:
    """Combine the counts of client and backends; `jobs` is the number of submitted jobs."""
    success_at = {job: at for report in reports for job, at in report["success_at"].items()}
    delays = [
        (delivery.received_at - success_at[delivery.job]) * MILLI
        for delivery in deliveries
        if delivery.is_right and delivery.job in success_at
    ]
    right = sum(delivery.is_right for delivery in deliveries)
    return Measurement(
        client_cpu_ms=cpu_s * MILLI / jobs,
        server_cpu_ms=sum(report["cpu_s"] for report in reports) * MILLI / jobs,
        requests=sum(report["requests"] for report in reports) / jobs,
        connections=sum(report["connections"] for report in reports) / jobs,
        p50_ms=quantile(delays, 0.5),
        p95_ms=quantile(delays, 0.95),
        memory_mb=memory_mb,
        steps=sum(delivery.steps for delivery in deliveries) / jobs,
        previews=sum(delivery.previews for delivery in deliveries) / jobs,
        right=right,
        jobs=jobs,
    )


class LoopWatch:
    """Measures how much later than asked for the event loop wakes a task, in milliseconds."""

    def __init__(self) -> None:
        self.delays_ms: list[float] = []

    async def watch(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due_at = loop.time() + _BEAT_S
            await asyncio.sleep(_BEAT_S)
            self.delays_ms.append((loop.time() - due_at) * 1000)


def quantile(values: Collection[float], share: float) -> float:
    """The smallest value that this share of all does not exceed; not a number without any."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def summarize(rounds: Sequence[Measurement]) -> Measurement:
    """The median of every figure; right results only count as far as every round had them."""
    return Measurement(
        **{
            name: median(getattr(round_, name) for round_ in rounds)
            for name in (*COLUMNS, "steps", "previews")
        },
        right=min(round_.right for round_ in rounds),
        jobs=rounds[0].jobs,
    )


def ratio(rounds: Sequence[Measurement], floor: Sequence[Measurement], column: str) -> float:
    """The median of the ratios round by round: both sides of each had the same machine load."""
    pairs = [
        (getattr(one, column), getattr(other, column))
        for one, other in zip(rounds, floor, strict=True)
    ]
    return median(mine / theirs if theirs > 0 else math.nan for mine, theirs in pairs)
