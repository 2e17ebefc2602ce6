"""Wildcard lists of guilds. A guild id of None is direct messages. Nothing here commits."""

from datetime import datetime

from sqlalchemy import select

from db.repositories.repository import Repository
from db.tables import DIRECT_MESSAGES, WildcardListRow


class WildcardRepository(Repository):
    """Lists by name, read and written in one transaction."""

    def all(self, guild_id: int | None) -> dict[str, str]:
        """Return the lines of every list of a guild, by name."""
        return self._pairs(
            select(WildcardListRow.name, WildcardListRow.lines)
            .where(WildcardListRow.guild_id == (guild_id or DIRECT_MESSAGES))
            .order_by(WildcardListRow.name)
        )

    def set(self, guild_id: int | None, name: str, lines: str, *, now: datetime) -> None:
        """Store lines under a name, replacing an earlier list."""
        key = {"guild_id": guild_id or DIRECT_MESSAGES, "name": name}
        self._put(WildcardListRow, key, {"lines": lines, "updated_at": now})

    def delete(self, guild_id: int | None, name: str) -> bool:
        """Delete a list. Return False if there is none of that name."""
        return self._delete(WildcardListRow, guild_id=guild_id or DIRECT_MESSAGES, name=name)
