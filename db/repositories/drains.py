"""Backends that operators have drained. Nothing here commits."""

from datetime import datetime

from sqlalchemy import delete, select

from db.dialect import insert_into
from db.repositories.repository import Repository
from db.tables import DrainedBackendRow


class DrainRepository(Repository):
    """Drained backends, which take no new runs."""

    def drained(self) -> tuple[DrainedBackendRow, ...]:
        """Return all drained backends, by name."""
        return self._list(select(DrainedBackendRow).order_by(DrainedBackendRow.name))

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
        return self._change(delete(DrainedBackendRow).where(DrainedBackendRow.name == name)) > 0
