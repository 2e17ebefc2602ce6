"""What Ctrl+C and SIGTERM do while a program runs."""

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
"""Seconds from the first signal to the end of the process, whatever still waits: service managers
give ten, or more, and kill then."""

LAST_WORDS_S: Final = 0.5
"""Seconds for writing the last line of the log: whoever reads it may be stuck, too."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


async def run_until_signal(work: Coroutine[Any, Any, T], *, status: int = 0) -> T | None:
    """Run this and return its result, or None when SIGINT or SIGTERM cancelled it.

    What does not end in time after a signal is left behind: the process ends with this status.
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
    """End the process after a while, unless it has ended by itself until then.

    Closing can wait for ever: for a lock, a driver, or somebody who answers no more. All that was
    accepted is recorded by now, and is resumed as after a power failure.
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
