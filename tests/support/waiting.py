"""Wait for a condition instead of for a time."""

import asyncio
from collections.abc import Awaitable, Callable


async def eventually(condition: Callable[[], object], timeout_s: float = 20.0):
    """What the condition gives once it gives something; fails when it never does."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = condition()
            if isinstance(found, Awaitable):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.02)
