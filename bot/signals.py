"""Handling of SIGINT and SIGTERM."""

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from threading import Thread
from time import sleep
from types import FrameType
from typing import Any, Final, TypeVar

STOP_WITHIN_S: Final = 8.0
"""Seconds from the first signal to the forced end of the process: service managers kill it after
ten or more."""

LAST_WORDS_S: Final = 0.5
"""Seconds for writing the last log line, as the reader of the pipe may be stuck too."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


async def run_until_signal(work: Coroutine[Any, Any, T], *, status: int = 0) -> T | None:
    """Run `work` and return its result, or None when SIGINT or SIGTERM cancelled it.

    If it does not end within `STOP_WITHIN_S` after a signal, the process exits with `status`.
    """
    loop = asyncio.get_running_loop()
    task = loop.create_task(work)
    signals: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signals.append(number)
        if len(signals) == 1:
            Thread(target=_end_process, args=(status,), name="end", daemon=True).start()
            loop.call_soon_threadsafe(task.cancel)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        await asyncio.wait({task})
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        for number, handler in before.items():
            signal.signal(number, handler)
    return None if task.cancelled() else task.result()


def _end_process(status: int) -> None:
    """Start a timer that ends the process unless it ends by itself.

    Closing can block forever, on a lock, a driver or a peer that no longer answers. All accepted
    work is recorded by then and is resumed as after a power failure.
    """
    sleep(STOP_WITHIN_S)
    words = Thread(target=_say_why, daemon=True)
    words.start()
    words.join(LAST_WORDS_S)
    os._exit(status)


def _say_why() -> None:
    _log.warning(
        "Not everything could be closed within %g s; what runs is picked up at the next start.",
        STOP_WITHIN_S,
    )
