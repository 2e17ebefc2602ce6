"""Broadcast of live events to watchers in this process, the newest event only."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from generation.events import Ended, GenerationEvent
from generation.notifier import Notifier

_log = logging.getLogger(__name__)


class Watch:
    """One watcher's slot for the newest event that was not taken yet."""

    def __init__(self) -> None:
        self._newest: GenerationEvent | None = None
        self._arrived = asyncio.Event()

    def put(self, event: GenerationEvent) -> None:
        """Replace an event that was not taken yet; nothing replaces the end."""
        if not isinstance(self._newest, Ended):
            self._newest = event
            self._arrived.set()

    async def take(self, timeout_s: float) -> GenerationEvent | None:
        """Wait for the newest event; return None after the time-out."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return None
        self._arrived.clear()
        newest, self._newest = self._newest, None
        return newest


class Broadcast:
    """Passes events to the notifier and all watchers of a generation, and each end to `on_end`."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self.on_end: Callable[[], None] = lambda: None
        self._watches: dict[str, set[Watch]] = defaultdict(set)

    def publish(self, event: GenerationEvent) -> None:
        """Publish an event; returns at once. A failing notifier never affects a run."""
        if isinstance(event, Ended):
            self.on_end()
        try:
            self._notifier.notify(event)
        except Exception:  # noqa: BLE001 - a view must never harm what it shows
            _log.exception("The notifier could not take note of an event.")
        for watch in self._watches.get(event.generation.id, ()):
            watch.put(event)

    @contextmanager
    def watching(self, generation_id: str) -> Iterator[Watch]:
        """Subscribe to a generation's events for the length of the context."""
        watch = Watch()
        self._watches[generation_id].add(watch)
        try:
            yield watch
        finally:
            self._watches[generation_id].discard(watch)
            if not self._watches[generation_id]:
                del self._watches[generation_id]
