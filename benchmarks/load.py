"""How one process fares with many runs at once: `python -m benchmarks.load` (see README.md).

Prints how late the event loop was and how much memory the process had, at the start, in the
middle and at the end.
"""

import argparse
import asyncio
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from benchmarks.client import Job
from benchmarks.clients.limner import LimnerClient
from benchmarks.measurement import Delivery, LoopWatch, quantile
from benchmarks.pictures import ResultPicture
from benchmarks.processes import running_backends
from benchmarks.resident import resident_mb
from benchmarks.run import build_graph
from benchmarks.scale import Scale, add_options


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--at-once", type=int, default=200)
    add_options(parser)
    parser.set_defaults(jobs=1000, backends=4, step_ms=5.0)
    arguments = parser.parse_args()
    asyncio.run(_measure(Scale.from_arguments(arguments), arguments.at_once))


async def _measure(scale: Scale, at_once: int) -> None:
    picture = ResultPicture.of_size(int(scale.result_mb * 1e6))
    names = (f"job-{number:05}" for number in range(scale.jobs))
    jobs = [Job(name, build_graph(name, scale.steps), picture) for name in names]
    with running_backends(scale) as urls:
        warm_up, rest = jobs[:at_once], jobs[at_once:]
        middle = len(rest) // 2
        watch = LoopWatch()
        clients = [LimnerClient(url) for url in urls]
        for client in clients:
            await client.open()
        watching = asyncio.create_task(watch.watch())
        try:
            _write(f"{scale.describe()}, {at_once} at once")
            right = 0
            for name, part in (
                ("start", warm_up),
                ("middle", rest[:middle]),
                ("end", rest[middle:]),
            ):
                deliveries = await run_at_once(clients, part, at_once)
                right += sum(delivery.is_right for delivery in deliveries)
                _write(f"memory at the {name}: {resident_mb():.1f} MB")
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            for client in clients:
                await client.close()
    delays = watch.delays_ms
    _write(
        f"event loop late by: p50 {quantile(delays, 0.5):.1f} ms, p99 "
        f"{quantile(delays, 0.99):.1f} ms, at most {max(delays):.1f} ms"
    )
    _write(f"right results: {right}/{scale.jobs}")


async def run_at_once(
    clients: Sequence[LimnerClient], jobs: Sequence[Job], at_once: int
) -> list[Delivery]:
    """Run all, in turn on each backend, never more than this many at a time."""
    waiting = deque(enumerate(jobs))
    done: list[Delivery] = []

    async def work() -> None:
        while waiting:
            number, job = waiting.popleft()
            done.append(await clients[number % len(clients)].run(job))

    await asyncio.gather(*(work() for _ in range(at_once)))
    return done


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
