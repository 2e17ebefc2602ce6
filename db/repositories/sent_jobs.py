"""What was sent to services that choose their jobs' ids. Nothing here commits."""

from datetime import datetime, timedelta

from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from db.dialect import insert_into
from db.tables import SentJobRow

KEPT = timedelta(days=30)
"""No generation lasts nearly as long; what is older is deleted when something is sent."""


class SentJobRepository:
    """Prompt ids that were sent, and the jobs they became."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, prompt_id: str) -> SentJobRow | None:
        """Return what was sent under a prompt id."""
        return self._session.get(SentJobRow, prompt_id)

    def add_sending(self, prompt_id: str, at: datetime) -> None:
        """Record a sending; a further one of the same prompt id counts, and keeps the date."""
        self._session.execute(delete(SentJobRow).where(SentJobRow.sent_at < at - KEPT))
        self._session.execute(
            insert_into(self._session, SentJobRow)
            .values(prompt_id=prompt_id, sent_at=at, sendings=1)
            .on_conflict_do_update(
                index_elements=[SentJobRow.prompt_id], set_={"sendings": SentJobRow.sendings + 1}
            )
        )

    def set_job(self, prompt_id: str, job_id: str) -> None:
        """Record the job that a prompt id became."""
        self._session.execute(
            update(SentJobRow).where(SentJobRow.prompt_id == prompt_id).values(job_id=job_id)
        )

    def remove(self, prompt_id: str) -> None:
        """Forget a prompt id, of which nothing ran."""
        self._session.execute(delete(SentJobRow).where(SentJobRow.prompt_id == prompt_id))
