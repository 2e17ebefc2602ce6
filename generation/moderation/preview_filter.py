"""Filter of the previews of one run."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Self

PREVIEW_INTERVAL_S = 2.0
"""Seconds between two checks of previews of one generation, which bounds how often previews
change."""


class PreviewFilter:
    """Filters the previews of one run: `shown` is the newest permitted one.

    Without `may_show`, all are. Otherwise they are checked in the background, one at a time and at
    most once an interval; others are dropped, as are all while anything else `is_busy`. After a
    preview that must not be shown, no further one of the run is.
    """

    def __init__(
        self,
        may_show: Callable[[bytes], Awaitable[bool]] | None = None,
        is_busy: Callable[[], bool] = lambda: False,
        interval_s: float = PREVIEW_INTERVAL_S,
    ) -> None:
        self.shown: bytes | None = None
        self._may_show = may_show
        self._is_busy = is_busy
        self._interval_s = interval_s
        self._is_closed = False
        self._next_at = float("-inf")
        self._look: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start without a preview."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cancel a check in progress."""
        if self._look is not None:
            self._look.cancel()
            await asyncio.gather(self._look, return_exceptions=True)

    def take(self, image: bytes) -> None:
        """Pass in the newest preview. Returns at once."""
        if self._may_show is None:
            self.shown = image
            return
        now = time.monotonic()
        is_looking = self._look is not None and not self._look.done()
        # Results have precedence: a preview is dropped while anything is being checked.
        if self._is_closed or is_looking or now < self._next_at or self._is_busy():
            return
        self._next_at = now + self._interval_s
        work = self._look_at(image, self._may_show)
        self._look = asyncio.create_task(work, name="look at a preview")

    async def _look_at(self, image: bytes, may_show: Callable[[bytes], Awaitable[bool]]) -> None:
        if await may_show(image):
            self.shown = image
        else:
            self.shown, self._is_closed = None, True
