"""Backends that are being started. Nothing here commits."""

from datetime import datetime

from sqlalchemy import or_, select, update

from db.dialect import insert_into
from db.repositories.repository import Repository
from db.tables import BackendPowerRow


class BackendPowerRepository(Repository):
    """Starts of backends, by name."""

    def list(self) -> tuple[BackendPowerRow, ...]:
        """Return all rows."""
        return self._list(select(BackendPowerRow))

    def begin(self, name: str, generation_id: str, *, now: datetime, stale: datetime) -> bool:
        """Claim a start. Return False if it was claimed since `stale`."""
        self._session.execute(
            insert_into(self._session, BackendPowerRow).values(name=name).on_conflict_do_nothing()
        )
        since = BackendPowerRow.waking_since
        return (
            self._change(
                update(BackendPowerRow)
                .where(BackendPowerRow.name == name, or_(since.is_(None), since < stale))
                .values(waking_since=now, generation_id=generation_id)
            )
            > 0
        )

    def end(self, name: str, **columns: object) -> None:
        """Record the end of a start or a failure, with the given columns."""
        self._put(
            BackendPowerRow, {"name": name}, {"waking_since": None, "generation_id": None} | columns
        )
