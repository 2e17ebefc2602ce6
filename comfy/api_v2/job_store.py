"""Memory of what was sent to services that choose the ids of their jobs themselves."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SentJob:
    """A prompt id that was sent: when first, how often, and the service's job id once known."""

    sent_at: datetime
    sendings: int = 1
    job_id: str | None = None


class JobStore(Protocol):
    """Keeps what was sent, so that a crash at any point neither loses a job nor pays it twice.

    Every method returns only when its change is durable.
    """

    async def find(self, prompt_id: str) -> SentJob | None:
        """Return what was sent under a prompt id, if anything."""

    async def remember_sending(self, prompt_id: str, at: datetime) -> None:
        """Record that it is about to be sent; a further time counts, and keeps the first date."""

    async def remember_job(self, prompt_id: str, job_id: str) -> None:
        """Record the job id that the service answered with."""

    async def forget(self, prompt_id: str) -> None:
        """Drop the record: the service answered that it runs nothing."""


class MemoryJobStore:
    """A JobStore that lasts as long as the process, for callers that can bear to lose jobs."""

    def __init__(self) -> None:
        self._sent: dict[str, SentJob] = {}

    async def find(self, prompt_id: str) -> SentJob | None:
        """Return what was sent under a prompt id, if anything."""
        return self._sent.get(prompt_id)

    async def remember_sending(self, prompt_id: str, at: datetime) -> None:
        """Record that it is about to be sent."""
        sent = self._sent.get(prompt_id)
        again = replace(sent, sendings=sent.sendings + 1) if sent else None
        self._sent[prompt_id] = again or SentJob(at)

    async def remember_job(self, prompt_id: str, job_id: str) -> None:
        """Record the job id that the service answered with."""
        self._sent[prompt_id] = replace(self._sent[prompt_id], job_id=job_id)

    async def forget(self, prompt_id: str) -> None:
        """Drop the record."""
        self._sent.pop(prompt_id, None)
