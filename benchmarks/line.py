"""What the line costs: `python -m benchmarks.line [--database-url URL]` (see README.md).

Without an empty PostgreSQL database only SQLite is measured, and one process.
"""

import argparse
import asyncio
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import psycopg

from benchmarks.processes import ROOT, running_backends
from benchmarks.saturation import Unfinished
from benchmarks.scale import Scale
from benchmarks.service import build_request, open_service
from db.urls import libpq_url

PROCESSES = (1, 2, 4)

AT_ONCE = 8
"""Submissions under way at a time."""

PATIENCE_S = 600.0
LOOK_S = 0.2

_PEOPLE = itertools.count(20_000)
"""Each request comes from another person, as the cooldown would refuse a second one."""

_ENDED = """
SELECT count(finished_at), extract(epoch FROM max(finished_at) - min(started_at))
FROM generations WHERE prompt LIKE %s
"""


def main() -> None:
    """Measure and print, or be one of the processes that work."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.line", description=__doc__)
    parser.add_argument("--database-url", help="an empty PostgreSQL database")
    parser.add_argument("--generations", type=int, default=200)
    parser.add_argument("--backends", type=int, default=4)
    parser.add_argument("--work-on", nargs="+", metavar="BACKEND", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work_on:
        asyncio.run(_work_on(arguments.work_on, arguments.database_url))
        return
    asyncio.run(_measure(arguments))


async def _measure(arguments: argparse.Namespace) -> None:
    scale = Scale(jobs=1, steps=1, step_ms=0.0, result_mb=0.01, backends=arguments.backends)
    url: str | None = arguments.database_url
    for name, database_url in (("SQLite", None), *([("PostgreSQL", url)] if url else [])):
        with running_backends(scale) as backends:
            rate = await measure_acceptance(backends, database_url, "alone", arguments.generations)
            _write(f"{name}: {rate:.0f} accepted a second")
    if url:
        alone = 0.0
        for processes in PROCESSES:
            with running_backends(scale) as backends:
                rate = await measure_together(backends, url, processes, arguments.generations)
            alone = alone or rate
            _write(f"{processes} processes: {rate:.1f} runs a second, {rate / alone:.2f}x")


async def measure_acceptance(
    backends: Sequence[str], database_url: str | None, name: str, generations: int
) -> float:
    """How many generations a second are accepted by a process that runs none."""
    turns = asyncio.Semaphore(AT_ONCE)
    async with open_service(backends, database_url=database_url, takes_work=False) as (service, _):

        async def submit(number: int) -> None:
            async with turns:
                await service.submit(build_request(f"{name}-{number:04}", next(_PEOPLE), 1))

        began_at = time.monotonic()
        await asyncio.gather(*(submit(number) for number in range(generations)))
        return generations / (time.monotonic() - began_at)


async def measure_together(
    backends: Sequence[str], database_url: str, processes: int, generations: int
) -> float:
    """How many runs a second several processes end that share one line."""
    name = f"together-{processes}"
    await measure_acceptance(backends, database_url, name, generations)
    arguments = ("-m", "benchmarks.line", "--database-url", database_url, "--work-on", *backends)
    with ExitStack() as stack:
        for _ in range(processes):
            stack.enter_context(_running(*arguments))
        return await asyncio.to_thread(_wait_for_the_end, database_url, name, generations)


def _wait_for_the_end(database_url: str, name: str, generations: int) -> float:
    """From the first start to the last end, as they are recorded."""
    deadline = time.monotonic() + PATIENCE_S
    plain = libpq_url(database_url)
    assert plain is not None  # noqa: S101 - the caller has a PostgreSQL
    with psycopg.connect(plain, autocommit=True) as link:
        while time.monotonic() < deadline:
            ended, seconds = link.execute(_ENDED, (f"{name}-%",)).fetchone() or (0, 0.0)
            if ended >= generations:
                return float(ended / seconds)
            time.sleep(LOOK_S)
    raise Unfinished(f"{generations - ended} generations did not end.")


async def _work_on(backends: Sequence[str], database_url: str) -> None:
    """Bring to their end whatever the database has, until the standard input is closed."""
    async with open_service(backends, database_url=database_url):
        await asyncio.to_thread(sys.stdin.read)


@contextmanager
def _running(*arguments: str) -> Iterator[None]:
    """One more Python, until the block ends."""
    process = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, *arguments], cwd=ROOT, stdin=subprocess.PIPE
    )
    try:
        yield
    finally:
        assert process.stdin is not None  # noqa: S101 - asked for above
        process.stdin.close()
        process.terminate()
        process.wait()


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
