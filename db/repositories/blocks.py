"""Blocks of people in guilds. Nothing here commits."""

from datetime import datetime

from sqlalchemy import delete, select

from db.repositories.repository import Repository
from db.tables import DIRECT_MESSAGES, BlockRow


class BlockRepository(Repository):
    """Who is blocked. A guild id of None is direct messages."""

    def put(self, user_id: int, guild_id: int | None, **columns: object) -> None:
        """Block somebody, in place of an earlier block."""
        key = {"user_id": user_id, "guild_id": guild_id or DIRECT_MESSAGES}
        self._put(BlockRow, key, columns)

    def find(self, user_id: int, guild_id: int | None, now: datetime) -> BlockRow | None:
        """The block that holds now."""
        row = self._session.get(
            BlockRow, (user_id, guild_id or DIRECT_MESSAGES), populate_existing=True
        )
        return row if row is not None and (row.until is None or row.until > now) else None

    def remove(self, user_id: int, guild_id: int | None) -> bool:
        """Lift a block; False when there was none."""
        is_it = (
            BlockRow.user_id == user_id,
            BlockRow.guild_id == (guild_id or DIRECT_MESSAGES),
        )
        return self._change(delete(BlockRow).where(*is_it)) > 0

    def page(self, guild_id: int | None, now: datetime, limit: int) -> tuple[BlockRow, ...]:
        """Those that hold now, newest first."""
        return self._list(
            select(BlockRow)
            .where(
                BlockRow.guild_id == (guild_id or DIRECT_MESSAGES),
                BlockRow.until.is_(None) | (BlockRow.until > now),
            )
            .order_by(BlockRow.at.desc())
            .limit(limit)
        )
