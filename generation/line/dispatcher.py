"""Scheduler: decides in memory which generation runs next, on which backend, in which process.

One process schedules at a time, so no place is assigned twice. Its state can be rebuilt from our
records and the engine's tables: at start, and every few seconds to recover lost messages.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import takewhile
from typing import Protocol

from db.errors import DatabaseError
from db.tables import DIRECT_MESSAGES
from generation.backends.pool import BackendPool, Graph
from generation.backends.power import PowerManager
from generation.estimates import Durations, LineEntry, estimate_wait_s
from generation.history.records import LineState
from generation.line.settings import MAX_ATTEMPTS, MAX_STARTS, LineTimings
from generation.line.turns import order_turns
from generation.line.workflows import Attempt
from generation.record import Failure
from generation.runs.failures import LOST, OFFLINE
from generation.runs.runner import Choice, Runner
from generation.tasks import TaskOwner

LOOK_AHEAD = 20
"""Waiting generations considered for a free place: the first may fit on no free backend."""

_log = logging.getLogger(__name__)


class AttemptExecutor(Protocol):
    """Carries out decisions, in this process or another. Every method may raise."""

    async def start_attempt(self, slot: str, attempt: Attempt) -> None:
        """Start the attempt in that process."""

    async def prepare(self, slot: str, generation_id: str, backend: str) -> None:
        """Let that process upload the inputs of a generation likely to run there next."""

    async def give_up(self, generation_id: str, failure: Failure | None) -> None:
        """End the generation with this failure; None is an unforeseen one."""


@dataclass(slots=True)
class _Assignment:
    """An attempt that was handed to a process. It occupies its places until its run ends."""

    entry: LineEntry
    attempt: Attempt
    slot: str
    begun_at: float = math.inf
    holds_place: bool = True


class Dispatcher:
    """Scheduler, active between `open` and `close`; calls at other times have no effect."""

    def __init__(
        self,
        *,
        runner: Runner,
        pool: BackendPool,
        executor: AttemptExecutor,
        power: PowerManager,
        clock: Callable[[], datetime],
        timings: LineTimings,
    ) -> None:
        self._power = power
        self._runner = runner
        self._pool = pool
        self._executor = executor
        self._clock = clock
        self._timings = timings
        self._wake = asyncio.Event()
        self._tasks = TaskOwner(_log)
        self._is_open = False
        self._workers: tuple[str, ...] = ()
        self._paused: frozenset[int] = frozenset()
        self._had_priority = False
        self._waiting: dict[str, LineEntry] = {}
        self._known_at: dict[str, float] = {}
        self._assigned: dict[str, _Assignment] = {}
        self._past: dict[str, list[Attempt]] = {}
        self._gone: dict[str, float] = {}
        self._last_ends: dict[int, datetime] = {}
        self._unserved_since: dict[str, float] = {}
        self._prepared: dict[str, tuple[str, str]] = {}
        self._last_assigned: dict[str, float] = {}

    @property
    def is_open(self) -> bool:
        """Whether this process schedules."""
        return self._is_open

    @property
    def assigned(self) -> Mapping[str, Attempt]:
        """Attempts that were handed to a process and have not ended, by generation."""
        return {id_: one.attempt for id_, one in self._assigned.items()}

    def open(self) -> None:
        """Start scheduling; `refresh` provides the state."""
        self._clear()
        self._is_open = True
        self._tasks.start(self._run_scheduler(), "turns of the line")

    async def close(self) -> None:
        """Stop scheduling. May be called twice."""
        self._is_open = False
        await self._tasks.close()
        await self._power.close()
        for generation_id in self._assigned:
            self._pool.release(generation_id)
        self._clear()

    def wake(self) -> None:
        """Schedule again, because a backend was started or stopped."""
        self._wake.set()

    def add(self, entry: LineEntry) -> None:
        """Add an accepted generation. Has no effect if it is known."""
        if self._is_open and entry.id not in self._assigned and entry.id not in self._waiting:
            self._put(entry)

    def remove(self, generation_id: str) -> None:
        """Remove a cancelled generation from the schedule."""
        self._leave(generation_id)
        self._wake.set()

    def note_free(self, generation_id: str) -> None:
        """Free the places of a finished run while its results are fetched and delivered."""
        assignment = self._assigned.get(generation_id)
        if assignment is not None and assignment.holds_place:
            assignment.holds_place = False
            self._last_ends[assignment.entry.user_id] = self._clock()
            self._pool.release(generation_id)
            self._wake.set()

    def note_end(self, generation_id: str, *, was_lost: bool, is_over: bool | None = None) -> None:
        """Record the end of an attempt; schedule another unless the generation is over."""
        assignment = self._assigned.get(generation_id)
        if assignment is None:
            return
        self.note_free(generation_id)
        del self._assigned[generation_id]
        self._runner.forget(generation_id)
        attempt = replace(assignment.attempt, was_lost=was_lost)
        self._past.setdefault(generation_id, []).append(attempt)
        if was_lost or is_over is False:
            self._put(replace(assignment.entry, backend=attempt.backend))
        else:
            self._gone[generation_id] = _now()
        self._wake.set()

    def repeat(self, generation_id: str) -> None:
        """Hand an attempt that did not begin to any process again."""
        assignment = self._assigned.get(generation_id)
        if assignment is not None and self._workers:
            self._prepared.pop(generation_id, None)
            assignment.begun_at, assignment.slot = math.inf, self._choose_slot(generation_id)
            self._tasks.start(self._start(assignment), f"start of {generation_id}")

    def find_late(self, running: Collection[str]) -> tuple[str, ...]:
        """Return attempts that were handed out some time ago and do not run."""
        before = _now() - self._timings.handover_grace_s
        return tuple(
            id_
            for id_, one in self._assigned.items()
            if one.begun_at < before and id_ not in running
        )

    def find_unknown(self, line: LineState) -> tuple[str, ...]:
        """Return unknown generations, whose past attempts have to be looked up."""
        return tuple(
            one.id
            for one in (*line.running, *line.waiting, *line.paused)
            if one.id not in self._waiting and one.id not in self._assigned
        )

    def refresh(
        self,
        line: LineState,
        *,
        read_at: float,
        running: Mapping[str, tuple[Attempt, str]],
        past: Mapping[str, list[Attempt]],
        workers: Sequence[str],
    ) -> None:
        """Merge the records, and the attempts that the engine runs, into the schedule.

        `read_at` is when reading began: later changes take precedence over what was read.
        """
        self._workers = tuple(workers)
        self._paused = line.paused_guilds
        self._past.update({id_: list(attempts) for id_, attempts in past.items()})
        entries = {one.id: one for one in (*line.running, *line.waiting, *line.paused)}
        for id_, (attempt, slot) in running.items():
            ended = {one.number for one in self._past.get(id_, ())}
            # Records were read before this: what has ended since then must not be added again.
            is_known = id_ in self._assigned or self._gone.get(id_, 0.0) >= read_at
            if id_ in entries and not is_known and attempt.number not in ended:
                self._waiting.pop(id_, None)
                self._assigned[id_] = _Assignment(entries[id_], attempt, slot, read_at)
                self._pool.reserve(id_, attempt.backend)
        for id_, entry in entries.items():
            if id_ in self._assigned:
                self._assigned[id_].entry = entry  # has the time of its start by now
            elif self._gone.get(id_, 0.0) < read_at:
                self._waiting[id_] = entry
                self._known_at.setdefault(id_, read_at)
        for id_ in [one for one in self._waiting if one not in entries]:
            # Added after the records were read, so it is not missing from them.
            if self._known_at[id_] < read_at:
                self._leave(id_)
        # Ours are newer: noted at the end of a run, recorded when its results are fetched.
        self._last_ends = {**line.last_ends, **self._last_ends}
        self._prune(read_at)
        self._wake.set()

    def _clear(self) -> None:
        self._is_open = False
        self._workers, self._paused, self._had_priority = (), frozenset(), False
        for facts in (self._waiting, self._known_at, self._assigned, self._past, self._gone):
            facts.clear()
        for memory in (self._last_ends, self._unserved_since, self._prepared, self._last_assigned):
            memory.clear()

    def _put(self, entry: LineEntry) -> None:
        self._waiting[entry.id] = entry
        self._known_at[entry.id] = _now()
        self._wake.set()

    def _leave(self, generation_id: str) -> None:
        if self._waiting.pop(generation_id, None) is not None:
            self._gone[generation_id] = _now()
            self._runner.forget(generation_id)

    def _prune(self, read_at: float) -> None:
        """Drop facts about generations and people that are no longer in the line."""
        known = self._waiting.keys() | self._assigned.keys()
        people = {one.user_id for one in self._waiting.values()}
        people |= {one.entry.user_id for one in self._assigned.values()}
        self._gone = {id_: at for id_, at in self._gone.items() if at >= read_at}
        self._last_ends = {user: at for user, at in self._last_ends.items() if user in people}
        for facts in (self._past, self._known_at, self._unserved_since, self._prepared):
            for id_ in facts.keys() - known:
                del facts[id_]

    async def _run_scheduler(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._schedule()
                self._prepare()
                await self._manage_power()
            except DatabaseError as error:
                _log.debug("No turn can be given just now: %s", error)
            except Exception:  # noqa: BLE001 - logged; without this loop nothing runs any more
                _log.exception("A turn could not be given.")
            is_one_away = len(self._pool.reachable_names) < len(self._pool.names)
            looks_again = is_one_away or self._pool.weighs_waits
            pause_s = self._runner.limits.pause_s if looks_again and self._waiting else None
            if pause_s is None and self._power.is_used:
                pause_s = self._power.timings.check_s
            try:
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _manage_power(self) -> None:
        """Start a backend for work that is still waiting, and stop idle ones."""
        await self._power.update()
        if not self._waiting or not self._pool.is_any_asleep or self._power.is_waking:
            return
        ordered = self._order()
        ready = [one for one in ordered if not self._is_lane_taken(one)]
        durations = await self._runner.durations({one.workflow for one in self._everything()})
        for entry in ready[:LOOK_AHEAD]:
            wait_s = partial(self._estimate_wait_s, entry, ordered, durations)
            avoid = self._power.backing_off
            name = await self._runner.find_backend_to_wake(entry.id, avoid=avoid, wait_s=wait_s)
            if name is not None and entry.id in self._waiting:
                await self._power.wake(name, entry.id)
                return

    async def _schedule(self) -> None:
        """Hand out the generations that can start now, in fair order."""
        if not self._workers or not self._waiting:
            return
        if not self._past and not self._free_places() and self._pool.reachable_names:
            return  # no place is free, so the order does not matter
        looked_at = 0
        ordered = self._order()
        durations = await self._runner.durations({one.workflow for one in self._everything()})
        for entry in ordered:
            if entry.id not in self._waiting or self._is_lane_taken(entry):
                continue
            free = self._free_places()
            is_full = not free and bool(self._pool.reachable_names)
            if looked_at == LOOK_AHEAD or (is_full and self._find_interrupted(entry) is None):
                return
            looked_at += 1
            await self._try(entry, free, partial(self._estimate_wait_s, entry, ordered, durations))

    async def _try(
        self, entry: LineEntry, free: Collection[str], wait_s: Callable[[Collection[str]], float]
    ) -> None:
        past = self._past.get(entry.id, [])
        lost_on = [one.backend for one in past if one.was_lost]
        if len(lost_on) >= MAX_ATTEMPTS or len(past) >= MAX_STARTS:
            self._give_up(entry, LOST if len(lost_on) >= MAX_ATTEMPTS else None)
            return
        interrupted = self._find_interrupted(entry)
        if interrupted is not None:
            self._assign(entry, interrupted, {})
            return
        choice = Choice(None, is_served=False)
        if self._pool.reachable_names:
            choice = await self._runner.choose(entry.id, avoid=lost_on, among=free, wait_s=wait_s)
        # `choose` awaits: the generation may have been cancelled in the meantime.
        if entry.id not in self._waiting:
            self._runner.forget(entry.id)
        elif not choice.is_wanted:
            self._leave(entry.id)
        elif choice.backend is not None:
            self._unserved_since.pop(entry.id, None)
            self._assign(entry, choice.backend, choice.models_of)
        else:
            self._runner.forget(entry.id)
            self._wait_for_backend(entry, is_served=choice.is_served)

    def _assign(self, entry: LineEntry, backend: str, graph: Graph) -> None:
        past = self._past.get(entry.id, [])
        used = list(dict.fromkeys(one.backend for one in past))
        index = used.index(backend) if backend in used else len(used)
        attempt = Attempt(entry.id, past[-1].number + 1 if past else 0, backend, index)
        slot = self._choose_slot(entry.id)
        del self._waiting[entry.id]
        assignment = _Assignment(entry, attempt, slot)
        self._assigned[entry.id] = assignment
        self._last_assigned[slot] = _now()
        self._had_priority = entry.priority
        self._pool.reserve(entry.id, backend, graph)
        self._tasks.start(self._start(assignment), f"start of {entry.id}")

    async def _start(self, assignment: _Assignment) -> None:
        # `is`: it may have ended and been assigned again in the meantime.
        while self._assigned.get(assignment.entry.id) is assignment:
            try:
                await self._executor.start_attempt(assignment.slot, assignment.attempt)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                _log.warning("Generation %s starts later: %s", assignment.entry.id, error)
                await asyncio.sleep(self._runner.limits.pause_s)
            else:
                assignment.begun_at = _now()
                return

    def _give_up(self, entry: LineEntry, failure: Failure | None) -> None:
        self._leave(entry.id)
        self._tasks.start(self._executor.give_up(entry.id, failure), f"end of {entry.id}")

    def _wait_for_backend(self, entry: LineEntry, *, is_served: bool) -> None:
        if is_served:
            self._unserved_since.pop(entry.id, None)
            return
        since = self._unserved_since.setdefault(entry.id, _now())
        if _now() - since >= self._runner.limits.total_s:
            self._give_up(entry, OFFLINE)

    def _prepare(self) -> None:
        """Upload the inputs of the next generations while backends are still busy."""
        most = len(self._pool.reachable_names)
        ends = [one for one in self._assigned.values() if one.holds_place][:most]
        if not self._workers or len(self._prepared.keys() & self._waiting.keys()) >= len(ends):
            return
        upcoming = [one for one in self._order() if one.backend is None]
        for entry, first in zip(upcoming, ends, strict=False):
            backend = first.attempt.backend
            if self._prepared.get(entry.id, ("", ""))[1] == backend:
                continue
            slot = self._choose_slot(entry.id)
            self._prepared[entry.id] = slot, backend
            self._tasks.start(
                self._executor.prepare(slot, entry.id, backend), f"preparation of {entry.id}"
            )

    def _order(self) -> list[LineEntry]:
        waiting = [
            one
            for one in self._waiting.values()
            if one.backend is not None or (one.guild_id or DIRECT_MESSAGES) not in self._paused
        ]
        running = [one.entry for one in self._assigned.values() if one.holds_place]
        concurrency = self._pool.concurrency
        places = sum(concurrency[name] for name in self._pool.reachable_names)
        return order_turns(
            waiting, running, self._last_ends, places, had_priority=self._had_priority
        )

    def _everything(self) -> list[LineEntry]:
        return [*self._waiting.values(), *(one.entry for one in self._assigned.values())]

    def _estimate_wait_s(
        self,
        entry: LineEntry,
        ordered: Sequence[LineEntry],
        durations: Durations,
        backends: Collection[str],
    ) -> float:
        before = takewhile(lambda one: one.id != entry.id, ordered)
        ahead = [one for one in before if one.id in self._waiting]
        running = [
            replace(one.entry, backend=one.attempt.backend)
            for one in self._assigned.values()
            if one.holds_place
        ]
        return estimate_wait_s(entry, ahead, running, durations, backends, self._clock())

    def _free_places(self) -> list[str]:
        taken = Counter(one.attempt.backend for one in self._assigned.values() if one.holds_place)
        concurrency = self._pool.concurrency
        return [one for one in self._pool.reachable_names if taken[one] < concurrency[one]]

    def _is_lane_taken(self, entry: LineEntry) -> bool:
        return any(
            one.holds_place and (one.entry.user_id, one.entry.lane) == (entry.user_id, entry.lane)
            for one in self._assigned.values()
        )

    def _find_interrupted(self, entry: LineEntry) -> str | None:
        """Return the backend of an attempt whose process died: its run may continue there."""
        past = self._past.get(entry.id)
        if not past or past[-1].was_lost or self._pool.find(past[-1].backend) is None:
            return None
        return past[-1].backend

    def _choose_slot(self, generation_id: str) -> str:
        """Return the process that prepared it, or the one with the fewest runs."""
        prepared, _ = self._prepared.get(generation_id, ("", ""))
        if prepared in self._workers:
            return prepared
        busy = Counter(one.slot for one in self._assigned.values() if one.holds_place)
        return min(self._workers, key=lambda slot: (busy[slot], self._last_assigned.get(slot, 0.0)))


def _now() -> float:
    return asyncio.get_running_loop().time()
