"""Retention of pictures, prompts and records by guild, applied by the housekeeping."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from db.database import Session
from db.repositories.moderation.guild_moderation import GuildModerationRepository
from db.repositories.retention import BATCH, RetentionRepository
from db.tables import GuildModerationRow
from generation.request import Actor
from generation.transactions import Service, reads, writes


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """Days after the end of a generation; None keeps as long as the operator does."""

    pictures: int | None = None
    prompts: int | None = None
    records: int | None = None


DEFAULT_RETENTION = RetentionSettings(pictures=365, prompts=365)
"""Settings of guilds that the bot joins; their records themselves are kept."""


class Retention(Service):
    """Stores the retention settings of guilds and applies them."""

    @writes
    def begin(self, session: Session, guild_id: int) -> None:
        """Store the default settings in a guild without any. Raises ServiceUnavailable."""
        if GuildModerationRepository(session).get(guild_id) is None:
            _store(session, guild_id, DEFAULT_RETENTION)

    @reads
    def find(self, session: Session, guild_id: int | None) -> RetentionSettings:
        """Return the guild's retention settings. Raises ServiceUnavailable."""
        row = GuildModerationRepository(session).get(guild_id)
        return RetentionSettings() if row is None else _copy(row)

    @writes
    def set(self, session: Session, actor: Actor, keeping: RetentionSettings) -> None:
        """Set the retention settings of a guild. Raises ServiceUnavailable."""
        _store(session, actor.guild_id, keeping)
        self._audit(session, actor, "retention", **asdict(keeping))

    async def apply(self) -> int:
        """Remove what is too old in every guild; return the count. Raises ServiceUnavailable."""
        done, now = 0, self._clock()
        for guild_id, keeping in await self._settings():
            for days, forget in (
                (keeping.records, RetentionRepository.forget_records),
                (keeping.prompts, RetentionRepository.forget_prompts),
                (keeping.pictures, RetentionRepository.forget_pictures),
            ):
                if days is not None:
                    count = BATCH
                    while count >= BATCH:
                        count = await self._forget(
                            forget, guild_id, now - timedelta(days=days), now
                        )
                        done += count
        return done

    @reads
    def _settings(self, session: Session) -> list[tuple[int, RetentionSettings]]:
        return [(row.guild_id, _copy(row)) for row in GuildModerationRepository(session).all()]

    @writes
    def _forget(
        self,
        session: Session,
        forget: Callable[[RetentionRepository, int, datetime, datetime], int],
        guild_id: int,
        before: datetime,
        now: datetime,
    ) -> int:
        return forget(RetentionRepository(session), guild_id, before, now)


def _store(session: Session, guild_id: int | None, keeping: RetentionSettings) -> None:
    GuildModerationRepository(session).put(
        guild_id,
        images_kept_days=keeping.pictures,
        prompts_kept_days=keeping.prompts,
        records_kept_days=keeping.records,
    )


def _copy(row: GuildModerationRow) -> RetentionSettings:
    return RetentionSettings(row.images_kept_days, row.prompts_kept_days, row.records_kept_days)
