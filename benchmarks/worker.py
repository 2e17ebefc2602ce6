"""Measures one client in a process of its own and prints one line of JSON.

`python -m benchmarks.worker CLIENT URL... --jobs 24 ...`; the backends must be running.
"""

import argparse
import asyncio
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict

from benchmarks.client import Client, Job
from benchmarks.measurement import Delivery, Measurement, build_measurement
from benchmarks.pictures import ResultPicture
from benchmarks.processes import ask_report, reset
from benchmarks.resident import peak_mb
from benchmarks.run import build_graph
from benchmarks.scale import Scale, add_options
from benchmarks.server import process_cpu_seconds

CLIENTS = {
    "limner": "benchmarks.clients.limner:LimnerClient",
    "floor": "benchmarks.clients.floor:FloorClient",
    "naive": "benchmarks.clients.naive:NaiveClient",
    "comfy_api_simplified": "benchmarks.clients.simplified:SimplifiedClient",
    "comfy-script": "benchmarks.clients.script:ScriptClient",
    "comfyui-async-api-tool": "benchmarks.clients.async_api_tool:AsyncApiToolClient",
    "comfy-sdk-events": "benchmarks.clients.sdk:EventsClient",
    "comfy-sdk-polling": "benchmarks.clients.sdk:PollingClient",
}
"""Where each is; only its own process imports it, and with it the library that it drives."""

ALONE = frozenset({"comfy-script"})
"""Those that know one backend a process."""

_WARM_UP = 2

_PATIENCE_S = 20.0
_SLOWER_THAN_PACE = 4
"""A job that takes longer than this, and than so many times the backends' own time, is lost."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker", description=__doc__)
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("urls", nargs="+")
    add_options(parser)
    arguments = parser.parse_args()
    # Some clients print; the result must stay alone on the standard output.
    with redirect_stdout(sys.stderr):
        measurement = asyncio.run(
            _measure(load_client(arguments.client), arguments.urls, Scale.from_arguments(arguments))
        )
    sys.stdout.write(json.dumps(asdict(measurement)) + "\n")
    sys.stdout.flush()
    # A lost job's thread may wait for ever, and would be waited for.
    os._exit(0)


def load_client(name: str) -> Callable[[str], Client]:
    """Import a client by its name; raises ImportError where its library is not installed."""
    module, _, class_name = CLIENTS[name].partition(":")
    made_by: Callable[[str], Client] = getattr(importlib.import_module(module), class_name)
    return made_by


async def _measure(
    build: Callable[[str], Client], urls: Sequence[str], scale: Scale
) -> Measurement:
    """A short run first, because importing and compiling is done once in a process's life."""
    picture = ResultPicture.of_size(int(scale.result_mb * 1e6))
    patience_s = _PATIENCE_S + _SLOWER_THAN_PACE * scale.least_seconds
    warm_up = _build_jobs("warm-up", _WARM_UP * len(urls), scale, picture)
    await run_jobs(build, urls, warm_up, patience_s)
    for url in urls:
        await asyncio.to_thread(reset, url)
    jobs = _build_jobs("job", scale.jobs, scale, picture)
    cpu_at = process_cpu_seconds()
    deliveries, more_cpu_s = await run_jobs(build, urls, jobs, patience_s)
    cpu_s = process_cpu_seconds() - cpu_at + more_cpu_s
    reports = [await asyncio.to_thread(ask_report, url) for url in urls]
    return build_measurement(deliveries, reports, cpu_s=cpu_s, memory_mb=peak_mb(), jobs=scale.jobs)


async def run_jobs(
    build: Callable[[str], Client], urls: Sequence[str], jobs: Sequence[Job], patience_s: float
) -> tuple[list[Delivery], float]:
    """Run all at once, in turn on each backend; what failed or was lost is said and left out.

    The second value is CPU seconds of helpers that a client keeps in other processes.
    """
    clients = [build(url) for url in urls]
    for client in clients:
        await client.open()
    try:
        runs = [
            asyncio.ensure_future(clients[at % len(clients)].run(job))
            for at, job in enumerate(jobs)
        ]
        _, lost = await asyncio.wait(runs, timeout=patience_s)
        for run in lost:
            run.cancel()
        results = await asyncio.gather(*runs, return_exceptions=True)
        more_cpu_s = sum(map(_helper_cpu_seconds, clients))
    finally:
        for client in clients:
            await client.close()
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures:
        sys.stderr.write(f"{len(failures)} jobs failed, the first with {failures[0]!r}\n")
    return [result for result in results if isinstance(result, Delivery)], more_cpu_s


def _helper_cpu_seconds(client: Client) -> float:
    ask: Callable[[], float] | None = getattr(client, "helper_cpu_seconds", None)
    return ask() if ask else 0.0


def _build_jobs(prefix: str, count: int, scale: Scale, picture: ResultPicture) -> list[Job]:
    names = (f"{prefix}-{number:04}" for number in range(count))
    return [Job(name, build_graph(name, scale.steps), picture) for name in names]


if __name__ == "__main__":
    main()
