"""Reports on backends for operators, and draining, which applies in every process."""

import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from db.database import Database, Session
from db.repositories.backends import BackendPowerRepository, BackendUseRepository, DrainRepository
from generation.backends.pool import BackendPool
from generation.backends.status import BackendState, BackendStatus
from generation.errors import FailureKind
from generation.request import Actor
from generation.tasks import do_nothing
from generation.transactions import Service, reads, writes

FAILURES_KEPT = timedelta(days=7)
"""Age up to which the last failure of a backend is reported."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BackendUse:
    """Recorded use of a backend: running generations, GPU time of today, the last failure."""

    running: int = 0
    gpu_s_today: float = 0.0
    failure: FailureKind | None = None
    failed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BackendReport:
    """Status and use of a backend, and who drained it and when, if it is drained."""

    status: BackendStatus
    drained_by: int | None = None
    drained_at: datetime | None = None
    use: BackendUse = field(default_factory=BackendUse)


class BackendAdmin(Service):
    """Reports on backends, and drains and resumes them; decisions survive restarts.

    `turns_changed` is called after each decision so that other processes apply it. Callers must
    have checked that the actor is an operator.
    """

    def __init__(
        self,
        database: Database,
        pool: BackendPool,
        clock: Callable[[], datetime],
        turns_changed: Callable[[], Awaitable[None]] = do_nothing,
    ) -> None:
        super().__init__(database, clock)
        self._pool = pool
        self._turns_changed = turns_changed

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all backends."""
        return self._pool.names

    async def reports(self) -> tuple[BackendReport, ...]:
        """Return the current state of every backend. Raises ServiceUnavailable."""
        rows = await self._drained()
        self._apply(rows)
        uses = await self._uses()
        starts = await self._starts()
        reports = []
        for status in await self._pool.statuses():
            known = _with_start(status, *starts.get(status.name, (None, None)))
            by, at = rows.get(status.name, (None, None))
            reports.append(BackendReport(known, by, at, uses[status.name]))
        return tuple(reports)

    async def drain(self, actor: Actor, name: str) -> bool:
        """Send no new runs to a backend; running ones finish. Return False if it was drained.

        Raises UnknownBackend, ServiceUnavailable.
        """
        self._pool.is_drained(name)
        return await self._decide(actor, name, is_drained=True)

    async def resume(self, actor: Actor, name: str) -> bool:
        """Put a backend back into service; return False if it was. Raises as `drain` does."""
        self._pool.is_drained(name)
        changed = await self._decide(actor, name, is_drained=False)
        self._pool.resume(name)
        return changed

    async def apply(self) -> None:
        """Apply the recorded decisions in this process. Raises ServiceUnavailable."""
        self._apply(await self._drained())

    def _apply(self, drained: Collection[str]) -> None:
        for name in self._pool.names:
            if name in drained and not self._pool.is_drained(name):
                self._pool.drain(name)
                _log.info("Backend %s is drained: it is handed nothing new.", name)
            elif name not in drained and self._pool.is_drained(name):
                self._pool.resume(name)
                _log.info("Backend %s is back in service.", name)

    async def _decide(self, actor: Actor, name: str, *, is_drained: bool) -> bool:
        changed = await self._record(actor, name, is_drained=is_drained)
        await self.apply()
        if changed:
            await self._turns_changed()
        return changed

    @reads
    def _uses(self, session: Session) -> dict[str, BackendUse]:
        now = self._clock()
        repository = BackendUseRepository(session)
        running = repository.count_running()
        # A day in the operator's time zone.
        midnight = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
        gpu_s = dict.fromkeys(self._pool.names, 0.0)
        for run in repository.ended_since(midnight):
            took_s = (run.finished_at - run.started_at).total_seconds()
            run_s = took_s if run.gpu_ms is None else run.gpu_ms / 1000
            gpu_s[run.backend] = gpu_s.get(run.backend, 0.0) + max(run_s, 0.0)
        uses = {}
        for name in self._pool.names:
            last = repository.last_failure(name, now - FAILURES_KEPT)
            kind, at = (FailureKind(last.failure_kind), last.finished_at) if last else (None, None)
            uses[name] = BackendUse(running.get(name, 0), gpu_s[name], kind, at)
        return uses

    @reads
    def _starts(self, session: Session) -> dict[str, tuple[datetime | None, str | None]]:
        return {
            row.name: (row.waking_since, row.problem)
            for row in BackendPowerRepository(session).list()
        }

    @reads
    def _drained(self, session: Session) -> dict[str, tuple[int, datetime]]:
        return {
            row.name: (row.drained_by, row.drained_at) for row in DrainRepository(session).drained()
        }

    @writes
    def _record(self, session: Session, actor: Actor, name: str, *, is_drained: bool) -> bool:
        drains = DrainRepository(session)
        if is_drained:
            changed = drains.drain(name, actor_id=actor.user_id, now=self._clock())
        else:
            changed = drains.resume(name)
        if changed:
            self._audit(session, actor, "drain-backend" if is_drained else "resume-backend", name)
        return changed


def _with_start(
    status: BackendStatus, waking_since: datetime | None, problem: str | None
) -> BackendStatus:
    is_starting = waking_since is not None and status.state is BackendState.ASLEEP
    state = BackendState.STARTING if is_starting else status.state
    return replace(status, state=state, problem=problem or status.problem)
