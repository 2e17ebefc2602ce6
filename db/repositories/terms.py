"""Watched words of guilds. Nothing here commits."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import DIRECT_MESSAGES, TermRow


class TermRepository:
    """What a guild watches for."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of_guild(self, guild_id: int | None) -> tuple[TermRow, ...]:
        """All of a guild, oldest first."""
        found = self._session.scalars(
            select(TermRow)
            .where(TermRow.guild_id == (guild_id or DIRECT_MESSAGES))
            .order_by(TermRow.id)
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
    ) -> TermRow:
        """Watch for one more, or do something else about one that is watched for."""
        self.remove(guild_id, pattern)
        row = TermRow(
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
        """Watch for it no longer; False when it was not watched for."""
        found = self._session.scalars(
            select(TermRow).where(
                TermRow.guild_id == (guild_id or DIRECT_MESSAGES),
                func.lower(TermRow.pattern) == pattern.lower(),
            )
        )
        rows = found.all()
        for row in rows:
            self._session.delete(row)
        self._session.flush()
        return bool(rows)
