"""The image check of guilds. Nothing here commits."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.dialect import insert_into
from db.tables import DIRECT_MESSAGES, GuildModerationRow


class GuildModerationRepository:
    """Moderation settings of guilds."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, guild_id: int | None) -> GuildModerationRow | None:
        """A guild's settings, where it has any."""
        return self._session.get(
            GuildModerationRow, guild_id or DIRECT_MESSAGES, populate_existing=True
        )

    def put(self, guild_id: int | None, **columns: object) -> None:
        """Change settings."""
        self._session.execute(
            insert_into(self._session, GuildModerationRow)
            .values(guild_id=guild_id or DIRECT_MESSAGES, **columns)
            .on_conflict_do_update(index_elements=["guild_id"], set_=columns)
        )

    def count_checked(self) -> int:
        """How many guilds want their pictures checked."""
        wanted = select(func.count()).where(GuildModerationRow.image_check != "off")
        return self._session.scalar(wanted) or 0

    def all(self) -> tuple[GuildModerationRow, ...]:
        """Every guild's settings."""
        return tuple(self._session.scalars(select(GuildModerationRow)))
