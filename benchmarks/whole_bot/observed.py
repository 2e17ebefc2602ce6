"""Limner as run by `benchmarks.bot_process`, reporting measurements from inside the process.

`python -m benchmarks.whole_bot.observed API_BASE GATEWAY_URL [ROLE]`. For every line on the
standard input it prints one of JSON: statements so far, and how late its event loop was since.
"""

import asyncio
import json
import sys
import threading

from benchmarks import bot_process
from benchmarks.load import LoopWatch
from benchmarks.measurement import quantile
from benchmarks.statements import StatementCounter, counting_statements


def main() -> None:
    """Run until stopped."""
    watch = LoopWatch()
    with counting_statements() as counter:
        threading.Thread(target=_answer, args=(counter, watch), daemon=True).start()
        asyncio.run(_run(watch))


async def _run(watch: LoopWatch) -> None:
    watching = asyncio.create_task(watch.watch())
    try:
        await bot_process.run(*sys.argv[1:])
    finally:
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
