"""Flags of generations: reports, and findings of filters. Nothing here commits."""

from datetime import datetime

from sqlalchemy import select

from db.repositories.repository import Repository
from db.tables import FlagRow


class FlagRepository(Repository):
    """Flags of generations."""

    def add(self, generation_id: str, **columns: object) -> None:
        """Flag a generation."""
        self._add(FlagRow(generation_id=generation_id, **columns))

    def of_generation(self, generation_id: str) -> tuple[FlagRow, ...]:
        """Return all flags of a generation, oldest first."""
        return self._list(
            select(FlagRow).where(FlagRow.generation_id == generation_id).order_by(FlagRow.id)
        )

    def count_by(self, actor_id: int, since: datetime) -> int:
        """Count the flags that one person raised since then."""
        return self._count(FlagRow, FlagRow.actor_id == actor_id, FlagRow.at >= since)
