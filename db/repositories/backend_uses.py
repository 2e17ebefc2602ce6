"""Recent runs by backend. Read only."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, select

from db.base import table_of
from db.repositories.repository import Repository
from db.tables import FAILED, FINAL_STATES, RUNNING, GenerationRow

LONGEST = timedelta(days=1)
"""Time before a period in which requests of the period's runs are searched."""

_ROWS = table_of(GenerationRow).c


class RunRow(NamedTuple):
    """A run that ended, successfully or not."""

    backend: str
    gpu_ms: int | None
    started_at: datetime
    finished_at: datetime


class FailureRow(NamedTuple):
    """A generation that failed on a backend."""

    failure_kind: str
    finished_at: datetime


class BackendUseRepository(Repository):
    """Generations by the backend they ran on."""

    def count_running(self) -> dict[str, int]:
        """Count the running generations of each backend, of all processes."""
        return self._pairs(
            select(_ROWS.backend, func.count())
            .where(_ROWS.state == RUNNING, _ROWS.backend.is_not(None))
            .group_by(_ROWS.backend)
        )

    def ended_since(self, since: datetime) -> Sequence[RunRow]:
        """Return every run that ended since then."""
        rows = self._session.execute(
            select(*(_ROWS[name] for name in RunRow._fields)).where(
                _ROWS.state.in_(FINAL_STATES),
                _ROWS.created_at >= since - LONGEST,
                _ROWS.finished_at >= since,
                _ROWS.started_at.is_not(None),
                _ROWS.backend.is_not(None),
            )
        )
        return [RunRow._make(row) for row in rows]

    def last_failure(self, backend: str, since: datetime) -> FailureRow | None:
        """Return the newest failure on a backend among requests since then."""
        newest = self._session.execute(
            select(*(_ROWS[name] for name in FailureRow._fields))
            .where(
                _ROWS.state == FAILED,
                _ROWS.backend == backend,
                _ROWS.created_at >= since,
                _ROWS.failure_kind.is_not(None),
            )
            .order_by(_ROWS.created_at.desc())
            .limit(1)
        ).first()
        return FailureRow._make(newest) if newest else None
