"""What a scheduler knows: who waits, which attempts were handed out, and which have ended.

All in memory, and without consequences: what is due is decided in `dispatcher.py`.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from db.tables import DIRECT_MESSAGES
from generation.estimates import Durations, LineEntry, estimate_wait_s
from generation.history.records import LineState
from generation.line.turns import order_turns
from generation.line.workflows import Attempt


@dataclass(slots=True)
class Assignment:
    """An attempt that was handed to a process. It occupies its places until its run ends."""

    entry: LineEntry
    attempt: Attempt
    slot: str
    begun_at: float = math.inf
    holds_place: bool = True


class Schedule:
    """Generations in the line, by what the scheduler did with them."""

    def __init__(self) -> None:
        self.waiting: dict[str, LineEntry] = {}
        self.assigned: dict[str, Assignment] = {}
        self.past: dict[str, list[Attempt]] = {}
        """Ended attempts of generations that are not over."""
        self._had_priority = False
        self._paused: frozenset[int] = frozenset()
        self._known_at: dict[str, float] = {}
        self._gone: dict[str, float] = {}
        self._last_ends: dict[int, datetime] = {}

    def put(self, entry: LineEntry) -> None:
        """Let a generation wait."""
        self.waiting[entry.id] = entry
        self._known_at[entry.id] = now_s()

    def leave(self, generation_id: str) -> bool:
        """Remove a generation that waits. Return whether it did."""
        waited = self.waiting.pop(generation_id, None) is not None
        if waited:
            self._gone[generation_id] = now_s()
        return waited

    def assign(self, entry: LineEntry, backend: str, slot: str) -> Assignment:
        """Record the next attempt of a generation that waited."""
        past = self.past.get(entry.id, [])
        used = list(dict.fromkeys(one.backend for one in past))
        # The same index gives the same prompt id, by which a run is found again there.
        index = used.index(backend) if backend in used else len(used)
        attempt = Attempt(entry.id, past[-1].number + 1 if past else 0, backend, index)
        del self.waiting[entry.id]
        self.assigned[entry.id] = assignment = Assignment(entry, attempt, slot)
        self._had_priority = entry.priority
        return assignment

    def free(self, generation_id: str, at: datetime) -> bool:
        """Record the end of a run. Return whether it held a place until now."""
        assignment = self.assigned.get(generation_id)
        if assignment is None or not assignment.holds_place:
            return False
        assignment.holds_place = False
        self._last_ends[assignment.entry.user_id] = at
        return True

    def end(self, generation_id: str, *, was_lost: bool, is_over: bool | None) -> None:
        """Record the end of an attempt; the generation waits again unless it is over."""
        assignment = self.assigned.pop(generation_id)
        attempt = replace(assignment.attempt, was_lost=was_lost)
        self.past.setdefault(generation_id, []).append(attempt)
        if was_lost or is_over is False:
            self.put(replace(assignment.entry, backend=attempt.backend))
        else:
            self._gone[generation_id] = now_s()

    def merge(
        self,
        line: LineState,
        *,
        read_at: float,
        running: Mapping[str, tuple[Attempt, str]],
        past: Mapping[str, list[Attempt]],
    ) -> tuple[list[Attempt], list[str]]:
        """Merge the records and the attempts that the engine runs.

        Return attempts unknown until now, and generations that wait no longer. `read_at` is when
        reading began: later changes take precedence over what was read.
        """
        self._paused = line.paused_guilds
        self.past.update({id_: list(attempts) for id_, attempts in past.items()})
        entries = {one.id: one for one in line.unfinished}
        found = []
        for id_, (attempt, slot) in running.items():
            ended = {one.number for one in self.past.get(id_, ())}
            # Records were read before this: what has ended since then must not be added again.
            is_known = id_ in self.assigned or self._gone.get(id_, -math.inf) >= read_at
            if id_ in entries and not is_known and attempt.number not in ended:
                self.waiting.pop(id_, None)
                self.assigned[id_] = Assignment(entries[id_], attempt, slot, read_at)
                found.append(attempt)
        for id_, entry in entries.items():
            if id_ in self.assigned:
                self.assigned[id_].entry = entry  # has the time of its start by now
            elif self._gone.get(id_, -math.inf) < read_at:
                self.waiting[id_] = entry
                self._known_at.setdefault(id_, read_at)
        # One added after the records were read is not missing from them.
        missing = (id_ for id_ in self.waiting if id_ not in entries)
        left = [id_ for id_ in missing if self._known_at[id_] < read_at]
        for id_ in left:
            self.leave(id_)
        # Ours are newer: noted at the end of a run, recorded when its results are fetched.
        self._last_ends = {**line.last_ends, **self._last_ends}
        self._prune(read_at)
        return found, left

    def find_late(self, before: float, running: Collection[str]) -> tuple[str, ...]:
        """Return attempts that began before that time and do not run."""
        return tuple(
            id_
            for id_, one in self.assigned.items()
            if one.begun_at < before and id_ not in running
        )

    def find_unknown(self, line: LineState) -> tuple[str, ...]:
        """Return the generations of the line that are not in the schedule."""
        known = self.waiting.keys() | self.assigned.keys()
        return tuple(one.id for one in line.unfinished if one.id not in known)

    def everything(self) -> list[LineEntry]:
        """Return what waits and what was handed out."""
        return [*self.waiting.values(), *(one.entry for one in self.assigned.values())]

    def holding(self) -> list[Assignment]:
        """Return the assignments that hold a place."""
        return [one for one in self.assigned.values() if one.holds_place]

    def taken_places(self) -> Counter[str]:
        """Return how many places are held, by backend."""
        return Counter(one.attempt.backend for one in self.holding())

    def is_lane_taken(self, entry: LineEntry) -> bool:
        """Whether another generation holds this person's place of that kind."""
        lane = (entry.user_id, entry.lane)
        return any((one.entry.user_id, one.entry.lane) == lane for one in self.holding())

    def order(self, places: int) -> list[LineEntry]:
        """Return what waits and is not paused in fair order."""
        waiting = [
            one
            for one in self.waiting.values()
            if one.backend is not None or (one.guild_id or DIRECT_MESSAGES) not in self._paused
        ]
        running = [one.entry for one in self.holding()]
        return order_turns(
            waiting, running, self._last_ends, places, had_priority=self._had_priority
        )

    def estimate_wait_s(
        self,
        entry: LineEntry,
        ordered: Sequence[LineEntry],
        durations: Durations,
        backends: Collection[str],
        now: datetime,
    ) -> float:
        """Estimate the seconds until one of these backends is free for the entry."""
        before = takewhile(lambda one: one.id != entry.id, ordered)
        ahead = [one for one in before if one.id in self.waiting]
        running = [replace(one.entry, backend=one.attempt.backend) for one in self.holding()]
        return estimate_wait_s(entry, ahead, running, durations, backends, now)

    def _prune(self, read_at: float) -> None:
        """Drop facts about generations and people that are no longer in the line."""
        known = self.waiting.keys() | self.assigned.keys()
        people = {one.user_id for one in self.everything()}
        self._gone = {id_: at for id_, at in self._gone.items() if at >= read_at}
        self._last_ends = {user: at for user, at in self._last_ends.items() if user in people}
        for facts in (self.past, self._known_at):
            for id_ in facts.keys() - known:
                del facts[id_]


def now_s() -> float:
    """Return the loop's time, with which all times of a schedule are compared."""
    return asyncio.get_running_loop().time()
