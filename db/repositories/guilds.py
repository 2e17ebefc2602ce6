"""Guilds and their settings. A guild id of None, or 0, is direct messages."""

from datetime import datetime

from sqlalchemy import select, update

from db.repositories.repository import Repository
from db.tables import DIRECT_MESSAGES, GuildRow


class GuildRepository(Repository):
    """Guilds and their settings."""

    def find(self, guild_id: int | None) -> GuildRow | None:
        """Return the guild's settings; None if there are none."""
        return self._session.get(GuildRow, guild_id or DIRECT_MESSAGES, populate_existing=True)

    def get_or_create(self, guild_id: int | None, *, now: datetime) -> GuildRow:
        """Return the guild's settings, created with the defaults if there are none."""
        known = self.find(guild_id)
        if known is not None:
            return known
        id_ = guild_id or DIRECT_MESSAGES
        self._add_missing(GuildRow, id=id_, timezone="UTC", paused=False, created_at=now)
        return self._session.get_one(GuildRow, id_)

    def paused(self) -> frozenset[int]:
        """Return the ids of all guilds whose line is paused."""
        return frozenset(self._list(select(GuildRow.id).where(GuildRow.paused.is_(True))))

    def update(self, guild_id: int | None, **columns: object) -> None:
        """Change settings of a guild that `get_or_create` has created."""
        id_ = guild_id or DIRECT_MESSAGES
        self._session.execute(update(GuildRow).where(GuildRow.id == id_).values(columns))
