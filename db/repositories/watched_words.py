"""Watched words of guilds. Nothing here commits."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import DIRECT_MESSAGES, WatchedWordRow


class WatchedWordRepository:
    """The watched words of guilds."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of_guild(self, guild_id: int | None) -> tuple[WatchedWordRow, ...]:
        """Return all words of a guild, oldest first."""
        found = self._session.scalars(
            select(WatchedWordRow)
            .where(WatchedWordRow.guild_id == (guild_id or DIRECT_MESSAGES))
            .order_by(WatchedWordRow.id)
        )
        return tuple(found)

    def add(
        self,
        guild_id: int | None,
        *,
        pattern: str,
        is_expression: bool,
        action: str,
        actor_id: int,
        at: datetime,
    ) -> WatchedWordRow:
        """Add a word, or replace the one with the same pattern."""
        self.remove(guild_id, pattern)
        row = WatchedWordRow(
            guild_id=guild_id or DIRECT_MESSAGES,
            pattern=pattern,
            is_expression=is_expression,
            action=action,
            actor_id=actor_id,
            at=at,
        )
        self._session.add(row)
        self._session.flush()
        return row

    def remove(self, guild_id: int | None, pattern: str) -> bool:
        """Delete a word. Return False if there was none."""
        found = self._session.scalars(
            select(WatchedWordRow).where(
                WatchedWordRow.guild_id == (guild_id or DIRECT_MESSAGES),
                func.lower(WatchedWordRow.pattern) == pattern.lower(),
            )
        )
        rows = found.all()
        for row in rows:
            self._session.delete(row)
        self._session.flush()
        return bool(rows)
