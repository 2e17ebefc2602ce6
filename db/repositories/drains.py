"""Backends that operators have drained. Nothing here commits."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.dialect import insert_into
from db.tables import DrainedBackendRow


class DrainRepository:
    """Drained backends, which take no new runs."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def drained(self) -> tuple[DrainedBackendRow, ...]:
        """Every one of them, by name."""
        found = self._session.scalars(select(DrainedBackendRow).order_by(DrainedBackendRow.name))
        return tuple(found)

    def drain(self, name: str, *, actor_id: int, now: datetime) -> bool:
        """Drain a backend. Return False if it was drained already."""
        added = self._session.scalar(
            insert_into(self._session, DrainedBackendRow)
            .values(name=name, drained_by=actor_id, drained_at=now)
            .on_conflict_do_nothing()
            .returning(DrainedBackendRow.name)
        )
        return added is not None

    def resume(self, name: str) -> bool:
        """Resume a backend. Return False if it was not drained."""
        gone = self._session.scalars(
            delete(DrainedBackendRow)
            .where(DrainedBackendRow.name == name)
            .returning(DrainedBackendRow.name)
        )
        return bool(gone.all())
