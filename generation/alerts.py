"""Alerts for the operator: one message when a problem lasts, and one when it is over."""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

from db.database import Database, Session
from db.errors import DatabaseError
from db.repositories.alerts import AlertRepository
from db.repositories.backends import BackendPowerRepository
from db.repositories.line import LineRepository
from generation.backends.pool import BackendPool
from generation.notifier import DeliveryPostponed
from generation.transactions import Transactional, reads, writes

CHECK_INTERVAL_S = 10.0
"""Seconds between two checks."""

MIN_DURATION_S = 60.0
"""Seconds that a problem, or its end, must last before it is reported: a restart of ComfyUI is
shorter."""

RETRY_S = 5 * 60.0
"""Seconds before the next attempt after a message could not be sent."""

UNDELIVERED_AFTER = timedelta(minutes=10)
"""Age at which an undelivered result counts as a problem."""

LEAST_FREE_BYTES = 2**30
"""Below this the disk counts as nearly full; the problem ends at twice as much."""

DISK, DELIVERIES, AWAY, POWER, REFUSES = "disk", "deliveries", "away:", "power:", "refuses:"

_log = logging.getLogger(__name__)


class Alerts(Transactional):
    """Reports problems and their ends with `tell`, which may raise DeliveryPostponed.

    Sent alerts are recorded, so that a restart does not repeat them. Of several processes that
    share a database, only the one for which `is_responsible` holds sends any.
    """

    def __init__(
        self,
        database: Database,
        pool: BackendPool,
        data: Path,
        *,
        tell: Callable[[str], Awaitable[None]],
        is_responsible: Callable[[], bool],
        now: Callable[[], datetime],
        clock: Callable[[], float] = monotonic,
        count_free_bytes: Callable[[Path], int] = lambda path: shutil.disk_usage(path).free,
    ) -> None:
        super().__init__(database)
        self._pool = pool
        self._data = data
        self._tell = tell
        self._is_responsible = is_responsible
        self._now = now
        self._clock = clock
        self._count_free_bytes = count_free_bytes
        self._changed_at: dict[str, float] = {}

    async def watch(self) -> None:
        """Check periodically until cancelled."""
        while True:
            pause_s = CHECK_INTERVAL_S
            try:
                if self._is_responsible():
                    await self.check()
            except DatabaseError as error:
                _log.debug("Troubles cannot be looked for just now: %s", error)
            except DeliveryPostponed as error:
                _log.warning("The operator could not be told: %s", error)
                pause_s = RETRY_S
            await asyncio.sleep(pause_s)

    async def check(self) -> None:
        """Send one message with every change that has lasted long enough.

        Raises DeliveryPostponed and DatabaseError.
        """
        reported = await self._reported()
        problems = await self._find(reported)
        changed = problems.keys() ^ reported
        now = self._clock()
        self._changed_at = {key: self._changed_at.get(key, now) for key in changed}
        due = sorted(key for key, at in self._changed_at.items() if now - at >= MIN_DURATION_S)
        sentences = [problems.get(key) or self._end_of(key) for key in due]
        if any(sentences):
            await self._tell("\n".join(filter(None, sentences)))
        if due:
            await self._record([key for key in due if key in problems], due)

    async def _find(self, reported: frozenset[str]) -> Mapping[str, str]:
        problems = {
            f"{AWAY}{name}": f"GPU {name} is offline."
            for name, occupancy in self._pool.occupancies.items()
            # A backend that can be started may be off on purpose.
            if not occupancy.is_reachable and name not in self._pool.powers
        }
        refusals = self._pool.refusals
        for name in self._pool.names:
            # Until a run succeeds or is refused, the state reported before a restart applies.
            if refusals.get(name) or (name not in refusals and f"{REFUSES}{name}" in reported):
                problems[f"{REFUSES}{name}"] = f"GPU {name} takes no work: {refusals.get(name)}"
        for name, problem in (await self._power_problems()).items():
            problems[f"{POWER}{name}"] = f"GPU {name}: {problem}"
        try:
            free = await asyncio.to_thread(self._count_free_bytes, self._data)
        except OSError as error:
            problems[DISK] = f"The folder {self._data} cannot be used: {error.strerror}."
        else:
            if free < LEAST_FREE_BYTES * (2 if DISK in reported else 1):
                mib = free // 2**20
                problems[DISK] = f"The disk of {self._data} is nearly full: {mib} MiB are free."
        if count := await self._count_undelivered():
            problems[DELIVERIES] = (
                f"Results that could not be posted for ten minutes: {count}. The log says why."
            )
        return problems

    def _end_of(self, key: str) -> str | None:
        """Say that a problem is over; return None for a backend that is no longer configured."""
        if key == DISK:
            return "The disk has room again."
        if key == DELIVERIES:
            return "All results have been posted."
        kind, _, name = key.partition(":")
        if name not in self._pool.names:
            return None
        ends = {AWAY: "is back", POWER: "starts and stops", REFUSES: "takes work again"}
        return f"GPU {name} {ends[f'{kind}:']}."

    @reads
    def _count_undelivered(self, session: Session) -> int:
        return LineRepository(session).count_undelivered(self._now() - UNDELIVERED_AFTER)

    @reads
    def _power_problems(self, session: Session) -> dict[str, str]:
        return {
            row.name: row.problem
            for row in BackendPowerRepository(session).list()
            if row.problem is not None and row.name in self._pool.powers
        }

    @reads
    def _reported(self, session: Session) -> frozenset[str]:
        return AlertRepository(session).reported()

    @writes
    def _record(self, session: Session, new: list[str], changed: list[str]) -> None:
        repository = AlertRepository(session)
        repository.remove(changed)
        for key in new:
            repository.add(key, self._now())
