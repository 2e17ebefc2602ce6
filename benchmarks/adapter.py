"""Compares clients of ComfyUI: `python -m benchmarks.adapter` (see README.md beside this).

Each client runs in a process of its own against the same stand-in, in turn, round by round.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks import peers
from benchmarks.measurement import Measurement
from benchmarks.processes import ROOT, MeasurementFailed, measure, running_backends
from benchmarks.scale import Scale, add_options, full_grid, vary_each
from benchmarks.table import FLOOR, build_table
from benchmarks.worker import ALONE, CLIENTS

OURS = "limner"


def main() -> None:
    """Measure one cell, or many, and print a table for each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adapter", description=__doc__)
    add_options(parser)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", nargs="+", choices=CLIENTS, help="only these, and the floor")
    grids = parser.add_mutually_exclusive_group()
    grids.add_argument("--each", action="store_true", help="vary each dimension alone")
    grids.add_argument("--full", action="store_true", help="every combination: takes hours")
    arguments = parser.parse_args()
    base = Scale.from_arguments(arguments)
    cells: Iterable[Scale] = [base]
    if arguments.each:
        cells = vary_each(base)
    elif arguments.full:
        cells = full_grid(base)
    pythons = find_clients(arguments.clients or list(CLIENTS))
    for scale in cells:
        _write(f"\n### {scale.describe()}\n")
        for line in build_table(compare(pythons, scale, arguments.rounds)):
            _write(line)


def find_clients(wanted: Sequence[str]) -> dict[str, Path]:
    """Return the Python interpreter of each client; prints which are left out, and why."""
    own = Path(sys.executable)
    pythons = {FLOOR: own} | ({OURS: own} if OURS in wanted else {})
    others = [name for name in wanted if name not in pythons]
    if not others:
        return pythons
    try:
        python = peers.prepare()
    except (OSError, subprocess.SubprocessError) as error:
        _write(f"Left out, for want of an environment: {', '.join(others)} ({error}).")
        return pythons
    for name in others:
        obstacle = peers.find_obstacle(python, CLIENTS[name].partition(":")[0], ROOT)
        if obstacle is None:
            pythons[name] = python
        else:
            _write(f"Left out: {name} ({obstacle}).")
    return pythons


def compare(pythons: Mapping[str, Path], scale: Scale, rounds: int) -> dict[str, list[Measurement]]:
    """Measure every client once a round; one that fails is left out from then on.

    A backend lives for one round, so that none is slower for what others left in its history.
    """
    measured: dict[str, list[Measurement]] = {
        name: [] for name in pythons if scale.backends == 1 or name not in ALONE
    }
    for number in range(rounds):
        with running_backends(scale) as urls:
            for name in _rotate(list(measured), number):
                try:
                    measured[name].append(measure(pythons[name], name, urls, scale))
                except (MeasurementFailed, subprocess.TimeoutExpired) as error:
                    if name == FLOOR:
                        raise
                    del measured[name]
                    _write(f"Left out of this table: {name} ({error}).")
    return measured


def _rotate(names: list[str], by: int) -> list[str]:
    """Rotate the order from round to round, so that no client is always first."""
    start = by % len(names)
    return names[start:] + names[:start]


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
