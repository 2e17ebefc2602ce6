"""The processes of a benchmark: backends that live as long as their context, and measurements."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measurement import Measurement
from benchmarks.scale import Scale
from benchmarks.server import REPORT_PATH, RESET_PATH

ROOT = Path(__file__).parent.parent
"""The project's own folder, from which every process imports `benchmarks`."""

_MEASURE_S = 900
_STOP_S = 10


class MeasurementFailed(Exception):
    """A client's process ended without a result; the message is the last line of its output."""


@contextmanager
def running_backends(scale: Scale) -> Iterator[tuple[str, ...]]:
    """Serve as many backends as wanted, each in a process of its own; their addresses."""
    servers = [_start_backend(scale) for _ in range(scale.backends)]
    try:
        yield tuple(_read_address(server) for server in servers)
    finally:
        for server in servers:
            _stop(server)


def measure(python: Path, client: str, urls: Sequence[str], scale: Scale) -> Measurement:
    """Measure one client once. Raises MeasurementFailed."""
    done = subprocess.run(  # noqa: S603 - our own words
        [python, "-m", "benchmarks.worker", client, *urls, *scale.to_arguments()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=_MEASURE_S,
        check=False,
    )
    said = done.stderr.strip().rpartition("\n")[2]
    if done.returncode or not done.stdout:
        raise MeasurementFailed(said or f"It ended with status {done.returncode}.")
    return Measurement(**json.loads(done.stdout))


def reset(url: str) -> None:
    """Reset the counters of a backend."""
    _ask(url + RESET_PATH, "POST")


def ask_report(url: str) -> Mapping[str, Any]:
    """Fetch the counters of a backend."""
    report: Mapping[str, Any] = _ask(url + REPORT_PATH, "GET")
    return report


def _ask(url: str, method: str) -> Any:  # noqa: ANN401 - decoded JSON is anything
    request = urllib.request.Request(url, method=method)  # noqa: S310 - our own server's address
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - likewise
        return json.load(answer)


def _start_backend(scale: Scale) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", "benchmarks.server", *scale.to_arguments()],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _stop(server: subprocess.Popen[str]) -> None:
    """Close its standard input, which ends it."""
    try:
        server.communicate(timeout=_STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.communicate()


def _read_address(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None  # noqa: S101 - asked for above
    address = server.stdout.readline().strip()
    if not address:
        raise MeasurementFailed("A stand-in backend did not start.")
    return address
