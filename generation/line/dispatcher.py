"""Scheduler: decides in memory which generation runs next, on which backend, in which process.

One process schedules at a time, so no place is assigned twice. Its state can be rebuilt from our
records and the engine's tables: at start, and every few seconds to recover lost messages.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol

from comfy.backend import Graph
from db.errors import DatabaseError
from generation.backends.pool import BackendPool
from generation.backends.power import PowerManager
from generation.estimates import LineEntry
from generation.history.records import LineState
from generation.line.schedule import Assignment, Schedule, now_s
from generation.line.settings import MAX_ATTEMPTS, MAX_STARTS, LineTimings
from generation.line.workflows import Attempt
from generation.record import Failure
from generation.runs.failures import LOST, OFFLINE
from generation.runs.runner import Choice, Runner
from generation.tasks import TaskOwner

LOOK_AHEAD = 20
"""Waiting generations considered for a free place: the first may fit on no free backend."""

_WaitEstimator = Callable[[LineEntry, Collection[str]], float]
"""Estimates the seconds until one of these backends is free for an entry."""

_log = logging.getLogger(__name__)


class AttemptExecutor(Protocol):
    """Carries out decisions, in this process or another. Every method may raise."""

    async def start_attempt(self, slot: str, attempt: Attempt) -> None:
        """Start the attempt in that process."""

    async def prepare(self, slot: str, generation_id: str, backend: str) -> None:
        """Let that process upload the inputs of a generation likely to run there next."""

    async def give_up(self, generation_id: str, failure: Failure | None) -> None:
        """End the generation with this failure; None is an unforeseen one."""


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
        self.schedule = Schedule()
        self._workers: tuple[str, ...] = ()
        self._unserved_since: dict[str, float] = {}
        self._prepared: dict[str, tuple[str, str]] = {}
        self._last_assigned: dict[str, float] = {}

    @property
    def is_open(self) -> bool:
        """Whether this process schedules."""
        return self._is_open

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
        for generation_id in self.schedule.assigned:
            self._pool.release(generation_id)
        self._clear()

    def wake(self) -> None:
        """Schedule again, because a backend was started or stopped."""
        self._wake.set()

    def add(self, entry: LineEntry) -> None:
        """Add an accepted generation. Has no effect if it is known."""
        schedule = self.schedule
        if self._is_open and entry.id not in schedule.assigned and entry.id not in schedule.waiting:
            schedule.put(entry)
            self._wake.set()

    def remove(self, generation_id: str) -> None:
        """Remove a cancelled generation from the schedule."""
        self._leave(generation_id)
        self._wake.set()

    def note_free(self, generation_id: str) -> None:
        """Free the places of a finished run while its results are fetched and delivered."""
        if self.schedule.free(generation_id, self._clock()):
            self._pool.release(generation_id)
            self._wake.set()

    def note_end(self, generation_id: str, *, was_lost: bool, is_over: bool | None = None) -> None:
        """Record the end of an attempt; schedule another unless the generation is over."""
        if generation_id not in self.schedule.assigned:
            return
        self.note_free(generation_id)
        self._runner.forget(generation_id)
        self.schedule.end(generation_id, was_lost=was_lost, is_over=is_over)
        self._wake.set()

    def repeat(self, generation_id: str) -> None:
        """Hand an attempt that did not begin to any process again."""
        assignment = self.schedule.assigned.get(generation_id)
        if assignment is not None and self._workers:
            self._prepared.pop(generation_id, None)
            assignment.begun_at, assignment.slot = math.inf, self._choose_slot(generation_id)
            self._tasks.start(self._start(assignment), f"start of {generation_id}")

    def find_late(self, running: Collection[str]) -> tuple[str, ...]:
        """Return attempts that were handed out some time ago and do not run."""
        before = now_s() - self._timings.handover_grace_s
        return self.schedule.find_late(before, running)

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
        found, left = self.schedule.merge(line, read_at=read_at, running=running, past=past)
        for attempt in found:
            self._pool.reserve(attempt.generation_id, attempt.backend)
        for generation_id in left:
            self._runner.forget(generation_id)
        known = self.schedule.waiting.keys() | self.schedule.assigned.keys()
        for facts in (self._unserved_since, self._prepared):
            for generation_id in facts.keys() - known:
                del facts[generation_id]
        self._wake.set()

    def _clear(self) -> None:
        self._is_open, self.schedule, self._workers = False, Schedule(), ()
        for facts in (self._unserved_since, self._prepared, self._last_assigned):
            facts.clear()

    def _leave(self, generation_id: str) -> None:
        if self.schedule.leave(generation_id):
            self._runner.forget(generation_id)

    async def _run_scheduler(self) -> None:
        while True:
            # Cleared first: what changes during this turn causes another one.
            self._wake.clear()
            try:
                await self._hand_out()
                self._prepare()
                await self._manage_power()
            except DatabaseError as error:
                _log.debug("No turn can be given just now: %s", error)
            except Exception:  # noqa: BLE001 - logged; without this loop nothing runs any more
                _log.exception("A turn could not be given.")
            is_one_away = len(self._pool.reachable_names) < len(self._pool.names)
            looks_again = self.schedule.waiting and (is_one_away or self._pool.weighs_waits)
            pause_s = self._runner.limits.pause_s if looks_again else None
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
        if not self.schedule.waiting or not self._pool.is_any_asleep or self._power.is_waking:
            return
        ordered = self._order()
        ready = [entry for entry in ordered if not self.schedule.is_lane_taken(entry)]
        estimate = await self._wait_estimator(ordered)
        for entry in ready[:LOOK_AHEAD]:
            wait_s = partial(estimate, entry)
            avoid = self._power.backing_off
            name = await self._runner.find_backend_to_wake(entry.id, avoid=avoid, wait_s=wait_s)
            if name is not None and entry.id in self.schedule.waiting:
                await self._power.wake(name, entry.id)
                return

    async def _hand_out(self) -> None:
        """Hand out the generations that can start now, in fair order."""
        if not self._workers or not self.schedule.waiting:
            return
        # An interrupted run continues on its backend, with or without a free place.
        if not self.schedule.past and not self._free_places() and self._pool.reachable_names:
            return  # no place is free, so the order does not matter
        looked_at = 0
        ordered = self._order()
        estimate = await self._wait_estimator(ordered)
        for entry in ordered:
            if entry.id not in self.schedule.waiting or self.schedule.is_lane_taken(entry):
                continue
            free = self._free_places()
            is_full = not free and bool(self._pool.reachable_names)
            if looked_at == LOOK_AHEAD or (is_full and self._find_interrupted(entry) is None):
                return
            looked_at += 1
            await self._try(entry, free, partial(estimate, entry))

    async def _try(
        self, entry: LineEntry, free: Collection[str], wait_s: Callable[[Collection[str]], float]
    ) -> None:
        past = self.schedule.past.get(entry.id, [])
        lost_on = [attempt.backend for attempt in past if attempt.was_lost]
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
        if entry.id not in self.schedule.waiting:
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
        slot = self._choose_slot(entry.id)
        assignment = self.schedule.assign(entry, backend, slot)
        self._last_assigned[slot] = now_s()
        self._pool.reserve(entry.id, backend, graph)
        self._tasks.start(self._start(assignment), f"start of {entry.id}")

    async def _start(self, assignment: Assignment) -> None:
        # `is`: it may have ended and been assigned again in the meantime.
        while self.schedule.assigned.get(assignment.entry.id) is assignment:
            try:
                await self._executor.start_attempt(assignment.slot, assignment.attempt)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is tried again
                _log.warning("Generation %s starts later: %s", assignment.entry.id, error)
                await asyncio.sleep(self._runner.limits.pause_s)
            else:
                assignment.begun_at = now_s()
                return

    def _give_up(self, entry: LineEntry, failure: Failure | None) -> None:
        self._leave(entry.id)
        self._tasks.start(self._executor.give_up(entry.id, failure), f"end of {entry.id}")

    def _wait_for_backend(self, entry: LineEntry, *, is_served: bool) -> None:
        if is_served:
            self._unserved_since.pop(entry.id, None)
            return
        since = self._unserved_since.setdefault(entry.id, now_s())
        if now_s() - since >= self._runner.limits.total_s:
            self._give_up(entry, OFFLINE)

    def _prepare(self) -> None:
        """Upload the inputs of the next generations while backends are still busy."""
        most = len(self._pool.reachable_names)
        ends = self.schedule.holding()[:most]
        prepared = self._prepared.keys() & self.schedule.waiting.keys()
        if not self._workers or len(prepared) >= len(ends):
            return
        upcoming = [entry for entry in self._order() if entry.backend is None]
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
        concurrency = self._pool.concurrency
        return self.schedule.order(sum(concurrency[name] for name in self._pool.reachable_names))

    async def _wait_estimator(self, ordered: Sequence[LineEntry]) -> _WaitEstimator:
        workflows = {entry.workflow for entry in self.schedule.everything()}
        durations = await self._runner.durations(workflows)
        return lambda entry, backends: self.schedule.estimate_wait_s(
            entry, ordered, durations, backends, self._clock()
        )

    def _free_places(self) -> list[str]:
        taken = self.schedule.taken_places()
        concurrency = self._pool.concurrency
        return [name for name in self._pool.reachable_names if taken[name] < concurrency[name]]

    def _find_interrupted(self, entry: LineEntry) -> str | None:
        """Return the backend of an attempt whose process died: its run may continue there."""
        past = self.schedule.past.get(entry.id)
        if not past or past[-1].was_lost or self._pool.find(past[-1].backend) is None:
            return None
        return past[-1].backend

    def _choose_slot(self, generation_id: str) -> str:
        """Return the process that prepared it, or the one with the fewest runs."""
        prepared, _ = self._prepared.get(generation_id, ("", ""))
        if prepared in self._workers:
            return prepared
        busy = Counter(assignment.slot for assignment in self.schedule.holding())
        # Of equally busy ones, the one that was given work the longest time ago.
        return min(self._workers, key=lambda slot: (busy[slot], self._last_assigned.get(slot, 0.0)))
