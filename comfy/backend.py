"""The contract of backends, which run graphs."""

import re
import uuid
from collections.abc import AsyncGenerator, Mapping
from enum import StrEnum
from typing import Any, Protocol

from comfy.protocol.events import OutputFile, RunEvent
from comfy.protocol.object_info import ObjectInfo
from comfy.protocol.responses import BackendDescription

Graph = Mapping[str, Mapping[str, Any]]
"""API-format JSON: node id -> {"class_type": ..., "inputs": {...}}."""

STALL_AFTER_S = 600.0
"""Seconds without a sign of life after which a run is ended that the backend calls running."""

_EXTENSION = re.compile(r"[a-z0-9]{1,8}", re.ASCII)


class CancelOutcome(StrEnum):
    """Outcome of a cancellation, as verified with the backend."""

    CANCELLED = "cancelled"
    ALREADY_ENDED = "already_ended"
    UNKNOWN = "unknown"


class Backend(Protocol):
    """Runs graphs. Used from one event loop; every call may raise ComfyError."""

    @property
    def name(self) -> str:
        """The operator's name for the backend, shown to people."""

    @property
    def is_reachable(self) -> bool:
        """Whether the last request was answered. Sends no request."""

    async def open(self) -> None:
        """Start listening, with retries while it is unreachable. Returns at once."""

    async def close(self) -> None:
        """Stop listening and end open runs with BackendUnreachable. May be called twice."""

    async def fetch_description(self) -> BackendDescription:
        """Ask for version and devices."""

    async def fetch_object_info(self, *, refresh: bool = False) -> ObjectInfo:
        """Return node classes with their inputs and model lists; cached unless `refresh`."""

    async def fetch_load(self) -> int | None:
        """Return how many graphs of all clients run or wait there; None if it does not tell."""

    async def upload_image(self, content: bytes, *, extension: str) -> str:
        """Store a picture under a name derived from its content; return the value for LoadImage.

        `extension` without a dot, such as "png". Uploading the same bytes again is harmless.
        """

    def run(
        self,
        graph: Graph,
        prompt_id: str | None = None,
        *,
        previews: bool = True,
        is_new: bool = False,
        stall_after_s: float = STALL_AFTER_S,
    ) -> AsyncGenerator[RunEvent, None]:
        """Run the graph and follow it to its end; the last event is Succeeded.

        Without `prompt_id`, a UUID in lower case, it is a new run. With one it is re-entrant: a
        prompt id that the backend knows (waiting, running or ended) is re-attached, only an unknown
        one is submitted. `is_new` says that it was never submitted, which saves the look-up. A run
        that the backend calls running and that shows no sign of life for `stall_after_s` ends with
        RunStalled; waiting behind others is a sign of life. Close the generator when leaving early
        (contextlib.aclosing); the run itself continues. A slow consumer loses previews and steps,
        never other events.
        """

    async def fetch_output(self, output: OutputFile, *, max_bytes: int) -> bytes:
        """Download one result. Raises OutputGone, or BackendRefused if it is larger."""

    async def cancel(self, prompt_id: str) -> CancelOutcome:
        """Stop this prompt id and no other, waiting or running, and verify that it stopped.

        Raises RunStalled if it still runs after a minute.
        """


def check_prompt_id(prompt_id: str | None) -> str:
    """Return the prompt id, or a new one for None. Raises ValueError if it is invalid."""
    if prompt_id is None:
        return str(uuid.uuid4())
    if str(uuid.UUID(prompt_id)) != prompt_id:
        raise ValueError("A prompt id must be a UUID in lower case with hyphens.")
    return prompt_id


def check_extension(extension: str) -> None:
    """Raise ValueError unless it is a file extension such as "png"."""
    if not _EXTENSION.fullmatch(extension):
        raise ValueError(f"{extension!r} is no file extension.")
