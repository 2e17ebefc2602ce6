"""Measures the whole bot beside the floor: `python -m benchmarks.whole_bot` (see README.md).

Each program runs in processes of its own between the same stand-ins, in turn, round by round.
Linux alone.
"""

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path

from benchmarks.postgres import PostgresServer, running_postgres
from benchmarks.whole_bot.cells import CELLS, Figures, plan
from benchmarks.whole_bot.programs import Program
from benchmarks.whole_bot.report import build_table, summarize
from benchmarks.whole_bot.stage import Unfinished, open_stage


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.whole_bot", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cells", type=_names(CELLS), default=tuple(CELLS), metavar="NAME,NAME")
    parser.add_argument(
        "--programs",
        type=_names([program.value for program in Program]),
        default=tuple(program.value for program in Program),
        metavar="NAME,NAME",
        help=f"of {', '.join(Program)}; the floor is always among them",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="where to write the figures of every round"
    )
    arguments = parser.parse_args()
    # As Ctrl+C does: processes and a PostgreSQL would stay behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    programs = [
        program for program in Program if program is Program.FLOOR or program in arguments.programs
    ]
    rounds: dict[Program, list[Figures]] = {program: [] for program in programs}
    with ExitStack() as stack:
        postgres = None
        if any(program.needs_postgresql for program in programs):
            postgres = stack.enter_context(running_postgres(keeps_commits=True, syncs_files=True))
        for number in range(arguments.rounds):
            for program in programs:
                print(f"round {number + 1}: {program.label}", file=sys.stderr)  # noqa: T201
                figures = asyncio.run(_measure(program, arguments.cells, postgres))
                rounds[program].append(figures)
                if arguments.json:
                    # After each, since an hour's figures are not to be lost with the last one.
                    arguments.json.write_text(json.dumps(summarize(rounds), indent=2))
    for line in build_table(rounds):
        print(line)  # noqa: T201 - the program's output


async def _measure(
    program: Program, cells: tuple[str, ...], postgres: PostgresServer | None
) -> Figures:
    figures: dict[str, float] = {}
    for setting, measures in plan(cells, program).items():
        try:
            async with open_stage(program, setting, postgres) as stage:
                for measure in measures:
                    figures |= await measure(stage)
        except Unfinished as error:
            # What the others come to is worth having without it.
            print(error, file=sys.stderr)  # noqa: T201 - the program's output
    return figures


def _names(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """Read a list with commas of these names."""

    def read(text: str) -> tuple[str, ...]:
        names = tuple(text.split(","))
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"{', '.join(unknown)} is not among {', '.join(known)}."
            )
        return names

    return read


if __name__ == "__main__":
    main()
