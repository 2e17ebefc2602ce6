"""Reported problems. Nothing here commits."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select

from db.repositories.repository import Repository
from db.tables import AlertRow


class AlertRepository(Repository):
    """Problems that were reported to the operator and are not over, by key."""

    def reported(self) -> frozenset[str]:
        """Return the keys of all of them."""
        return frozenset(self._list(select(AlertRow.key)))

    def add(self, key: str, at: datetime) -> None:
        """Record that a problem was reported."""
        self._put(AlertRow, {"key": key}, {"told_at": at})

    def remove(self, keys: Collection[str]) -> None:
        """Delete some of them."""
        self._change(delete(AlertRow).where(AlertRow.key.in_(keys)))
