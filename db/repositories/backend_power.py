"""Backends that are being started. Nothing here commits."""

from datetime import datetime

from sqlalchemy import or_, select, update

from db.repositories.repository import Repository
from db.tables import BackendPowerRow


class BackendPowerRepository(Repository):
    """Starts of backends, by name."""

    def list(self) -> tuple[BackendPowerRow, ...]:
        """Return all rows."""
        return self._list(select(BackendPowerRow))

    def begin(self, name: str, generation_id: str, *, now: datetime, stale: datetime) -> bool:
        """Claim a start. Return False if it was claimed since `stale`."""
        self._add_missing(BackendPowerRow, name=name)
        since = BackendPowerRow.waking_since
        claimed = self._change(
            update(BackendPowerRow)
            .where(BackendPowerRow.name == name, or_(since.is_(None), since < stale))
            .values(waking_since=now, generation_id=generation_id)
        )
        return claimed > 0

    def end(self, name: str, **columns: object) -> None:
        """Record the end of a start or a failure, with the given columns."""
        self._put(
            BackendPowerRow, {"name": name}, {"waking_since": None, "generation_id": None} | columns
        )
