"""Appeals against blocks and refusals. Nothing here commits."""

from datetime import datetime

from sqlalchemy import select, update

from db.repositories.repository import Repository
from db.tables import AppealRow


class AppealRepository(Repository):
    """Appeals of guilds."""

    def add(self, row: AppealRow) -> None:
        """Record an appeal. Raises Conflict for a second one of this person and subject."""
        self._add(row)

    def is_known(self, guild_id: int, user_id: int, subject: str) -> bool:
        """Return whether this person has appealed in this matter."""
        own = (AppealRow.guild_id == guild_id, AppealRow.user_id == user_id)
        return bool(self._count(AppealRow, *own, AppealRow.subject == subject))

    def count_open(self, guild_id: int, user_id: int | None = None) -> int:
        """Count the open appeals of a guild, or of one person there."""
        wanted = [AppealRow.guild_id == guild_id, AppealRow.closed_at.is_(None)]
        if user_id is not None:
            wanted.append(AppealRow.user_id == user_id)
        return self._count(AppealRow, *wanted)

    def list_open(self, guild_id: int, limit: int) -> tuple[AppealRow, ...]:
        """Return the open appeals of a guild, oldest first."""
        return self._list(
            select(AppealRow)
            .where(AppealRow.guild_id == guild_id, AppealRow.closed_at.is_(None))
            .order_by(AppealRow.id)
            .limit(limit)
        )

    def close(self, guild_id: int, appeal_id: int, actor_id: int, at: datetime) -> bool:
        """Close an open appeal of this guild. Return False if there is none."""
        closed = (
            update(AppealRow)
            .where(AppealRow.id == appeal_id, AppealRow.guild_id == guild_id)
            .where(AppealRow.closed_at.is_(None))
            .values(closed_at=at, closed_by=actor_id)
        )
        return self._change(closed) > 0
