"""What `limner --version`, `--help` and completion cost beside importing click.

`python -m benchmarks.startup`; it needs Linux or macOS. User and system time of processes of their
own, taken in turn, as medians.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence

Command = tuple[Sequence[str], Mapping[str, str]]

_LIMNER = ("-c", "from bot.cli.main import main; main()")

COMMANDS: Mapping[str, Command] = {
    "import click": (("-c", "import click"), {}),
    "limner --version": ((*_LIMNER, "--version"), {}),
    "limner --help": ((*_LIMNER, "--help"), {}),
    "limner run --help": ((*_LIMNER, "run", "--help"), {}),
    "completion of limner generate --w": (
        _LIMNER,
        {
            "_LIMNER_COMPLETE": "bash_complete",
            "COMP_WORDS": "limner generate --w",
            "COMP_CWORD": "2",
        },
    ),
}
"""The first is what the others are compared with."""


def measure(command: Command) -> float:
    """Run a command once; the user and system time it took, in seconds."""
    arguments, environment = command
    before = _children_seconds()
    subprocess.run(  # noqa: S603 - our own words
        [sys.executable, *arguments],
        check=True,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    return _children_seconds() - before


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print each command's median and its ratio to importing click."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            taken[name].append(measure(command))
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    floor = next(iter(medians.values()))
    for name, seconds in medians.items():
        print(f"{name:36} {seconds * 1000:6.0f} ms {seconds / floor:6.2f}x")  # noqa: T201 - the output


if __name__ == "__main__":
    main()
