"""Presses of buttons and menus, answered in the order of their arrival."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager


class PressOrder:
    """Lets one press of a person be answered at a time, in the order of their arrival."""

    def __init__(self) -> None:
        self._last: dict[int, asyncio.Event] = {}

    @asynccontextmanager
    async def take(self, user_id: int, acknowledgement: Awaitable[None]) -> AsyncGenerator[None]:
        """Acknowledge a press at once, then wait until those before it are answered.

        Nothing may be awaited before this is entered.
        """
        before, answered = self._last.get(user_id), asyncio.Event()
        self._last[user_id] = answered
        try:
            try:
                await acknowledgement
            finally:
                # One that fails waits, too: those after it wait for it alone.
                if before is not None:
                    await before.wait()
            yield
        finally:
            answered.set()
            if self._last.get(user_id) is answered:
                del self._last[user_id]
