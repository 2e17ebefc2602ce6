"""Record of jobs on hosted services, which choose the job ids themselves."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SentJob:
    """A submitted prompt id: when first, how often, and the job id once known."""

    sent_at: datetime
    sendings: int = 1
    job_id: str | None = None


class JobStore(Protocol):
    """Stores submissions, so that a crash at any point neither loses a job nor pays for it twice.

    Every method returns only when its change is durable.
    """

    async def find(self, prompt_id: str) -> SentJob | None:
        """Return the submission of a prompt id, if there is one."""

    async def remember_sending(self, prompt_id: str, at: datetime) -> None:
        """Record a submission before it is sent; repetitions keep the first date."""

    async def remember_job(self, prompt_id: str, job_id: str) -> None:
        """Record the job id in the service's response."""

    async def forget(self, prompt_id: str) -> None:
        """Delete the record: the service answered that nothing runs."""


class MemoryJobStore:
    """A JobStore in memory, for callers that tolerate lost jobs."""

    def __init__(self) -> None:
        self._sent: dict[str, SentJob] = {}

    async def find(self, prompt_id: str) -> SentJob | None:
        """Return the submission of a prompt id, if there is one."""
        return self._sent.get(prompt_id)

    async def remember_sending(self, prompt_id: str, at: datetime) -> None:
        """Record a submission before it is sent."""
        sent = self._sent.get(prompt_id)
        again = replace(sent, sendings=sent.sendings + 1) if sent else None
        self._sent[prompt_id] = again or SentJob(at)

    async def remember_job(self, prompt_id: str, job_id: str) -> None:
        """Record the job id in the service's response."""
        self._sent[prompt_id] = replace(self._sent[prompt_id], job_id=job_id)

    async def forget(self, prompt_id: str) -> None:
        """Drop the record."""
        self._sent.pop(prompt_id, None)
