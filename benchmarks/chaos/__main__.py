"""`python -m benchmarks.chaos --kills 100`: the exit status says whether all was as promised."""

import argparse
import asyncio
import logging
import secrets
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.chaos.run import Plan, Report, play


def main() -> int:
    """Play one run and print its report."""
    options = _parse()
    # Clients are killed in the middle of responses on purpose; that is no error of the stand-ins.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    seed = options.seed if options.seed is not None else secrets.randbelow(2**32)
    with tempfile.TemporaryDirectory(prefix="limner-chaos-") as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        roles = ("bot", *["worker"] * options.workers) if options.workers else ("all",)
        _say(f"Seed {seed}, {options.kills} kills, processes: {', '.join(roles)}.")
        report = asyncio.run(play(Plan(folder, options.kills, seed, options.database_url, roles)))
    _print(report)
    if report.findings:
        _say(f"Play it again with --seed {seed}; --folder keeps the logs and the database.")
    return 1 if report.findings else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="processes to kill with -9")
    parser.add_argument("--seed", type=int, help="draw the same actions and faults again")
    parser.add_argument("--database-url", help="an empty PostgreSQL database; SQLite without")
    parser.add_argument(
        "--workers", type=int, default=0, help="one bot and so many workers, on PostgreSQL"
    )
    parser.add_argument("--folder", type=Path, help="an empty folder that is kept")
    return parser.parse_args()


def _print(report: Report) -> None:
    _say(f"{report.seconds:.0f} s, and {report.settled_s:.0f} s until all had ended.")
    _say(f"Processes started: {report.starts}. Runs on backends: {report.executions}.")
    for title, counts in (
        ("People did", report.actions),
        ("Faults", report.faults),
        ("Generations", report.states),
        ("Tracebacks in logs", report.crashes),
    ):
        _say(f"{title}: {_listed(counts) or 'none'}.")
    for finding in report.findings:
        _say(f"FINDING {finding}")
    _say(f"{len(report.findings)} findings in {report.states.total()} generations.")


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the program's output


if __name__ == "__main__":
    sys.exit(main())
