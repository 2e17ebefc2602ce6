"""Fair order in which waiting generations start. Pure.

Turns go round between people. A person with nothing running goes before one with something running;
among equals, the one who has been ready longest goes first: since their request or since their last
run ended. One person's generations keep their order. People with priority have a round of their
own, and the two rounds alternate.
"""

import heapq
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from generation.estimates import LineEntry

_Ready = tuple[int, datetime | int]
"""Sort key: actual times come before estimated ends."""


def order_turns(
    waiting: Iterable[LineEntry],
    running: Sequence[LineEntry],
    last_ends: Mapping[int, datetime],
    places: int,
    *,
    had_priority: bool = False,
) -> list[LineEntry]:
    """Return waiting generations in the order of their start, if all runs take equally long.

    Generations that were sent to a backend before come first. `running` is in the order of start;
    `last_ends` has the last end of each person's runs; `places` is how many generations all
    backends together run at a time; `had_priority` says to which round the last started one
    belonged, if it is no longer in `running`.
    """
    everything = sorted(waiting, key=lambda entry: (entry.created_at, entry.id))
    sent = [entry for entry in everything if entry.backend is not None]
    rest = [entry for entry in everything if entry.backend is None]
    return sent + _Rounds(rest, [*running, *sent], last_ends, had_priority=had_priority).play(
        max(places, 1)
    )


class _Rounds:
    """Simulates the coming turns."""

    def __init__(
        self,
        waiting: Sequence[LineEntry],
        running: Sequence[LineEntry],
        last_ends: Mapping[int, datetime],
        *,
        had_priority: bool,
    ) -> None:
        self._left = len(waiting)
        self._waiting: dict[int, list[LineEntry]] = {}
        for entry in waiting:
            self._waiting.setdefault(entry.user_id, []).append(entry)
        self._running = deque(running)
        self._busy = Counter(entry.user_id for entry in running)
        self._busy_lanes = Counter((entry.user_id, entry.lane) for entry in running)
        self._ends: dict[int, _Ready] = {user: (0, end) for user, end in last_ends.items()}
        self._foreseen = 0
        self._had_priority = running[-1].priority if running else had_priority
        self._versions: Counter[int] = Counter()
        self._heaps: dict[bool, list[tuple[int, _Ready, datetime, str, int, LineEntry]]] = {
            False: [],
            True: [],
        }
        for user_id in self._waiting:
            self._queue(user_id)

    def play(self, places: int) -> list[LineEntry]:
        ordered: list[LineEntry] = []
        while self._left:
            entry = self._next() if len(self._running) < places else None
            if entry is not None:
                self._start(entry)
                ordered.append(entry)
            elif self._running:
                self._end(self._running.popleft())
            else:
                break
        return ordered

    def _next(self) -> LineEntry | None:
        for has_priority in (not self._had_priority, self._had_priority):
            heap = self._heaps[has_priority]
            while heap:
                *_, version, entry = heapq.heappop(heap)
                # Older versions are stale: what this person has running changed after they were
                # pushed.
                if version == self._versions[entry.user_id]:
                    return entry
        return None

    def _start(self, entry: LineEntry) -> None:
        self._left -= 1
        self._waiting[entry.user_id].remove(entry)
        self._running.append(entry)
        self._busy[entry.user_id] += 1
        self._busy_lanes[entry.user_id, entry.lane] += 1
        self._had_priority = entry.priority
        self._queue(entry.user_id)

    def _end(self, entry: LineEntry) -> None:
        self._foreseen += 1
        self._busy[entry.user_id] -= 1
        self._busy_lanes[entry.user_id, entry.lane] -= 1
        self._ends[entry.user_id] = (1, self._foreseen)
        self._queue(entry.user_id)

    def _queue(self, user_id: int) -> None:
        """Queue a person's next generation by what they have running and had running."""
        self._versions[user_id] += 1
        for entry in self._waiting.get(user_id, ()):
            if not self._busy_lanes[user_id, entry.lane]:
                since: _Ready = (0, entry.created_at)
                ready = max(since, self._ends.get(user_id, since))
                version = self._versions[user_id]
                heapq.heappush(
                    self._heaps[entry.priority],
                    (self._busy[user_id], ready, entry.created_at, entry.id, version, entry),
                )
                return
