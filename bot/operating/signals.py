"""Handling of SIGINT and SIGTERM."""

import asyncio
import faulthandler
import logging
import os
import signal
import socket
from collections.abc import Coroutine
from contextlib import suppress
from threading import Thread
from time import sleep
from types import FrameType
from typing import Any, Final, TypeVar

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

STOP_WITHIN_S: Final = 7.0
"""Seconds from the first signal to the forced end of the process: service managers kill it after
ten or more, and a busy machine notices the signal a second or two late."""

LOG_FLUSH_S: Final = 0.5
"""Seconds for writing the last log line, as the reader of the pipe may be stuck too."""

LAST_RESORT_S: Final = 8.0
"""Seconds from the first signal to the end of a process in which no other thread can run."""

T = TypeVar("T")

_log = logging.getLogger(__name__)


async def run_until_signal(work: Coroutine[Any, Any, T], *, status: int = 0) -> T | None:
    """Run `work` and return its result, or None if SIGINT or SIGTERM cancelled it.

    If it does not end within `STOP_WITHIN_S` after a signal, the process exits with `status`, or
    with 1 if no Python thread can run any more.
    """
    task = asyncio.get_running_loop().create_task(work)
    incoming, outgoing = socket.socketpair()
    outgoing.settimeout(0)
    Thread(
        target=_stop_at_signal, args=(incoming, task, status), name="signals", daemon=True
    ).start()
    # Python runs handlers in the main thread, which a blocking call delays. The wake-up socket is
    # written to at once: https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
    handlers = {number: signal.signal(number, _arm_last_resort) for number in SIGNALS}
    descriptor = signal.set_wakeup_fd(outgoing.fileno(), warn_on_full_buffer=False)
    try:
        await asyncio.wait({task})
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        signal.set_wakeup_fd(descriptor)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        outgoing.close()
    return None if task.cancelled() else task.result()


def _arm_last_resort(_number: int, _frame: FrameType | None) -> None:
    """End the process even if the main thread computes and blocks all other threads."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    # Its watchdog thread is written in C and needs no GIL.
    faulthandler.dump_traceback_later(LAST_RESORT_S, exit=True, file=nowhere)


def _stop_at_signal(incoming: socket.socket, task: asyncio.Task[Any], status: int) -> None:
    """Cancel the task at the first signal, and end the process unless it ends by itself.

    Closing can block forever, on a lock, a driver or an unresponsive peer. All accepted work is
    recorded by then and is resumed as after a power failure.
    """
    with incoming:
        while (received := incoming.recv(1)) and received[0] not in SIGNALS:
            pass
    if not received:
        return
    with suppress(RuntimeError):  # its loop is closed already
        task.get_loop().call_soon_threadsafe(task.cancel)
    sleep(STOP_WITHIN_S)
    words = Thread(target=_say_why, daemon=True)
    words.start()
    words.join(LOG_FLUSH_S)
    os._exit(status)


def _say_why() -> None:
    _log.warning(
        "Not everything could be closed within %g s; what runs is picked up at the next start.",
        STOP_WITHIN_S,
    )
