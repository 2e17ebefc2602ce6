"""Registry of followed runs, which routes messages to them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from comfy.protocol.messages import (
    ExecutionError,
    ExecutionInterrupted,
    ExecutionSuccess,
    Message,
    NodeExecuting,
    PreviewFrame,
    TextFrame,
)
from comfy.run import Run

_ENDINGS = (ExecutionSuccess, ExecutionError, ExecutionInterrupted)


class FollowedRuns:
    """Runs by prompt id; all followers of one prompt id get every message."""

    def __init__(self) -> None:
        self._runs: dict[str, list[Run]] = {}
        self._executing: str | None = None
        self._any = asyncio.Event()

    def __iter__(self) -> Iterator[Run]:
        """Iterate over a copy of all runs, since followers come and go meanwhile."""
        return iter([run for runs in self._runs.values() for run in runs])

    def __bool__(self) -> bool:
        return bool(self._runs)

    @contextmanager
    def following(self, run: Run) -> Iterator[None]:
        """Route messages to this run for as long as the context lasts."""
        self._runs.setdefault(run.prompt_id, []).append(run)
        self._any.set()
        try:
            yield
        finally:
            siblings = self._runs[run.prompt_id]
            siblings.remove(run)
            if not siblings:
                del self._runs[run.prompt_id]
            if not self._runs:
                self._any.clear()

    async def wait_any(self) -> None:
        """Wait until a run is followed."""
        await self._any.wait()

    def get(self, prompt_id: str) -> list[Run]:
        """Return the followers of a prompt id, possibly none."""
        return list(self._runs.get(prompt_id, ()))

    def report_to(self, client_id: str) -> bool:
        """Return whether the backend sends messages about any of them to this client id."""
        return any(run.client_id == client_id and not run.is_ended for run in self)

    def is_submitting(self, prompt_id: str) -> bool:
        """Return whether a submission is in progress, of which the backend may not know yet."""
        return any(not run.is_submitted for run in self.get(prompt_id))

    def fail(self, error: Exception) -> None:
        """End every run with this error."""
        for run in self:
            run.mailbox.fail(error)

    def note_new_connection(self) -> bool:
        """Record that messages may have been missed; return whether any run was waiting."""
        self._executing = None
        deprived = [run for run in self if run.client_id is not None or run.is_submitted]
        for run in deprived:
            run.may_have_missed = True
        return bool(deprived)

    def route(self, message: Message, *, client_id: str, now: float) -> None:
        """Pass a message to the runs it belongs to, if any."""
        prompt_id = getattr(message, "prompt_id", None)
        if prompt_id is None:
            prompt_id = self._find_owner(message, client_id)
        else:
            self._note_executing(message, prompt_id)
        followers = self._runs.get(prompt_id) if prompt_id else None
        for run in followers or ():
            run.client_id = client_id
            run.receive(message, now)

    def _note_executing(self, message: Message, prompt_id: str) -> None:
        """Record the running graph, which the server names before its first preview."""
        is_over = isinstance(message, _ENDINGS) or (
            isinstance(message, NodeExecuting) and message.node_id is None
        )
        if not is_over:
            self._executing = prompt_id
        elif self._executing == prompt_id:
            self._executing = None

    def _find_owner(self, message: Message, client_id: str) -> str | None:
        match message:
            case PreviewFrame() | TextFrame():
                # Previews without negotiated metadata do not name their run.
                return self._executing
            case NodeExecuting(node_id=str() as node_id):
                return self._find_reconnected(node_id, client_id)
            case _:
                return None

    def _find_reconnected(self, node_id: str, client_id: str) -> str | None:
        """Return the run of a message without prompt id, sent after a reconnect, if certain."""
        candidates = {
            run.prompt_id
            for run in self
            if run.client_id == client_id and run.is_started and node_id in run.graph
        }
        return candidates.pop() if len(candidates) == 1 else None
