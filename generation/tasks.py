"""Owned background tasks: awaited or cancelled by their owner, with failures logged."""

import asyncio
import logging
from collections.abc import Coroutine, Generator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from db.errors import DatabaseError
from generation.errors import GenerationError

T = TypeVar("T")

_log = logging.getLogger(__name__)


class TaskOwner:
    """Owns tasks: logs their failures, and cancels the remaining ones when it is closed."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, object], name: str) -> asyncio.Task[Any]:
        """Run a coroutine until it ends or the owner is closed."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Cancel running tasks and wait for them. May be called twice."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            words = "The task %s ended in an error: %s"
            self._log.error(words, task.get_name(), error, exc_info=unforeseen(error))


class PendingWork:
    """Counts work in progress, so that others can wait until there is none."""

    def __init__(self) -> None:
        self._count = 0
        self._is_done = asyncio.Event()
        self._is_done.set()

    @contextmanager
    def pending(self) -> Generator[None]:
        """Count this context as work in progress."""
        self._count += 1
        self._is_done.clear()
        try:
            yield
        finally:
            self._count -= 1
            if self._count == 0:
                self._is_done.set()

    async def wait(self, patience_s: float) -> None:
        """Wait until no work is in progress, but not longer than `patience_s` seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self._is_done.wait()


async def finish(work: Coroutine[Any, Any, T]) -> T:
    """Await to the end even if the caller is cancelled, then raise the cancellation."""
    task = asyncio.ensure_future(work)
    try:
        # `wait` does not cancel what it waits for, unlike `await task`.
        await asyncio.wait({task})
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            words = "A final write failed meanwhile: %s"
            _log.warning(words, error, exc_info=unforeseen(error))
        raise
    return task.result()


def unforeseen(error: BaseException) -> BaseException | None:
    """Return the error if its traceback is worth logging; None if its sentence says it all."""
    return None if isinstance(error, DatabaseError | GenerationError) else error


async def do_nothing() -> None:
    """Do nothing: the default for an optional callback."""
