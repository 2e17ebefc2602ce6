"""Waiting for the state of the stand-in to change."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class ChangeNotifier:
    """Wakes tasks that wait for a change of the stand-in's state."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Wake all waiting tasks."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait_for(self, find: Callable[[], T], timeout: float) -> T:
        """Return what `find` returns once that is truthy; `TimeoutError` after `timeout` s."""
        async with asyncio.timeout(timeout):
            while not (found := find()):
                await self._event.wait()
            return found
