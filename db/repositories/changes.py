"""The recorded state changes of a generation. Nothing here commits."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import ChangeRow


class ChangeRepository:
    """Every state that generations came to."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of_generation(self, generation_id: str) -> tuple[ChangeRow, ...]:
        """All of a generation, oldest first."""
        found = self._session.scalars(
            select(ChangeRow).where(ChangeRow.generation_id == generation_id).order_by(ChangeRow.id)
        )
        return tuple(found)
