"""Waiting, running and finished prompts."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

HISTORY_LIMIT: Final = 10_000
"""Entries kept, a real server's limit."""
SENSITIVE: Final = ("auth_token_comfy_org", "api_key_comfy_org")
"""Keys of extra_data that hold secrets and are never returned."""


def now_ms() -> int:
    """Return the time as ComfyUI stamps it."""
    return int(time.time() * 1000)


@dataclass(eq=False)
class Job:
    """A prompt that was accepted."""

    number: float
    prompt_id: str
    graph: Mapping[str, Any]
    extra_data: dict[str, Any]
    outputs_to_execute: list[str]
    create_time: int
    outputs: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def client_id(self) -> str | None:
        """The client id that gets the job's messages; None broadcasts them."""
        client_id: str | None = self.extra_data.get("client_id")
        return client_id

    @property
    def ending(self) -> str | None:
        """The kind of the message it ended with."""
        kind = self.messages[-1][0] if self.messages else None
        return kind if kind not in {"execution_start", "execution_cached"} else None

    def as_tuple(self) -> list[Any]:
        """Return it as /queue and /history show it."""
        shown = {key: value for key, value in self.extra_data.items() if key not in SENSITIVE}
        return [self.number, self.prompt_id, self.graph, shown, self.outputs_to_execute]

    def as_history(self) -> dict[str, Any]:
        """Return its entry in /history."""
        return {
            "prompt": self.as_tuple(),
            "outputs": self.outputs,
            "status": self.status(),
            "meta": self.meta,
        }

    def status(self) -> dict[str, Any]:
        """Return how it went, as /history says it."""
        succeeded = self.ending == "execution_success"
        return {
            "status_str": "success" if succeeded else "error",
            "completed": succeeded,
            "messages": [list(message) for message in self.messages],
        }


@dataclass
class JobStore:
    """The queue and the history; a restart begins with an empty one."""

    pending: list[Job] = field(default_factory=list)
    running: Job | None = None
    history: dict[str, Job] = field(default_factory=dict)
    next_number: int = 0

    @property
    def remaining(self) -> int:
        """How many prompts are waiting or running."""
        return len(self.pending) + (self.running is not None)

    def put(self, job: Job) -> None:
        """Add a prompt where its number belongs; equal numbers are ordered by id."""
        self.pending.append(job)
        self.pending.sort(key=lambda waiting: (waiting.number, waiting.prompt_id))

    def take(self) -> Job | None:
        """Move the first waiting prompt to running."""
        self.running = self.pending.pop(0) if self.pending else None
        return self.running

    def delete(self, prompt_id: str) -> bool:
        """Remove a waiting prompt; it leaves no trace."""
        for job in self.pending:
            if job.prompt_id == prompt_id:
                self.pending.remove(job)
                return True
        return False

    def finish(self, job: Job) -> None:
        """Move the running prompt to the history."""
        self.running = None
        while len(self.history) >= HISTORY_LIMIT:
            del self.history[next(iter(self.history))]
        self.history.pop(job.prompt_id, None)
        self.history[job.prompt_id] = job

    def entries(self, max_items: int | None, offset: int) -> dict[str, Any]:
        """Return the history as GET /history does: the newest when no offset is given."""
        jobs = list(self.history.values())
        if offset < 0 and max_items is not None:
            offset = len(jobs) - max_items
        first = max(offset, 0)
        last = len(jobs) if max_items is None else max(first + max_items, 0)
        chosen = jobs[first:last] if max_items is None or max_items > 0 else []
        return {job.prompt_id: job.as_history() for job in chosen}
