"""Backends that operators have drained. Nothing here commits."""

from datetime import datetime

from sqlalchemy import select

from db.repositories.repository import Repository
from db.tables import DrainedBackendRow


class DrainRepository(Repository):
    """Drained backends, which take no new runs."""

    def drained(self) -> tuple[DrainedBackendRow, ...]:
        """Return all drained backends, by name."""
        return self._list(select(DrainedBackendRow).order_by(DrainedBackendRow.name))

    def drain(self, name: str, *, actor_id: int, now: datetime) -> bool:
        """Drain a backend. Return False if it was drained already."""
        return self._add_missing(DrainedBackendRow, name=name, drained_by=actor_id, drained_at=now)

    def resume(self, name: str) -> bool:
        """Resume a backend. Return False if it was not drained."""
        return self._delete(DrainedBackendRow, name=name)
