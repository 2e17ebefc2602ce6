"""The operator's say over backends: taken out of service and put back, in every process."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from db.database import Database
from db.errors import DatabaseError
from db.repositories.audit import AuditRepository
from db.repositories.drains import DrainRepository
from generation.availability import available
from generation.backends.pool import BackendPool
from generation.backends.status import BackendStatus

FOLLOW_S = 2.0
"""How soon every process knows what was decided in one of them."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FleetEntry:
    """One backend, and who took it out of service and when, where somebody did."""

    status: BackendStatus
    drained_by: int | None = None
    drained_at: datetime | None = None


class Fleet:
    """All backends; what is decided of them is recorded, and outlives restarts.

    Whoever calls has made sure that the actor runs this bot.
    """

    def __init__(
        self, database: Database, pool: BackendPool, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._pool = pool
        self._clock = clock

    @property
    def names(self) -> tuple[str, ...]:
        """Every backend's name."""
        return self._pool.names

    async def entries(self) -> tuple[FleetEntry, ...]:
        """Every backend as it is now. Raises ServiceUnavailable."""
        with available():
            await self.apply()
            async with self._database.transaction(read_only=True) as session:
                rows = {
                    row.name: (row.drained_by, row.drained_at)
                    for row in await DrainRepository(session).drained()
                }
        return tuple(
            FleetEntry(status, *rows.get(status.name, (None, None)))
            for status in await self._pool.statuses()
        )

    async def drain(self, name: str, *, actor_id: int, guild_id: int | None) -> bool:
        """Hand it nothing new; what runs there is finished. False when it was so already.

        Raises UnknownBackend, ServiceUnavailable.
        """
        self._pool.is_drained(name)
        return await self._decide(name, actor_id, guild_id, is_drained=True)

    async def resume(self, name: str, *, actor_id: int, guild_id: int | None) -> bool:
        """Put it into service again; False when it was. Raises as `drain` does."""
        self._pool.is_drained(name)
        changed = await self._decide(name, actor_id, guild_id, is_drained=False)
        self._pool.resume(name)
        return changed

    async def apply(self) -> None:
        """Do here what was decided anywhere. Raises DatabaseError."""
        async with self._database.transaction(read_only=True) as session:
            drained = {row.name for row in await DrainRepository(session).drained()}
        for name in self._pool.names:
            if name in drained and not self._pool.is_drained(name):
                self._pool.drain(name)
                _log.info("Backend %s is drained: it is handed nothing new.", name)
            elif name not in drained and self._pool.is_drained(name):
                self._pool.resume(name)
                _log.info("Backend %s is back in service.", name)

    async def follow(self) -> NoReturn:
        """Apply what is decided, until cancelled."""
        while True:
            try:
                await self.apply()
            except DatabaseError as error:
                _log.debug("What was decided of backends is not known just now: %s", error)
            await asyncio.sleep(FOLLOW_S)

    async def _decide(
        self, name: str, actor_id: int, guild_id: int | None, *, is_drained: bool
    ) -> bool:
        with available():
            async with self._database.transaction() as session:
                drains = DrainRepository(session)
                if is_drained:
                    changed = await drains.drain(name, actor_id=actor_id, now=self._clock())
                else:
                    changed = await drains.resume(name)
                if changed:
                    await AuditRepository(session).add(
                        at=self._clock(),
                        actor_id=actor_id,
                        guild_id=guild_id,
                        action="drain-backend" if is_drained else "resume-backend",
                        subject=name,
                    )
            await self.apply()
        return changed
