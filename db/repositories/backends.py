"""Backends: their starts, their use, those drained by operators, and jobs on hosted services.

Nothing here commits.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, or_, select, update

from db.base import table_of
from db.dialect import insert_into
from db.repositories.repository import Repository
from db.tables import (
    FAILED,
    FINAL_STATES,
    RUNNING,
    BackendPowerRow,
    DrainedBackendRow,
    GenerationRow,
    SentJobRow,
)

JOBS_KEPT = timedelta(days=30)
"""Age at which sent jobs are deleted, at the next submission; no generation lasts as long."""

LONGEST_RUN = timedelta(days=1)
"""Time before a period in which requests of the period's runs are searched."""

_ROWS = table_of(GenerationRow).c


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
                _ROWS.created_at >= since - LONGEST_RUN,
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


class SentJobRepository(Repository):
    """Submitted prompt ids, and their jobs."""

    def find(self, prompt_id: str) -> SentJobRow | None:
        """Return the submission of a prompt id."""
        return self._session.get(SentJobRow, prompt_id)

    def add_sending(self, prompt_id: str, at: datetime) -> None:
        """Record a submission; a repetition is counted, and keeps the first date."""
        self._session.execute(delete(SentJobRow).where(SentJobRow.sent_at < at - JOBS_KEPT))
        self._session.execute(
            insert_into(self._session, SentJobRow)
            .values(prompt_id=prompt_id, sent_at=at, sendings=1)
            .on_conflict_do_update(
                index_elements=[SentJobRow.prompt_id], set_={"sendings": SentJobRow.sendings + 1}
            )
        )

    def set_job(self, prompt_id: str, job_id: str) -> None:
        """Record the job of a prompt id."""
        self._session.execute(
            update(SentJobRow).where(SentJobRow.prompt_id == prompt_id).values(job_id=job_id)
        )

    def remove(self, prompt_id: str) -> None:
        """Delete a prompt id for which nothing ran."""
        self._delete(SentJobRow, prompt_id=prompt_id)
