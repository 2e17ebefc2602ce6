"""What the administrators of a guild set and ask: the heart's side of `/limner`.

Whoever calls has made sure that the actor may do it here. Every act leaves an entry in the audit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from db.audit import AuditRepository
from db.database import Database, Session
from db.errors import DatabaseError
from db.generations import GenerationRepository
from db.people import GuildRepository
from generation.errors import ServiceUnavailable
from generation.record import GenerationState


@dataclass(frozen=True, slots=True)
class GuildStatus:
    """How things stand in a guild, or in direct messages."""

    is_paused: bool
    timezone: str
    running: int
    waiting: int


class Administration:
    """Settings of guilds. A guild id of None is direct messages."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def pause(self, guild_id: int | None, *, actor_id: int) -> bool:
        """Let nothing new start here; False when it was so already. Raises ServiceUnavailable."""
        return await self._set_paused(guild_id, actor_id, is_paused=True)

    async def resume(self, guild_id: int | None, *, actor_id: int) -> bool:
        """Let the line go on here; False when it did already. Raises ServiceUnavailable."""
        return await self._set_paused(guild_id, actor_id, is_paused=False)

    async def status(self, guild_id: int | None) -> GuildStatus:
        """How things stand here. Raises ServiceUnavailable."""
        try:
            async with self._database.transaction() as session:
                guild = await GuildRepository(session).get_or_create(guild_id, now=self._clock())
                generations = GenerationRepository(session)
                counts = await generations.count_by_state(
                    guild_id, (GenerationState.RUNNING.value, GenerationState.WAITING.value)
                )
                return GuildStatus(
                    is_paused=guild.paused,
                    timezone=guild.timezone,
                    running=counts.get(GenerationState.RUNNING.value, 0),
                    waiting=counts.get(GenerationState.WAITING.value, 0),
                )
        except DatabaseError as error:
            raise _unavailable() from error

    async def _set_paused(self, guild_id: int | None, actor_id: int, *, is_paused: bool) -> bool:
        try:
            async with self._database.transaction() as session:
                guilds = GuildRepository(session)
                guild = await guilds.get_or_create(guild_id, now=self._clock())
                if guild.paused == is_paused:
                    return False
                await guilds.update(guild_id, paused=is_paused)
                action = "pause" if is_paused else "resume"
                await self._note(session, guild_id, actor_id, action, "line")
                return True
        except DatabaseError as error:
            raise _unavailable() from error

    async def _note(
        self,
        session: Session,
        guild_id: int | None,
        actor_id: int,
        action: str,
        subject: str,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        await AuditRepository(session).add(
            at=self._clock(),
            actor_id=actor_id,
            guild_id=guild_id,
            action=action,
            subject=subject,
            detail=detail,
        )


def _unavailable() -> ServiceUnavailable:
    return ServiceUnavailable("The records cannot be reached just now. Please try again.")
