"""What must be known before an interaction can be answered at all."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from generation.errors import ServiceUnavailable

LOOKUP_S = 1.5
"""Of the three seconds that Discord gives for a first answer."""

T = TypeVar("T")


async def soon(awaited: Awaitable[T]) -> T:
    """The result while there is still time to answer. Raises ServiceUnavailable."""
    try:
        async with asyncio.timeout(LOOKUP_S):
            return await awaited
    except TimeoutError as error:
        raise ServiceUnavailable("The records are slow just now. Try again in a minute.") from error
