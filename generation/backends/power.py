"""Start backends for waiting work, and stop idle ones.

Decided by the scheduling process. Starts are recorded, so that other processes can report them and
the next scheduler does not start the same backend again.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from comfy.errors import ComfyError
from db.database import Database, Session
from db.errors import DatabaseError
from db.repositories.backends import BackendPowerRepository, BackendUseRepository
from generation.backends.pool import BackendPool
from generation.backends.power_calls import PowerCallFailed, carry_out
from generation.tasks import TaskOwner
from generation.transactions import Transactional, reads, writes

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PowerTimings:
    """Limits and pauses, in seconds."""

    call_s: float = 5 * 60.0
    """Time-out of a wake or sleep command or request."""

    wake_s: float = 15 * 60.0
    """From the wake call to the backend's first answer."""

    stop_s: float = 5 * 60.0
    """From the sleep call until the backend stops answering; later it takes work again."""

    retry_s: float = 5 * 60.0
    """Before the next attempt after a failed one."""

    poll_s: float = 2.0
    """Between two checks whether a backend answers."""

    check_s: float = 5.0
    """Between two checks for idle backends and for starts by other processes."""


@dataclass(frozen=True, slots=True)
class BackendStart:
    """A backend that is being started for a generation; `ready_at` is None while unknown."""

    name: str
    generation_id: str | None
    ready_at: datetime | None = None


class PowerManager(Transactional):
    """Starts and stops backends; `on_change` is called when a start begins or ends.

    `starts` may be called in every process. Everything else is for the scheduling process.
    """

    def __init__(
        self,
        database: Database,
        pool: BackendPool,
        now: Callable[[], datetime],
        timings: PowerTimings | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(database)
        self._pool = pool
        self._now = now
        self._clock = clock
        self.timings = timings or PowerTimings()
        self.on_change: Callable[[], None] = lambda: None
        self._tasks = TaskOwner(_log)
        self._waking: str | None = None
        self._retry_at: dict[str, float] = {}
        self._idle_since: dict[str, float] = {}
        self._check_at = 0.0

    @property
    def is_used(self) -> bool:
        """Whether any backend can be started or stopped."""
        return bool(self._pool.powers)

    @property
    def is_waking(self) -> bool:
        """Whether this process is starting a backend; it starts one at a time."""
        return self._waking is not None

    @property
    def backing_off(self) -> Collection[str]:
        """Backends not to start now: an attempt failed, or another process is starting them."""
        now = self._clock()
        return {name for name, at in self._retry_at.items() if at > now}

    async def close(self) -> None:
        """Give up a start in progress, so that another process can retry. May be called twice."""
        await self._tasks.close()
        waking, self._waking = self._waking, None
        if waking is not None:
            # Lets the next scheduling process start it at once, instead of when the claim expires.
            with suppress(DatabaseError):
                await self._end(waking)

    async def starts(self) -> tuple[BackendStart, ...]:
        """Return the backends being started by any process. Raises DatabaseError."""
        if not self.is_used:
            return ()
        earliest = self._now() - timedelta(seconds=self.timings.wake_s)
        return tuple(
            BackendStart(name, generation_id, since + timedelta(seconds=woke_s) if woke_s else None)
            for name, (since, generation_id, woke_s) in (await self._waking_rows()).items()
            if since >= earliest
        )

    async def wake(self, name: str, generation_id: str) -> None:
        """Start a backend unless some process is already starting it. Raises DatabaseError."""
        if self.is_waking:
            return
        if not await self._begin(name, generation_id):
            self._retry_at[name] = self._clock() + self.timings.check_s
            return
        self._waking = name
        self.on_change()
        self._tasks.start(self._wake(name), f"start of {name}")

    async def update(self) -> None:
        """Stop idle backends and close starts that other processes began.

        Does nothing until `check_s` has passed since the last call. Raises DatabaseError.
        """
        if not self.is_used or self._clock() < self._check_at:
            return
        self._check_at = self._clock() + self.timings.check_s
        for name, (since, _, _) in (await self._waking_rows()).items():
            if name != self._waking and self._is_reachable(name):
                await self._note_awake(name, since)
        running = await self._running()
        for name, power in self._pool.powers.items():
            if power.sleep is None or not self._is_idle(name, running):
                self._idle_since.pop(name, None)
            elif self._clock() - self._idle_since.setdefault(name, self._clock()) >= power.idle_s:
                await self._stop_if_unused(name)

    def _is_reachable(self, name: str) -> bool:
        return self._pool.occupancies[name].is_reachable

    def _is_idle(self, name: str, running: Mapping[str, int]) -> bool:
        occupancy = self._pool.occupancies[name]
        is_stopping = self._pool.is_stopping(name)
        has_work = occupancy.generations or running.get(name)
        return occupancy.is_reachable and not has_work and not is_stopping

    async def _wake(self, name: str) -> None:
        began_at, since = self._clock(), self._now()
        problem = await self._start(name)
        try:
            if problem is None:
                _log.info("GPU %s answers after %d s.", name, round(self._clock() - began_at))
                await self._note_awake(name, since)
            else:
                await self._note_failure(name, f"It could not be started. {problem}")
        finally:
            self._waking = None
        self.on_change()

    async def _start(self, name: str) -> str | None:
        """Start a backend and wait for its first answer; return the problem, if any."""
        call, timings = self._pool.powers[name].wake, self.timings
        if call is None:
            return None
        _log.info("GPU %s is being started.", name)
        try:
            await carry_out(call, f"The wake call of {name}", timeout_s=timings.call_s)
        except PowerCallFailed as error:
            # It may have been started all the same.
            return None if await self._answers(name) else str(error)
        try:
            async with asyncio.timeout(timings.wake_s):
                await self._wait_until(name, answers=True)
        except TimeoutError:
            return f"Its wake call succeeded, but it does not answer within {timings.wake_s:g} s."
        return None

    async def _stop_if_unused(self, name: str) -> None:
        """Take a backend out of service and stop it, unless other clients use it."""
        self._idle_since.pop(name, None)
        backend = self._pool.find(name)
        try:
            async with asyncio.timeout(self.timings.check_s):
                load = await backend.fetch_load() if backend else None
        except (TimeoutError, ComfyError):
            return
        if not load:
            self._pool.set_stopping(name, is_stopping=True)
            self._tasks.start(self._sleep(name), f"end of {name}")

    async def _sleep(self, name: str) -> None:
        problem: str | None = None
        try:
            problem = await self._stop(name)
        finally:
            self._pool.set_stopping(name, is_stopping=False)
        if problem is None:
            _log.info("GPU %s sleeps.", name)
            await self._end(name, failed_at=None, problem=None)
        else:
            await self._note_failure(name, f"It could not be stopped. {problem}")
        self.on_change()

    async def _stop(self, name: str) -> str | None:
        call, timings = self._pool.powers[name].sleep, self.timings
        if call is None:
            return None
        _log.info("GPU %s is idle and is being stopped.", name)
        try:
            await carry_out(call, f"The sleep call of {name}", timeout_s=timings.call_s)
            async with asyncio.timeout(timings.stop_s):
                await self._wait_until(name, answers=False)
        except PowerCallFailed as error:
            return str(error)
        except TimeoutError:
            return f"Its sleep call succeeded, but it still answers after {timings.stop_s:g} s."
        return None

    async def _wait_until(self, name: str, *, answers: bool) -> None:
        while True:
            if await self._answers(name) is answers:
                return
            await asyncio.sleep(self.timings.poll_s)

    async def _answers(self, name: str) -> bool:
        backend = self._pool.find(name)
        try:
            async with asyncio.timeout(self.timings.check_s):
                if backend is not None:
                    await backend.fetch_description()
        except (TimeoutError, ComfyError):
            return False
        return backend is not None

    async def _note_awake(self, name: str, since: datetime) -> None:
        self._pool.note_success(name)
        woke_s = max((self._now() - since).total_seconds(), 0.0)
        await self._end(name, woke_s=woke_s, failed_at=None, problem=None)

    async def _note_failure(self, name: str, problem: str) -> None:
        self._retry_at[name] = self._clock() + self.timings.retry_s
        self._pool.note_problem(name, problem)
        await self._end(name, failed_at=self._now(), problem=problem)

    @reads
    def _waking_rows(
        self, session: Session
    ) -> dict[str, tuple[datetime, str | None, float | None]]:
        return {
            row.name: (row.waking_since, row.generation_id, row.woke_s)
            for row in BackendPowerRepository(session).list()
            if row.waking_since is not None and row.name in self._pool.powers
        }

    @reads
    def _running(self, session: Session) -> dict[str, int]:
        return BackendUseRepository(session).count_running()

    @writes
    def _begin(self, session: Session, name: str, generation_id: str) -> bool:
        now = self._now()
        stale = now - timedelta(seconds=self.timings.call_s)
        return BackendPowerRepository(session).begin(name, generation_id, now=now, stale=stale)

    @writes
    def _end(self, session: Session, name: str, /, **columns: object) -> None:
        BackendPowerRepository(session).end(name, **columns)
