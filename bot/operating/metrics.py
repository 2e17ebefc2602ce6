"""Prometheus metrics at `/metrics`; docs/operating.md lists all of them.

Counters and histograms start at zero with the process that ends the generations. Gauges are set on
each request.
"""

import math
from collections.abc import Mapping
from http import HTTPStatus

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from generation.backends.members import Occupancy
from generation.events import Ended

WAITING_BUCKETS_S = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200)
"""Buckets of waiting times; a line may be hours long."""

RUNNING_BUCKETS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
"""Buckets of running times, up to the default time limit of a run."""


class Metrics:
    """The metrics of one process, in a separate registry."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        self._generations = Counter(
            "limner_generations",
            "Generations that ended, by workflow, final state and kind of failure.",
            ("workflow", "end", "failure"),
            registry=registry,
        )
        self._waiting = Histogram(
            "limner_waiting_seconds",
            "From the request to the start on a backend.",
            buckets=WAITING_BUCKETS_S,
            registry=registry,
        )
        self._running = Histogram(
            "limner_running_seconds",
            "From the start on a backend to the end.",
            ("workflow",),
            buckets=RUNNING_BUCKETS_S,
            registry=registry,
        )
        self._pictures = Counter(
            "limner_charged_pictures", "Pictures charged to people.", registry=registry
        )
        self._gpu_seconds = Counter(
            "limner_charged_gpu_seconds",
            "Seconds on backends charged to people.",
            registry=registry,
        )
        self._undelivered = Counter(
            "limner_delivery_failures",
            "Attempts to tell an end in Discord that failed: postponed, or impossible.",
            ("reason",),
            registry=registry,
        )
        self._rate_limited = Counter(
            "limner_discord_rate_limited", "Answers of Discord with status 429.", registry=registry
        )
        self._line = Gauge(
            "limner_line_generations",
            "Unfinished generations of all processes, by state; NaN while the database is away.",
            ("state",),
            registry=registry,
        )
        self._up = Gauge(
            "limner_backend_up",
            "Whether the backend answered the last time: 1 or 0.",
            ("backend",),
            registry=registry,
        )
        self._busy = Gauge(
            "limner_backend_generations",
            "Generations that this process has on the backend.",
            ("backend",),
            registry=registry,
        )

    def render(self) -> bytes:
        """Return the metrics in Prometheus's text format, of type CONTENT_TYPE_LATEST."""
        return generate_latest(self.registry)

    def count_end(self, event: Ended) -> None:
        """Count a generation that ended in this process."""
        generation = event.generation
        failure = generation.failure.kind.value if generation.failure else ""
        self._generations.labels(generation.workflow, generation.state.value, failure).inc()
        if generation.started_at is not None:
            waited = generation.started_at - generation.created_at
            self._waiting.observe(max(waited.total_seconds(), 0.0))
        if generation.duration_s is not None:
            self._running.labels(generation.workflow).observe(generation.duration_s)
        self._pictures.inc(event.charged_pictures)
        self._gpu_seconds.inc(event.charged_gpu_ms / 1000)

    def count_undelivered(self, reason: str) -> None:
        """Count a failed delivery: "postponed" or "impossible"."""
        self._undelivered.labels(reason).inc()

    def count_response(self, status: int) -> None:
        """Count a response of Discord by status."""
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self._rate_limited.inc()

    def set_line(self, running: float = math.nan, waiting: float = math.nan) -> None:
        """Set the numbers of running and waiting generations; None if unknown."""
        self._line.labels("running").set(running)
        self._line.labels("waiting").set(waiting)

    def set_backends(self, backends: Mapping[str, Occupancy]) -> None:
        """Set which backends are reachable, and how many generations each has."""
        for name, occupancy in backends.items():
            self._up.labels(name).set(occupancy.is_reachable)
            self._busy.labels(name).set(occupancy.generations)
