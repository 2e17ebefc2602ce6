"""Moderation settings of guilds. Nothing here commits."""

from sqlalchemy import select

from db.repositories.repository import Repository
from db.tables import DIRECT_MESSAGES, GuildModerationRow


class GuildModerationRepository(Repository):
    """Moderation settings of guilds."""

    def get(self, guild_id: int | None) -> GuildModerationRow | None:
        """Return a guild's settings, if it has any."""
        return self._session.get(
            GuildModerationRow, guild_id or DIRECT_MESSAGES, populate_existing=True
        )

    def put(self, guild_id: int | None, **columns: object) -> None:
        """Change settings."""
        self._put(GuildModerationRow, {"guild_id": guild_id or DIRECT_MESSAGES}, columns)

    def count_checked(self) -> int:
        """Count the guilds with the image check on."""
        return self._count(GuildModerationRow, GuildModerationRow.image_check != "off")

    def all(self) -> tuple[GuildModerationRow, ...]:
        """Return every guild's settings."""
        return self._list(select(GuildModerationRow))
