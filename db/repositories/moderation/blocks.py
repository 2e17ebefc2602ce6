"""Blocks of people in guilds. Nothing here commits."""

from datetime import datetime

from sqlalchemy import Select, select

from db.repositories.repository import Repository
from db.tables import DIRECT_MESSAGES, BlockRow

EVERYWHERE = -1
"""Guild id of blocks that apply in every guild and in direct messages."""


class BlockRepository(Repository):
    """Blocked people. A guild id of None is direct messages."""

    def put(self, user_id: int, guild_id: int | None, **columns: object) -> None:
        """Block a person, replacing an earlier block."""
        key = {"user_id": user_id, "guild_id": guild_id or DIRECT_MESSAGES}
        self._put(BlockRow, key, columns)

    def find(self, user_id: int, guild_id: int | None, now: datetime) -> BlockRow | None:
        """Return the current block, here or everywhere."""
        return self._session.scalar(
            _hold(guild_id, now)
            .where(BlockRow.user_id == user_id)
            # EVERYWHERE sorts first: such a block counts before one of the guild.
            .order_by(BlockRow.guild_id)
            .limit(1)
        )

    def list_people(self, guild_id: int | None, now: datetime) -> tuple[int, ...]:
        """Return the ids of people who are blocked, here or everywhere."""
        return self._list(_hold(guild_id, now).with_only_columns(BlockRow.user_id))

    def remove(self, user_id: int, guild_id: int | None) -> bool:
        """Lift a block. Return False if there was none."""
        return self._delete(BlockRow, user_id=user_id, guild_id=guild_id or DIRECT_MESSAGES)

    def page(self, guild_id: int | None, now: datetime, limit: int) -> tuple[BlockRow, ...]:
        """Return current blocks, here or everywhere, newest first."""
        return self._list(_hold(guild_id, now).order_by(BlockRow.at.desc()).limit(limit))


def _hold(guild_id: int | None, now: datetime) -> Select[BlockRow]:
    return select(BlockRow).where(
        BlockRow.guild_id.in_((guild_id or DIRECT_MESSAGES, EVERYWHERE)),
        BlockRow.until.is_(None) | (BlockRow.until > now),
    )
