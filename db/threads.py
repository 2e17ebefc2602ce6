"""Threads that run transactions, one after the other."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Threads:
    """Threads that run calls in order.

    Unlike those of an executor they are not joined when the process ends: one may be waiting for a
    lock of another program.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._is_started = False

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Queue a call for one of the threads."""
        if not self._is_started:
            self._is_started = True
            for _ in range(self._count):
                threading.Thread(target=self._work, name="database", daemon=True).start()
        future: Future[T] = Future()
        self._calls.put((future, call))
        return future

    def stop(self) -> None:
        """Stop each thread after all calls that are queued. May be called twice."""
        for _ in range(self._count if self._is_started else 0):
            self._calls.put(None)

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            future, call = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - raised in its caller
                future.set_exception(error)
            else:
                future.set_result(result)
            # Release results and an error's frames while this thread waits.
            del item, future, call
            result = None
