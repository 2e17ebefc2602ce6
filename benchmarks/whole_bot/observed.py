"""Limner as run by `benchmarks.bot_process`, reporting measurements from inside the process.

`python -m benchmarks.whole_bot.observed [--watch-loop] API_BASE GATEWAY_URL [ROLE]`. For every line
on the standard input it prints one of JSON: statements so far, and how late its event loop was
since, if it is watched, which costs two hundred wake-ups a second.
"""

import argparse
import asyncio
import json
import sys
import threading
from collections.abc import Sequence

from benchmarks import bot_process
from benchmarks.measurement import LoopWatch, quantile
from benchmarks.statements import StatementCounter, counting_statements
from generation.media import memory


def main() -> None:
    """Run until stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--watch-loop", action="store_true")
    parser.add_argument("arguments", nargs="+")
    options = parser.parse_args()
    watch = LoopWatch()
    # As in `limner run`, where no thread is started before.
    memory.bound()
    with counting_statements() as counter:
        threading.Thread(target=_answer, args=(counter, watch), daemon=True).start()
        asyncio.run(_run(options.arguments, watch if options.watch_loop else None))


async def _run(arguments: Sequence[str], watch: LoopWatch | None) -> None:
    watching = asyncio.create_task(watch.watch()) if watch else None
    try:
        await bot_process.run(*arguments)
    finally:
        if watching:
            watching.cancel()


def _answer(counter: StatementCounter, watch: LoopWatch) -> None:
    for _ in sys.stdin:
        delays, watch.delays_ms = watch.delays_ms, []
        report = {
            "statements": counter.total(),
            "loop_p99_ms": quantile(delays, 0.99),
            "loop_worst_ms": max(delays, default=0.0),
        }
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
