"""How much memory the bot keeps after many generations: `python -m benchmarks.memory` (README.md).

The whole bot runs in a process of its own between the stand-ins of Discord and ComfyUI. Linux
alone.
"""

import argparse
import asyncio
import sys

from benchmarks.scale import Scale, add_options
from benchmarks.whole_bot.programs import Program
from benchmarks.whole_bot.stage import PATIENCE_S, PEOPLE, Setting, Stage, open_stage

MOST_MB = 250.0
"""What may be resident after 700 generations, which are half an hour's work of a quick GPU."""

AT_ONCE = 20
"""People who ask at the same time; the next ask once all of them have their pictures."""

EVERY = 100
"""Generations between two looks at the memory."""


async def measure(stage: Stage, generations: int) -> list[tuple[int, float]]:
    """Make so many; what was resident, in MB, after how many of them. Raises Unfinished."""
    figures = [(0, stage.resident_mb())]
    while (made := figures[-1][0]) < generations:
        until = min(made + EVERY, generations)
        for first in range(made, until, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, until))
            asking = (stage.ask(number % PEOPLE, f"memory-{number}") for number in numbers)
            await stage.wait_for_pictures(await asyncio.gather(*asking), PATIENCE_S)
        figures.append((until, stage.resident_mb()))
        _write(f"{until} generations: {figures[-1][1]:.0f} MB")
    return figures


def main() -> int:
    """Measure and print; the exit status says whether it stayed below the limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    add_options(parser)
    parser.set_defaults(jobs=700, step_ms=5.0)
    scale = Scale.from_arguments(parser.parse_args())
    _write(f"{scale.describe()}; at most {MOST_MB:.0f} MB")
    last = asyncio.run(_run(scale))
    return 0 if last <= MOST_MB else 1


async def _run(scale: Scale) -> float:
    async with open_stage(Program.SQLITE, Setting(scale), None) as stage:
        _write(f"at rest: {stage.resident_mb():.0f} MB")
        return (await measure(stage, scale.jobs))[-1][1]


def _write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
