"""Backends that operators have drained. Nothing here commits."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.dialect import insert_into
from db.tables import DrainedBackendRow


class DrainRepository:
    """Backends that take nothing new."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def drained(self) -> tuple[DrainedBackendRow, ...]:
        """Every one of them, by name."""
        found = self._session.scalars(select(DrainedBackendRow).order_by(DrainedBackendRow.name))
        return tuple(found)

    def drain(self, name: str, *, actor_id: int, now: datetime) -> bool:
        """Give it nothing new; False when that was so already."""
        added = self._session.scalar(
            insert_into(self._session, DrainedBackendRow)
            .values(name=name, drained_by=actor_id, drained_at=now)
            .on_conflict_do_nothing()
            .returning(DrainedBackendRow.name)
        )
        return added is not None

    def resume(self, name: str) -> bool:
        """Let it work again; False when it did already."""
        gone = self._session.scalars(
            delete(DrainedBackendRow)
            .where(DrainedBackendRow.name == name)
            .returning(DrainedBackendRow.name)
        )
        return bool(gone.all())
