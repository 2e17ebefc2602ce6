"""Queue of one run's events that a slow consumer cannot fill."""

import asyncio
from collections import deque

from comfy.protocol.events import NodeText, Preview, RunEvent, StepDone


class Mailbox:
    """Unbounded queue that keeps the newest preview and step, and every other event.

    One consumer. `end` and `fail` are final, as `is_ended` says: later events are dropped.
    """

    def __init__(self) -> None:
        self._events: deque[RunEvent] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self.is_ended = False

    def put(self, event: RunEvent) -> None:
        """Add an event without blocking; it replaces an older preview, step or text."""
        if self.is_ended:
            return
        if isinstance(event, Preview | StepDone | NodeText):
            self._drop_stale(type(event))
        self._events.append(event)
        self._wake()

    def end(self) -> None:
        """Let the consumer finish after the queued events."""
        self.is_ended = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """Raise this in the consumer after the queued events."""
        if not self.is_ended:
            self._error = error
            self.end()

    async def get(self) -> RunEvent | None:
        """Return the next event, None after the last. Raises the error passed to `fail`."""
        while not self._events:
            if self._error is not None:
                raise self._error
            if self.is_ended:
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._events.popleft()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        # Its consumer may have been cancelled while it waited.
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _drop_stale(self, kind: type[RunEvent]) -> None:
        """Remove the older event of this kind; there is at most one, among few."""
        for position, event in enumerate(self._events):
            if type(event) is kind:
                del self._events[position]
                return
