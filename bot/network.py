"""Failures of the way to Discord: its library lets those of aiohttp through as they are."""

from collections.abc import Iterator
from itertools import chain, repeat

import aiohttp

NETWORK_ERRORS = (aiohttp.ClientError, OSError)
"""TimeoutError is an OSError."""

LONGEST_PAUSE_S = 60.0
"""Between two attempts to reach Discord while it is away."""


def growing_pauses() -> Iterator[float]:
    """Seconds before each further attempt: 1, 2, 4 and so on, and then the longest for ever."""
    return chain((1.0, 2.0, 4.0, 8.0, 16.0, 32.0), repeat(LONGEST_PAUSE_S))
