"""Does Limner keep backends busy? `python -m benchmarks.saturation` (see README.md beside this).

The same graphs are posted straight to a backend, then submitted by as many people through the
whole service, with its database and its line, to one backend and to several.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.client import Job
from benchmarks.clients.floor import FloorClient
from benchmarks.pictures import ResultPicture
from benchmarks.processes import ask_report, reset, running_backends
from benchmarks.run import build_graph
from benchmarks.scale import Scale
from benchmarks.service import Clock, build_request, open_service
from generation.service import GenerationService

STEPS, STEP_MS = 20, 100.0
"""Two seconds a picture, as a small model on a good GPU takes."""

_PATIENCE_S = 900.0
_LOOK_S = 0.02


class Unfinished(Exception):
    """Generations failed, or did not end in time; the sentence says how many."""


@dataclass(frozen=True, slots=True)
class Occupation:
    """How one way of running N graphs went; `idle` is a share of the backends' time."""

    wall_s: float
    idle: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.saturation", description=__doc__)
    parser.add_argument("--generations", type=int, default=20, help="for each backend")
    parser.add_argument("--backends", type=int, default=4)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--step-ms", type=float, default=STEP_MS)
    arguments = parser.parse_args()
    scale = Scale(
        jobs=arguments.generations, steps=arguments.steps, step_ms=arguments.step_ms, backends=1
    )
    asyncio.run(_compare(scale, arguments.backends))


async def _compare(scale: Scale, backends: int) -> None:
    many = replace(scale, jobs=scale.jobs * backends, backends=backends)
    with running_backends(many) as urls:
        straight = await post_straight(urls[:1], scale)
        _write(f"straight to one backend   {straight.wall_s:7.2f} s, idle {straight.idle:.2%}")
        async with open_service(urls[:1]) as (service, clock):
            first = await submit_all(urls[:1], service, clock, scale)
        ratio = first.wall_s / straight.wall_s
        _write(
            f"through Limner            {first.wall_s:7.2f} s, idle {first.idle:.2%}: {ratio:.3f}x"
        )
        async with open_service(urls) as (service, clock):
            several = await submit_all(urls, service, clock, many)
        times = first.wall_s * backends / several.wall_s
        _write(
            f"through Limner, {backends} of them {several.wall_s:7.2f} s, idle {several.idle:.2%}: "
            f"{times:.2f} times one"
        )


async def post_straight(urls: Sequence[str], scale: Scale) -> Occupation:
    """Post everything at once, and fetch each picture as it appears."""
    (url,) = urls
    reset(url)
    picture = ResultPicture.of_size(int(scale.result_mb * 1e6))
    client = FloorClient(url)
    await client.open()
    began_at = time.time()
    try:
        async with asyncio.timeout(_PATIENCE_S):
            deliveries = await asyncio.gather(
                *(
                    client.run(Job(name, build_graph(name, scale.steps), picture))
                    for name in _names(scale.jobs)
                )
            )
    finally:
        await client.close()
    wall_s = max(delivery.received_at for delivery in deliveries) - began_at
    return Occupation(wall_s, idle_share([ask_report(url)]))


async def submit_all(
    urls: Sequence[str], service: GenerationService, clock: Clock, scale: Scale
) -> Occupation:
    """Submit everything at once, each for another person, until the last has ended."""
    for url in urls:
        reset(url)
    names = _names(scale.jobs)
    began_at = time.time()
    await asyncio.gather(
        *(
            service.submit(build_request(name, person, scale.steps))
            for person, name in enumerate(names, start=1)
        )
    )
    await _wait_for(clock, names)
    wall_s = max(clock.ended_at[name] for name in names) - began_at
    return Occupation(wall_s, idle_share([ask_report(url) for url in urls]))


def idle_share(reports: Sequence[Mapping[str, Any]]) -> float:
    """The part of the time, from the first start to the last end anywhere, that nothing ran."""
    runs: list[tuple[float, float]] = [
        (report["started_at"][job], ended_at)
        for report in reports
        for job, ended_at in report["success_at"].items()
    ]
    busy_s = sum(ended_at - started_at for started_at, ended_at in runs)
    span_s = max(ended_at for _, ended_at in runs) - min(started_at for started_at, _ in runs)
    return 1 - busy_s / (span_s * len(reports))


async def _wait_for(clock: Clock, names: Sequence[str]) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while not clock.ended_at.keys() >= set(names):  # noqa: ASYNC110 - a benchmark may look
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        missing = len(set(names) - clock.ended_at.keys())
        raise Unfinished(f"{missing} generations did not end.") from None
    if clock.failures:
        raise Unfinished(f"{len(clock.failures)} generations failed: {clock.failures}")


def _names(count: int) -> list[str]:
    return [f"job-{number:04}" for number in range(count)]


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
