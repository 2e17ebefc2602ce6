"""Hashes of blocked pictures. Nothing here commits."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select

from db.dialect import insert_into
from db.repositories.repository import Repository
from db.tables import BlockedPictureRow


class BlockedPictureRepository(Repository):
    """The pictures that one guild blocked, or with the id EVERYWHERE all guilds."""

    def hashes(self, guild_id: int) -> tuple[str, ...]:
        """Return all hashes of a list."""
        return self._list(
            select(BlockedPictureRow.hash).where(BlockedPictureRow.guild_id == guild_id)
        )

    def page(self, guild_id: int, limit: int | None = None) -> tuple[BlockedPictureRow, ...]:
        """Return the newest entries of a list, newest first; all without a limit."""
        return self._list(
            select(BlockedPictureRow)
            .where(BlockedPictureRow.guild_id == guild_id)
            .order_by(BlockedPictureRow.id.desc())
            .limit(limit)
        )

    def count(self, guild_id: int) -> int:
        """Count the entries of a list."""
        return self._count(BlockedPictureRow, BlockedPictureRow.guild_id == guild_id)

    def add(self, guild_id: int, reasons: Mapping[str, str], actor_id: int, at: datetime) -> None:
        """Add these hashes with their reasons; those that are in the list stay as they are."""
        rows = [
            {"guild_id": guild_id, "hash": hash_, "reason": reason, "actor_id": actor_id, "at": at}
            for hash_, reason in reasons.items()
        ]
        statement = insert_into(self._session, BlockedPictureRow).on_conflict_do_nothing()
        self._session.execute(statement, rows)

    def remove(self, guild_id: int, id: int) -> bool:  # noqa: A002 - the column's name
        """Delete an entry. Return False if it is not in this list."""
        return self._delete(BlockedPictureRow, guild_id=guild_id, id=id)
