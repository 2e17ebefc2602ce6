"""Positions in the line, estimated starts, and events when they change."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, replace
from datetime import datetime

from cachetools import TTLCache

from db.errors import DatabaseError
from generation.backends.pool import BackendPool
from generation.backends.power import PowerManager
from generation.errors import FailureKind, RequestRefused
from generation.estimates import Durations, Turn, earliest_end, plan_turns
from generation.events import Waiting
from generation.history.records import LineState, Records
from generation.line.turns import order_turns
from generation.record import Generation
from generation.request import Requester
from generation.runs.broadcast import Broadcast

COALESCE_S = 0.5
"""Seconds during which changes are collected before they are published together."""

REMEMBERED_GUILDS = 1_000
"""Guilds whose next free place is remembered for so long."""

REST_SHARE = 20
"""Pause after each computation, as a multiple of its duration: it uses 5 % of one core at most."""

REPEAT_S = 30.0
"""Seconds between computations without a known change."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the line. `position` counts from 1, of `length`; 0 means running.

    `is_paused`: its guild's line is paused, and it has no position. `is_starting`: it waits for a
    backend that is being started. Its fields but the id are those of `Waiting`.
    """

    id: str
    position: int
    length: int
    starts_at: datetime | None = None
    is_paused: bool = False
    is_starting: bool = False


@dataclass(frozen=True, slots=True)
class LineView:
    """Entries of a guild's line, the number of further ones, and whether own ones are hidden.

    Position 0 means that a generation runs, or that it is paused.
    """

    entries: tuple[Waiting, ...]
    hidden: int = 0
    hides_own: bool = False


class LinePositions:
    """Positions of waiting generations, in the order in which they will start."""

    def __init__(
        self,
        records: Records,
        pool: BackendPool,
        power: PowerManager,
        broadcast: Broadcast,
        clock: Callable[[], datetime],
    ) -> None:
        self._records = records
        self._pool = pool
        self._power = power
        self._broadcast = broadcast
        self._clock = clock
        self._changed = asyncio.Event()
        self._published: dict[str, tuple[object, ...]] = {}
        self._places = TTLCache[int | None, datetime | None](REMEMBERED_GUILDS, COALESCE_S)
        self._finding_places = asyncio.Lock()

    def note_accepted(self) -> None:
        """Note a new generation; events follow soon if it is still waiting then."""
        self._changed.set()

    def note_left(self) -> None:
        """Note that a generation started or ended; events for waiting ones follow soon."""
        if self._published:
            self._changed.set()

    async def view(
        self, guild_id: int | None, user_id: int, *, sees_all: bool, limit: int
    ) -> LineView:
        """Return a guild's line: the person's own entries first, then others' if visible."""
        line = await self._records.line_state()
        owners = {one.id: one.user_id for one in line.unfinished}
        here = [
            one for one in await self._list_positions(line) if line.guilds.get(one.id) == guild_id
        ]
        own = [one for one in here if owners[one.id] == user_id]
        others = [one for one in here if owners[one.id] != user_id] if sees_all else []
        shown = await self._complete([*own, *others][:limit])
        return LineView(shown, len(here) - len(shown), len(own) > limit)

    async def find(self, generation_id: str) -> Waiting | None:
        """Return one generation's position; None if it has ended."""
        positions = await self._list_positions(await self._records.line_state())
        found = await self._complete([one for one in positions if one.id == generation_id])
        return found[0] if found else None

    async def add_retry_time(self, refused: RequestRefused, requester: Requester) -> RequestRefused:
        """Return the refusal with an estimate of when a request would be accepted, if known."""
        if refused.kind is not FailureKind.QUEUE_FULL:
            return refused
        if "max_running" in refused.facts:
            free_at = await self._find_end(requester.guild_id, requester.user_id)
        else:
            free_at = await self._find_place(requester.guild_id)
        if free_at is None:
            return refused
        facts = {**refused.facts, "retry_at": free_at.isoformat()}
        return RequestRefused(refused.kind, refused.template, facts)

    async def _find_place(self, guild_id: int | None) -> datetime | None:
        """Return when a guild's line has a place again, computed once for many who ask at once."""
        async with self._finding_places:
            with suppress(KeyError):
                return self._places[guild_id]
            place = self._places[guild_id] = await self._find_end(guild_id)
            return place

    async def _find_end(self, guild_id: int | None, user_id: int | None = None) -> datetime | None:
        """Return when the first generation of the guild, or of a person there, is to end."""
        line = await self._records.line_state()
        durations = await self._durations(line)
        unfinished = [
            one
            for one in line.unfinished
            if line.guilds[one.id] == guild_id and user_id in (None, one.user_id)
        ]
        return earliest_end(unfinished, self._plan(line, durations), durations, self._clock())

    async def publish_changes(self) -> None:
        """Publish changed positions until cancelled."""
        loop = asyncio.get_running_loop()
        pause_s = COALESCE_S
        while True:
            try:
                async with asyncio.timeout(REPEAT_S):
                    await self._changed.wait()
            except TimeoutError:
                self._published.clear()
            # A generation that starts at once has no visible position.
            await asyncio.sleep(pause_s)
            self._changed.clear()
            began_at = loop.time()
            try:
                await self._publish_changed(
                    await self._list_positions(await self._records.line_state())
                )
            except DatabaseError as error:
                _log.debug("Positions could not be told just now: %s", error)
            except Exception:  # noqa: BLE001 - logged; without this loop nobody hears of their place
                _log.exception("Positions could not be told.")
            pause_s = max(COALESCE_S, REST_SHARE * (loop.time() - began_at))

    async def _publish_changed(self, positions: Sequence[Position]) -> None:
        places = {
            position.id: astuple(replace(position, starts_at=None))
            for position in positions
            if position.position or position.is_paused
        }
        changed = [one for one in positions if places.get(one.id) != self._published.get(one.id)]
        for entry in await self._complete([one for one in changed if one.id in places]):
            self._broadcast.publish(entry)
        self._published = places

    async def _list_positions(self, line: LineState) -> list[Position]:
        # Durations are read from the database, so they are skipped if nothing waits.
        turns = self._plan(line, await self._durations(line)) if line.waiting else []
        length = len(turns)
        starts = await self._power.starts() if turns else ()
        starting = {start.generation_id or "": start for start in starts}
        if starts and not self._pool.reachable_names:
            # No backend answers, so everything waits for the first one that is being started.
            starting = {turn.id: starts[0] for turn in turns} | starting
        positions = [Position(one.id, 0, length) for one in line.running]
        for position, turn in enumerate(turns, start=1):
            start = starting.get(turn.id)
            starts_at = start.ready_at if start else turn.starts_at
            is_starting = start is not None
            positions.append(
                Position(turn.id, position, length, starts_at, is_starting=is_starting)
            )
        positions += [Position(one.id, 0, length, is_paused=True) for one in line.paused]
        return positions

    def _plan(self, line: LineState, durations: Durations) -> list[Turn]:
        backends = self._pool.reachable_names
        concurrency = self._pool.concurrency
        places = sum(concurrency[name] for name in backends)
        waiting = order_turns(line.waiting, line.running, line.last_ends, places)
        return plan_turns(waiting, line.running, durations, backends, self._clock())

    async def _durations(self, line: LineState) -> Durations:
        return await self._records.durations(
            {one.workflow for one in (*line.waiting, *line.running)}
        )

    async def _complete(self, positions: Sequence[Position]) -> tuple[Waiting, ...]:
        if not positions:
            return ()
        found: Mapping[str, Generation] = await self._records.find_many(
            [one.id for one in positions]
        )
        return tuple(
            Waiting(found[one.id], *astuple(one)[1:]) for one in positions if one.id in found
        )
