"""Draining of backends by an operator, applied in every process."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from db.database import Database, Session
from db.repositories.audit import AuditRepository
from db.repositories.drains import DrainRepository
from generation.availability import available
from generation.backends.pool import BackendPool
from generation.backends.status import BackendStatus
from generation.tasks import nothing_follows

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DrainEntry:
    """A backend's status, with who drained it and when if it is drained."""

    status: BackendStatus
    drained_by: int | None = None
    drained_at: datetime | None = None


class BackendAdmin:
    """Drains and resumes backends; decisions are recorded and survive restarts.

    `turns_changed` is called after each decision, so that other processes apply it too. Whoever
    calls must have checked that the actor is an operator.
    """

    def __init__(
        self,
        database: Database,
        pool: BackendPool,
        clock: Callable[[], datetime],
        turns_changed: Callable[[], Awaitable[None]] = nothing_follows,
    ) -> None:
        self._database = database
        self._pool = pool
        self._clock = clock
        self._turns_changed = turns_changed

    @property
    def names(self) -> tuple[str, ...]:
        """Every backend's name."""
        return self._pool.names

    async def entries(self) -> tuple[DrainEntry, ...]:
        """Return the current state of every backend. Raises ServiceUnavailable."""
        with available():
            await self.apply()

            def query(session: Session) -> dict[str, tuple[int, datetime]]:
                return {
                    row.name: (row.drained_by, row.drained_at)
                    for row in DrainRepository(session).drained()
                }

            rows = await self._database.read(query)
        return tuple(
            DrainEntry(status, *rows.get(status.name, (None, None)))
            for status in await self._pool.statuses()
        )

    async def drain(self, name: str, *, actor_id: int, guild_id: int | None) -> bool:
        """Send it no new runs; running ones finish. Return False if it was drained already.

        Raises UnknownBackend, ServiceUnavailable.
        """
        self._pool.is_drained(name)
        return await self._decide(name, actor_id, guild_id, is_drained=True)

    async def resume(self, name: str, *, actor_id: int, guild_id: int | None) -> bool:
        """Put it back into service. Return False if it was. Raises as `drain` does."""
        self._pool.is_drained(name)
        changed = await self._decide(name, actor_id, guild_id, is_drained=False)
        self._pool.resume(name)
        return changed

    async def apply(self) -> None:
        """Apply the recorded decisions in this process. Raises DatabaseError."""

        def query(session: Session) -> set[str]:
            return {row.name for row in DrainRepository(session).drained()}

        drained = await self._database.read(query)
        for name in self._pool.names:
            if name in drained and not self._pool.is_drained(name):
                self._pool.drain(name)
                _log.info("Backend %s is drained: it is handed nothing new.", name)
            elif name not in drained and self._pool.is_drained(name):
                self._pool.resume(name)
                _log.info("Backend %s is back in service.", name)

    async def _decide(
        self, name: str, actor_id: int, guild_id: int | None, *, is_drained: bool
    ) -> bool:
        with available():

            def change(session: Session) -> bool:
                drains = DrainRepository(session)
                if is_drained:
                    changed = drains.drain(name, actor_id=actor_id, now=self._clock())
                else:
                    changed = drains.resume(name)
                if changed:
                    AuditRepository(session).add(
                        at=self._clock(),
                        actor_id=actor_id,
                        guild_id=guild_id,
                        action="drain-backend" if is_drained else "resume-backend",
                        subject=name,
                    )
                return changed

            changed = await self._database.write(change)
            await self.apply()
        if changed:
            await self._turns_changed()
        return changed
