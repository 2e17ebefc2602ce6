"""Limits on decoded pictures in memory: two at a time in a process, only one of them large.

A decoded picture takes 4 bytes a pixel, and up to 16 meanwhile: Pillow's WebP decoder keeps two
frames and hands over a copy.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from generation.media import memory

_P = ParamSpec("_P")
_T = TypeVar("_T")

AT_A_TIME = 2
"""Pictures decoded at a time in one process, and actions of people whose files are in memory."""

BYTES_PER_PIXEL = 4
"""Pillow's for most kinds of pictures, once decoded."""

LARGE_PIXELS = 2048 * 2048
"""Above this, a picture is decoded while no other large one is: one of 4,096 a side takes 270
MB."""

_large = threading.RLock()

_call = threading.local()
"""Thread-local of the running `decode` call: `held` has what it releases at its end."""

_trimmer = memory.Trimmer()

_threads = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="decoding")


async def decode(function: Callable[_P, _T], *arguments: _P.args, **options: _P.kwargs) -> _T:
    """Call a function that decodes or encodes a picture in a thread, when a slot is free.

    Freed memory is returned to the system afterwards. A call cancelled while waiting never runs.
    """
    loop = asyncio.get_running_loop()
    call = partial(function, *arguments, **options)
    try:
        return await loop.run_in_executor(_threads, _release_after, call)
    finally:
        _trimmer.count(sum(len(given) for given in arguments if isinstance(given, bytes)))
        _trimmer.schedule()


def await_turn(size: tuple[int, int]) -> None:
    """Wait, before decoding a large picture, until no other `decode` call has one.

    The turn lasts until the surrounding `decode` call ends.
    """
    _trimmer.count(BYTES_PER_PIXEL * size[0] * size[1])
    held: ExitStack | None = getattr(_call, "held", None)
    if held is not None and size[0] * size[1] > LARGE_PIXELS:
        # A reentrant lock: one call may open several large pictures, such as those of a grid.
        held.enter_context(_large)


class FileSlots:
    """Limits whole files in memory: one action per person at a time, two in all."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._people: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, user_id: int) -> AsyncGenerator[None]:
        """Wait for a slot, held for the length of the context."""
        # The person's lock first: waiting for it takes no slot from others.
        one_at_a_time = self._people.setdefault(user_id, asyncio.Lock())
        async with one_at_a_time, self._places:
            yield


def _release_after(call: Callable[[], _T]) -> _T:
    with ExitStack() as _call.held:
        return call()
