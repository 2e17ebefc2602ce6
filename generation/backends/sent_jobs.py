"""Durable memory of what was sent to services that choose the ids of their jobs themselves."""

from datetime import datetime

from comfy.api_v2.job_store import SentJob
from db.database import Database, Session
from db.repositories.sent_jobs import SentJobRepository


class SentJobs:
    """A JobStore in the database. Every method raises DatabaseError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, prompt_id: str) -> SentJob | None:
        """Return what was sent under a prompt id, if anything."""

        def query(session: Session) -> SentJob | None:
            row = SentJobRepository(session).find(prompt_id)
            return SentJob(row.sent_at, row.sendings, row.job_id) if row else None

        return await self._database.read(query)

    async def remember_sending(self, prompt_id: str, at: datetime) -> None:
        """Record that it is about to be sent; a further time counts, and keeps the first date."""
        await self._database.write(lambda s: SentJobRepository(s).add_sending(prompt_id, at))

    async def remember_job(self, prompt_id: str, job_id: str) -> None:
        """Record the job id that the service answered with."""
        await self._database.write(lambda s: SentJobRepository(s).set_job(prompt_id, job_id))

    async def forget(self, prompt_id: str) -> None:
        """Drop the record: the service answered that it runs nothing."""
        await self._database.write(lambda s: SentJobRepository(s).remove(prompt_id))
