"""Settings of the C allocator that return freed memory of pictures to the system.

Only glibc has these settings; elsewhere nothing is changed. See mallopt(3) and malloc_trim(3).
"""

import ctypes
import sys
from typing import Any

_ARENA_MAX = -8
"""M_ARENA_MAX of glibc's malloc.h."""

_MMAP_THRESHOLD = -3
"""M_MMAP_THRESHOLD of glibc's malloc.h."""

_ARENAS = 2
"""By default every thread may get an arena of its own, which keeps its peak size."""

_LEAST_MAPPED_BYTES = 256 * 1024
"""Allocations from this size on are returned when freed. Setting the threshold also stops glibc
from raising it to 32 MiB with the first large picture that is freed."""


def bound() -> None:
    """Use few arenas, and return large allocations at once. Call it before threads start."""
    if (library := _find_glibc()) is not None:
        library.mallopt(_ARENA_MAX, _ARENAS)
        library.mallopt(_MMAP_THRESHOLD, _LEAST_MAPPED_BYTES)


def trim() -> None:
    """Return free memory to the system; blocks for some milliseconds."""
    if (library := _find_glibc()) is not None:
        library.malloc_trim(0)


def _find_glibc() -> Any | None:  # noqa: ANN401 - functions of a C library have no types
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None
