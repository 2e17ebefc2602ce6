"""Bounds on pictures in memory: two are decoded at a time, whoever sends them.

A decoded picture takes 4 bytes a pixel, and as much again while it is converted.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from generation.media import memory

_P = ParamSpec("_P")
_T = TypeVar("_T")

AT_A_TIME = 2
"""Pictures that are decoded in one process, and acts of people whose files are in memory."""

_threads = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="decoding")


async def decode(function: Callable[_P, _T], *arguments: _P.args, **options: _P.kwargs) -> _T:
    """Call what decodes or encodes a picture in a thread, once it is its turn in this process.

    Memory that it leaves is given back to the system. Cancelled while it waits, it never runs.
    """
    loop = asyncio.get_running_loop()
    call = partial(function, *arguments, **options)
    return await loop.run_in_executor(_threads, _call_and_trim, call)


class FileTurns:
    """Limits holders of whole files in memory: one action per person at a time, two in all."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._people: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, user_id: int) -> AsyncGenerator[None]:
        """Wait for a turn; it ends with the block."""
        one_at_a_time = self._people.setdefault(user_id, asyncio.Lock())
        async with one_at_a_time, self._places:
            yield


def _call_and_trim(call: Callable[[], _T]) -> _T:
    try:
        return call()
    finally:
        memory.trim()
