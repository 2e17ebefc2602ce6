"""Watched words of guilds. Nothing here commits."""

from sqlalchemy import delete, func, select

from db.repositories.repository import Repository
from db.tables import DIRECT_MESSAGES, WatchedWordRow


class WatchedWordRepository(Repository):
    """The watched words of guilds."""

    def of_guild(self, guild_id: int | None) -> tuple[WatchedWordRow, ...]:
        """Return all words of a guild, oldest first."""
        return self._list(
            select(WatchedWordRow)
            .where(WatchedWordRow.guild_id == (guild_id or DIRECT_MESSAGES))
            .order_by(WatchedWordRow.id)
        )

    def add(self, guild_id: int | None, pattern: str, **columns: object) -> WatchedWordRow:
        """Add a word, or replace the one with the same pattern."""
        self.remove(guild_id, pattern)
        return self._add(
            WatchedWordRow(guild_id=guild_id or DIRECT_MESSAGES, pattern=pattern, **columns)
        )

    def remove(self, guild_id: int | None, pattern: str) -> bool:
        """Delete a word. Return False if there was none."""
        is_it = (
            WatchedWordRow.guild_id == (guild_id or DIRECT_MESSAGES),
            func.lower(WatchedWordRow.pattern) == pattern.lower(),
        )
        return self._change(delete(WatchedWordRow).where(*is_it)) > 0
