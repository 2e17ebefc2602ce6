"""Who waits where: positions, estimated starts, and telling people when theirs changed."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from db.errors import DatabaseError
from generation.broadcast import Broadcast
from generation.estimate import starts_at, typical_duration
from generation.events import Waiting
from generation.pool import BackendPool
from generation.record import Generation, GenerationState
from generation.records import Records

COALESCE_S = 0.5
"""A burst of changes is told once: people cannot read faster."""

REPEAT_S = 30.0
"""Estimates are looked at this often even when nothing changed here."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A generation in the line. `position` counts from 1, of `length`; 0 means that it runs."""

    generation: Generation
    position: int
    length: int
    starts_at: datetime | None


class Board:
    """The order of the line: by the time of acceptance. It says about when, not exactly.

    A person's second generation may start after somebody else's later first one.
    """

    def __init__(
        self,
        records: Records,
        pool: BackendPool,
        broadcast: Broadcast,
        clock: Callable[[], datetime],
    ) -> None:
        self._records = records
        self._pool = pool
        self._broadcast = broadcast
        self._clock = clock
        self._changed = asyncio.Event()
        self._told: dict[str, tuple[int, int]] = {}

    def touch(self) -> None:
        """Something in the line changed; whoever waits is told soon."""
        self._changed.set()

    async def entries(self) -> tuple[QueueEntry, ...]:
        """Everything unfinished: first what runs, then what waits, in order."""
        unfinished = await self._records.unfinished_generations()
        running = [one for one in unfinished if one.state is GenerationState.RUNNING]
        waiting = [one for one in unfinished if one.state is GenerationState.WAITING]
        durations = await self._durations({one.workflow for one in unfinished})
        now, backend_count = self._clock(), self._pool.reachable_count
        runs = [(one.workflow, one.started_at) for one in running]
        entries = [QueueEntry(one, 0, len(waiting), None) for one in running]
        for index, one in enumerate(waiting):
            ahead = [other.workflow for other in waiting[:index]]
            start = starts_at(ahead, runs, durations, backend_count, now)
            entries.append(QueueEntry(one, index + 1, len(waiting), start))
        return tuple(entries)

    async def find(self, generation_id: str) -> QueueEntry | None:
        """One generation's place, if it is unfinished."""
        entries = await self.entries()
        return next((one for one in entries if one.generation.id == generation_id), None)

    async def tell_for_ever(self) -> None:
        """Tell people their new positions, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(REPEAT_S):
                    await self._changed.wait()
            except TimeoutError:
                self._told.clear()
            self._changed.clear()
            try:
                self._tell(await self.entries())
            except DatabaseError as error:
                _log.debug("Positions could not be told just now: %s", error)
            await asyncio.sleep(COALESCE_S)

    def _tell(self, entries: Sequence[QueueEntry]) -> None:
        told: dict[str, tuple[int, int]] = {}
        for entry in entries:
            if entry.position == 0:
                continue
            place = (entry.position, entry.length)
            told[entry.generation.id] = place
            if self._told.get(entry.generation.id) != place:
                self._broadcast.publish(
                    Waiting(entry.generation, entry.position, entry.length, entry.starts_at)
                )
        self._told = told

    async def _durations(self, workflows: set[str]) -> dict[str, float | None]:
        return {name: typical_duration(await self._records.durations(name)) for name in workflows}
