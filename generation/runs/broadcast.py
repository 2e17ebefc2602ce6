"""Broadcast of live events to watchers in this process: the newest state wins."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from generation.events import Ended, GenerationEvent
from generation.notifier import Notifier

_log = logging.getLogger(__name__)


class Watch:
    """One watcher's slot: holds the newest event that was not taken yet."""

    def __init__(self) -> None:
        self._newest: GenerationEvent | None = None
        self._arrived = asyncio.Event()

    def put(self, event: GenerationEvent) -> None:
        """Replace what was not taken yet; nothing replaces the end."""
        if not isinstance(self._newest, Ended):
            self._newest = event
            self._arrived.set()

    async def take(self, timeout_s: float) -> GenerationEvent | None:
        """The newest event, waiting for one; None when none came in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return None
        self._arrived.clear()
        newest, self._newest = self._newest, None
        return newest


class Broadcast:
    """Tells the notifier and every watcher of a generation, and `on_end` of each end."""

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
        """A watch that sees every event from now on."""
        watch = Watch()
        self._watches[generation_id].add(watch)
        try:
            yield watch
        finally:
            self._watches[generation_id].discard(watch)
            if not self._watches[generation_id]:
                del self._watches[generation_id]
