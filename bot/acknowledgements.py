"""Priority of acknowledgements, which are due within three seconds, over the work after them."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Final

PATIENCE_S: Final = 1.0
"""Seconds for which work after an acknowledgement waits for those of other interactions."""


class Acknowledgements:
    """Lets acknowledgements go before the recording of requests when many people ask at once."""

    def __init__(self) -> None:
        self._count = 0
        self._are_done = asyncio.Event()
        self._are_done.set()

    @contextmanager
    def pending(self) -> Generator[None]:
        """Count an interaction as not acknowledged during this context."""
        self._count += 1
        self._are_done.clear()
        try:
            yield
        finally:
            self._count -= 1
            if self._count == 0:
                self._are_done.set()

    async def wait(self) -> None:
        """Wait until no acknowledgement is pending, a second at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._are_done.wait()
