"""Network errors and back-off of the connection to Discord."""

from collections.abc import Callable, Iterator
from itertools import chain, repeat
from types import SimpleNamespace

import aiohttp

NETWORK_ERRORS = (aiohttp.ClientError, OSError)
"""discord.py raises these unwrapped. TimeoutError is a subclass of OSError."""

LONGEST_PAUSE_S = 60.0
"""Maximum seconds between two attempts to reach Discord."""


def growing_pauses() -> Iterator[float]:
    """Exponential back-off in seconds: 1, 2, 4 and so on up to `LONGEST_PAUSE_S`, endlessly."""
    return chain((1.0, 2.0, 4.0, 8.0, 16.0, 32.0), repeat(LONGEST_PAUSE_S))


def trace_responses(note: Callable[[int], None]) -> aiohttp.TraceConfig:
    """Return what lets a client session tell the status of each answer to `note`."""

    async def end(
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        answer: aiohttp.TraceRequestEndParams,
    ) -> None:
        note(answer.response.status)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(end)
    return trace
