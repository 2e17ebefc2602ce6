"""Blocks of people in guilds. Nothing here commits."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.dialect import insert_into
from db.tables import DIRECT_MESSAGES, BlockRow


class BlockRepository:
    """Who is blocked. A guild id of None is direct messages."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(
        self,
        user_id: int,
        guild_id: int | None,
        *,
        reason: str,
        until: datetime | None,
        actor_id: int,
        at: datetime,
    ) -> None:
        """Block somebody, in place of an earlier block."""
        values = {"reason": reason, "until": until, "actor_id": actor_id, "at": at}
        self._session.execute(
            insert_into(self._session, BlockRow)
            .values(user_id=user_id, guild_id=guild_id or DIRECT_MESSAGES, **values)
            .on_conflict_do_update(index_elements=["user_id", "guild_id"], set_=values)
        )

    def find(self, user_id: int, guild_id: int | None, now: datetime) -> BlockRow | None:
        """The block that holds now."""
        row = self._session.get(
            BlockRow, (user_id, guild_id or DIRECT_MESSAGES), populate_existing=True
        )
        return row if row is not None and (row.until is None or row.until > now) else None

    def remove(self, user_id: int, guild_id: int | None) -> bool:
        """Lift a block; False when there was none."""
        row = self._session.get(BlockRow, (user_id, guild_id or DIRECT_MESSAGES))
        if row is None:
            return False
        self._session.delete(row)
        self._session.flush()
        return True

    def page(self, guild_id: int | None, now: datetime, limit: int) -> tuple[BlockRow, ...]:
        """Those that hold now, newest first."""
        found = self._session.scalars(
            select(BlockRow)
            .where(
                BlockRow.guild_id == (guild_id or DIRECT_MESSAGES),
                BlockRow.until.is_(None) | (BlockRow.until > now),
            )
            .order_by(BlockRow.at.desc())
            .limit(limit)
        )
        return tuple(found)
