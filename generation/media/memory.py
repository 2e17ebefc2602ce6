"""Settings of the C allocator that return freed memory of pictures to the system.

Only glibc has these settings; elsewhere nothing is changed. See mallopt(3) and malloc_trim(3).
"""

import asyncio
import ctypes
import gc
import sys
import time
from functools import cache
from typing import Any

_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's malloc.h."""

_MMAP_THRESHOLD = -3
"""M_MMAP_THRESHOLD of glibc's malloc.h."""

_TRIM_THRESHOLD = -1
"""M_TRIM_THRESHOLD of glibc's malloc.h."""

_ARENAS = 1
"""By default every thread may get an arena of its own, which keeps its peak size. A second one kept
6 MB, and Python's threads rarely allocate at the same time."""

_LEAST_MAPPED_BYTES = 8 * 1024 * 1024
"""Allocations from this size on are returned when freed. Smaller ones, such as results of a usual
size and what is decoded of them, reuse memory: mapping new pages for each of the dozen copies that
a result of 1.5 MB passes through took 12 ms of a generation. Setting the threshold also stops glibc
from raising it to 32 MiB."""

_KEPT_BYTES = 8 * 1024 * 1024
"""Free memory at the end of an arena that is kept for the next allocations until it is trimmed; for
less, nothing is trimmed."""

_TRIM_INTERVAL_S = 10.0
"""Seconds between two trims under load: freed pages are mapped again when they are needed."""

_QUIET_S = 2.0
"""Seconds without a decoded picture before memory is trimmed sooner."""


def bound() -> None:
    """Use one arena, and return large allocations at once. Call it before threads start."""
    if (library := _find_glibc()) is not None:
        library.mallopt(_ARENA_MAX, _ARENAS)
        library.mallopt(_MMAP_THRESHOLD, _LEAST_MAPPED_BYTES)
        library.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)


class Trimmer:
    """Returns free memory to the system after pictures were decoded."""

    def __init__(self) -> None:
        self._trimmed_at = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._used_bytes = 0

    def count(self, used_bytes: int) -> None:
        """Count memory that will be freed; any thread may call it, and a lost count is harmless."""
        self._used_bytes += used_bytes

    def schedule(self) -> None:
        """Trim once this was not called for two seconds, or ten seconds after the last time.

        Less than 8 MiB since then are left to those that follow.
        """
        if self._used_bytes < _KEPT_BYTES:
            return
        if self._timer is not None:
            self._timer.cancel()
        due_at = self._trimmed_at + _TRIM_INTERVAL_S
        delay_s = min(_QUIET_S, max(due_at - time.monotonic(), 0))
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._trim)

    def _trim(self) -> None:
        self._trimmed_at = time.monotonic()
        self._used_bytes = 0
        # In a thread: it takes some milliseconds.
        asyncio.get_running_loop().run_in_executor(None, trim)


def trim() -> None:
    """Collect garbage, and return all free memory to the system."""
    # Ended generations leave 2 MB in reference cycles. It takes 3 ms, since most
    # objects are frozen at the start.
    gc.collect()
    if (library := _find_glibc()) is not None:
        library.malloc_trim(0)


@cache
def _find_glibc() -> Any | None:  # noqa: ANN401 - functions of a C library have no types
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None
