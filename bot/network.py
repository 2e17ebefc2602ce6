"""Network errors and back-off of the connection to Discord."""

from collections.abc import Callable, Iterator
from itertools import chain, repeat
from types import SimpleNamespace

import aiohttp
import discord

NETWORK_ERRORS = (aiohttp.ClientError, OSError)
"""discord.py raises these unwrapped. TimeoutError is a subclass of OSError."""

TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500

LONGEST_PAUSE_S = 60.0
"""Maximum seconds between two attempts to reach Discord."""


def is_outage(error: BaseException) -> bool:
    """Return whether the error means that Discord, or the way there, is temporarily disturbed."""
    if isinstance(error, discord.HTTPException):
        return error.status == TOO_MANY_REQUESTS or error.status >= SERVER_ERROR
    outages = (discord.RateLimited, aiohttp.ClientError, ConnectionError, TimeoutError)
    return isinstance(error, outages)


def growing_pauses() -> Iterator[float]:
    """Yield exponential back-off in seconds: 1, 2, 4 and so on up to `LONGEST_PAUSE_S`."""
    return chain((1.0, 2.0, 4.0, 8.0, 16.0, 32.0), repeat(LONGEST_PAUSE_S))


def trace_responses(note: Callable[[int], None]) -> aiohttp.TraceConfig:
    """Return a trace configuration that passes the status of each response to `note`."""

    async def end(
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        answer: aiohttp.TraceRequestEndParams,
    ) -> None:
        note(answer.response.status)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(end)
    return trace
