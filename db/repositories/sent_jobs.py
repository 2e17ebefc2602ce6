"""Jobs that were sent to hosted services. Nothing here commits."""

from datetime import datetime, timedelta

from sqlalchemy import delete, update

from db.dialect import insert_into
from db.repositories.repository import Repository
from db.tables import SentJobRow

KEPT = timedelta(days=30)
"""Age at which rows are deleted, with the next submission; no generation lasts nearly as long."""


class SentJobRepository(Repository):
    """Submitted prompt ids, and their jobs."""

    def find(self, prompt_id: str) -> SentJobRow | None:
        """Return the submission of a prompt id."""
        return self._session.get(SentJobRow, prompt_id)

    def add_sending(self, prompt_id: str, at: datetime) -> None:
        """Record a submission; a repetition is counted, and keeps the first date."""
        self._session.execute(delete(SentJobRow).where(SentJobRow.sent_at < at - KEPT))
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
