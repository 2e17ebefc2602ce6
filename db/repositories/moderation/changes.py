"""The recorded state changes of a generation. Nothing here commits."""

from sqlalchemy import select

from db.repositories.repository import Repository
from db.tables import ChangeRow


class ChangeRepository(Repository):
    """State changes of generations."""

    def of_generation(self, generation_id: str) -> tuple[ChangeRow, ...]:
        """Return all changes of a generation, oldest first."""
        return self._list(
            select(ChangeRow).where(ChangeRow.generation_id == generation_id).order_by(ChangeRow.id)
        )
