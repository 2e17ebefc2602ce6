"""Durable record of jobs on hosted services, which choose the job ids themselves."""

from datetime import datetime

from comfy.api_v2.job_store import SentJob
from db.database import Session
from db.repositories.backends import SentJobRepository
from generation.transactions import Transactional, reads, writes


class SentJobs(Transactional):
    """A JobStore in the database. Every method raises DatabaseError."""

    @reads
    def find(self, session: Session, prompt_id: str) -> SentJob | None:
        """Return what was sent under a prompt id, if anything."""
        row = SentJobRepository(session).find(prompt_id)
        return SentJob(row.sent_at, row.sendings, row.job_id) if row else None

    @writes
    def remember_sending(self, session: Session, prompt_id: str, at: datetime) -> None:
        """Record that it is about to be sent; a repetition is counted and keeps the first date."""
        SentJobRepository(session).add_sending(prompt_id, at)

    @writes
    def remember_job(self, session: Session, prompt_id: str, job_id: str) -> None:
        """Record the job id that the service answered with."""
        SentJobRepository(session).set_job(prompt_id, job_id)

    @writes
    def forget(self, session: Session, prompt_id: str) -> None:
        """Drop the record: the service answered that it runs nothing."""
        SentJobRepository(session).remove(prompt_id)
