"""Parsing of /ws frames into typed messages. Nothing that a server sends raises here."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from comfy.protocol.events import Output
from comfy.protocol.outputs import parse_outputs
from comfy.protocol.snapshots import find_owner, find_running

MAX_METADATA_BYTES = 2**16
"""Bytes of a preview's metadata: it names a run and a node, and the newest ones are cached."""

MAX_TEXT_BYTES = 4096
"""Bytes of a text that a node shows while it runs; people see its beginning."""

_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

JPEG_MAGIC = b"\xff\xd8\xff"
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"

_PREVIEW_EVENT = 1
_TEXT_EVENT = 3
_PREVIEW_WITH_METADATA_EVENT = 4
"""Event type, the first big-endian word of a binary frame."""


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """Sent to every client whenever the queue changes; `client_id` only in the first message."""

    queue_remaining: int | None
    client_id: str | None


@dataclass(frozen=True, slots=True)
class FeatureFlags:
    """What the server can do; the answer to our own flags."""

    flags: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExecutionStart:
    """The graph started to run."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class ExecutionCached:
    """The nodes that will not run, because their results are cached."""

    prompt_id: str
    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class NodeExecuting:
    """A node runs; `node_id` None means that the run is over and recorded.

    After a reconnect it has no prompt id. `shown_as` is the node in the submitted graph, for nodes
    that the server created while expanding another.
    """

    prompt_id: str | None
    node_id: str | None
    shown_as: str | None


@dataclass(frozen=True, slots=True)
class StepProgress:
    """`value` of `maximum` steps within a node."""

    prompt_id: str | None
    node_id: str | None
    value: int
    maximum: int


@dataclass(frozen=True, slots=True)
class ProgressState:
    """A snapshot of the running nodes with their steps."""

    prompt_id: str
    running: tuple[StepProgress, ...]


@dataclass(frozen=True, slots=True)
class UnreadSnapshot:
    """A snapshot before decoding, because most contain nothing new for their run."""

    prompt_id: str
    frame: str = field(repr=False)

    def read(self) -> ProgressState:
        """Decode the snapshot; without nodes if it is malformed."""
        entries = find_running(self.frame)
        if entries is not None:
            nodes = ((entry["node_id"], entry) for entry in entries)
            return _build_snapshot(self.prompt_id, nodes)
        message = _parse_text(self.frame)
        return message if isinstance(message, ProgressState) else ProgressState(self.prompt_id, ())


@dataclass(frozen=True, slots=True)
class NodeExecuted:
    """A node with output has ended."""

    prompt_id: str
    node_id: str
    outputs: tuple[Output, ...]


@dataclass(frozen=True, slots=True)
class ExecutionSuccess:
    """The run succeeded; its record may appear a moment later."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class ExecutionError:
    """A node raised, and the run ended."""

    prompt_id: str
    node_id: str
    class_type: str
    exception_type: str
    exception_message: str


@dataclass(frozen=True, slots=True)
class ExecutionInterrupted:
    """The run was stopped."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class PreviewFrame:
    """A picture; without prompt id and node id unless preview metadata was negotiated."""

    prompt_id: str | None
    node_id: str | None
    media_type: str
    image: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class TextFrame:
    """Text that a node shows while it runs.

    Without a prompt id if the server lacks `supports_progress_text_metadata`; all clients get it
    then.
    """

    node_id: str
    text: str
    prompt_id: str | None = None


@dataclass(frozen=True, slots=True)
class UnknownMessage:
    """A message of a custom node or newer server, or a malformed one."""

    reason: str


Message = (
    QueueStatus
    | FeatureFlags
    | ExecutionStart
    | ExecutionCached
    | NodeExecuting
    | StepProgress
    | ProgressState
    | UnreadSnapshot
    | NodeExecuted
    | ExecutionSuccess
    | ExecutionError
    | ExecutionInterrupted
    | PreviewFrame
    | TextFrame
    | UnknownMessage
)


def parse_frame(frame: str | bytes) -> Message:
    """Parse a frame; return UnknownMessage for one that cannot be decoded."""
    if isinstance(frame, bytes):
        return _parse_binary(frame)
    prompt_id = find_owner(frame)
    return UnreadSnapshot(prompt_id, frame) if prompt_id is not None else _parse_text(frame)


def _parse_text(frame: str) -> Message:
    try:
        document = json.loads(frame)
    except (ValueError, RecursionError):
        return UnknownMessage("text that is not JSON")
    if not isinstance(document, dict) or not isinstance(document.get("data"), dict):
        return UnknownMessage("JSON of another shape")
    kind = document.get("type")
    parser = _PARSERS.get(kind) if isinstance(kind, str) else None
    if parser is None:
        return UnknownMessage(f"type {str(kind)[:60]}")
    return parser(document["data"]) or UnknownMessage(f"incomplete {kind}")


def parse_execution_error(content: Mapping[str, Any]) -> ExecutionError | None:
    """Read `execution_error`, which is the same in a message and in a run record."""
    prompt_id = _text(content.get("prompt_id"))
    if prompt_id is None:
        return None
    return ExecutionError(
        prompt_id,
        _text(content.get("node_id")) or "?",
        _text(content.get("node_type")) or "unknown node",
        _text(content.get("exception_type")) or "Exception",
        _text(content.get("exception_message")) or "",
    )


def _parse_binary(frame: bytes) -> Message:
    if len(frame) < 4:  # noqa: PLR2004 - the size of the event word
        return UnknownMessage("a binary frame without an event")
    event = int.from_bytes(frame[:4], "big")
    if event == _PREVIEW_WITH_METADATA_EVENT:
        return _parse_preview_with_metadata(frame)
    if event == _PREVIEW_EVENT:
        return _build_preview(None, None, frame[8:])
    if event == _TEXT_EVENT:
        return _parse_text_frame(frame)
    return UnknownMessage(f"binary event {event}")


def _parse_preview_with_metadata(frame: bytes) -> Message:
    head, image = _split(frame)
    owner = _parse_owner(head) if len(head) <= MAX_METADATA_BYTES else None
    if owner is None:
        return UnknownMessage("a preview with metadata that cannot be read")
    return _build_preview(*owner, image)


@lru_cache(maxsize=64)
def _parse_owner(head: bytes) -> tuple[str | None, str | None] | None:
    """Return prompt id and node id; cached, as all previews of a node have the same bytes."""
    try:
        metadata = json.loads(head)
    except (ValueError, RecursionError):
        return None
    if not isinstance(metadata, dict):
        return None
    node_id = _text(metadata.get("display_node_id")) or _text(metadata.get("node_id"))
    return _text(metadata.get("prompt_id")), node_id


def _parse_text_frame(frame: bytes) -> Message:
    head, text = _split(frame)
    prompt_id = None
    if _UUID.fullmatch(head):
        # A prompt id, and a field more, before the text. No node's id looks like that.
        prompt_id, (head, text) = head.decode(), _split(text, start=0)
    return TextFrame(
        head.decode(errors="replace"),
        text[:MAX_TEXT_BYTES].decode(errors="replace"),
        prompt_id,
    )


def _split(frame: bytes, start: int = 4) -> tuple[bytes, bytes]:
    """Split what follows `start` into its length-prefixed part and the rest."""
    end = start + 4 + int.from_bytes(frame[start : start + 4], "big")
    return frame[start + 4 : end], frame[end:]


def _build_preview(prompt_id: str | None, node_id: str | None, image: bytes) -> Message:
    """Build a preview with the media type of its content, not the one in the frame."""
    if image.startswith(JPEG_MAGIC):
        return PreviewFrame(prompt_id, node_id, "image/jpeg", image)
    if image.startswith(PNG_MAGIC):
        return PreviewFrame(prompt_id, node_id, "image/png", image)
    return UnknownMessage("a preview that is neither JPEG nor PNG")


def _parse_status(content: Mapping[str, Any]) -> Message:
    status = content.get("status")
    exec_info = status.get("exec_info") if isinstance(status, dict) else None
    remaining = exec_info.get("queue_remaining") if isinstance(exec_info, dict) else None
    return QueueStatus(_integer(remaining), _text(content.get("sid")))


def _naming_run(build: Callable[[str], Message]) -> Callable[[Mapping[str, Any]], Message | None]:
    """Return a parser of a message that says nothing but its run."""

    def parse(content: Mapping[str, Any]) -> Message | None:
        prompt_id = _text(content.get("prompt_id"))
        return build(prompt_id) if prompt_id else None

    return parse


def _parse_cached(content: Mapping[str, Any]) -> Message | None:
    prompt_id, nodes = _text(content.get("prompt_id")), content.get("nodes")
    if prompt_id is None or not isinstance(nodes, list):
        return None
    return ExecutionCached(prompt_id, frozenset(filter(None, map(_text, nodes))))


def _parse_executing(content: Mapping[str, Any]) -> Message | None:
    node_id = _text(content.get("node"))
    shown_as = _text(content.get("display_node")) or node_id
    return NodeExecuting(_text(content.get("prompt_id")), node_id, shown_as)


def _parse_progress(content: Mapping[str, Any]) -> Message | None:
    value, maximum = _integer(content.get("value")), _integer(content.get("max"))
    if value is None or maximum is None:
        return None
    return StepProgress(_text(content.get("prompt_id")), _text(content.get("node")), value, maximum)


def _parse_progress_state(content: Mapping[str, Any]) -> Message | None:
    prompt_id, nodes = _text(content.get("prompt_id")), content.get("nodes")
    if prompt_id is None or not isinstance(nodes, dict):
        return None
    return _build_snapshot(prompt_id, nodes.items())


def _build_snapshot(prompt_id: str, nodes: Iterable[tuple[str, object]]) -> ProgressState:
    steps = [
        _parse_progress(
            {
                "prompt_id": prompt_id,
                "node": node.get("display_node_id") or node_id,
                "value": node.get("value"),
                "max": node.get("max"),
            }
        )
        for node_id, node in nodes
        if isinstance(node, dict) and node.get("state") == "running"
    ]
    return ProgressState(prompt_id, tuple(step for step in steps if isinstance(step, StepProgress)))


def _parse_executed(content: Mapping[str, Any]) -> Message | None:
    prompt_id = _text(content.get("prompt_id"))
    node_id = _text(content.get("display_node")) or _text(content.get("node"))
    if prompt_id is None or node_id is None:
        return None
    return NodeExecuted(prompt_id, node_id, parse_outputs(node_id, content.get("output")))


_PARSERS = {
    "status": _parse_status,
    "feature_flags": FeatureFlags,
    "execution_start": _naming_run(ExecutionStart),
    "execution_cached": _parse_cached,
    "executing": _parse_executing,
    "progress": _parse_progress,
    "progress_state": _parse_progress_state,
    "executed": _parse_executed,
    "execution_success": _naming_run(ExecutionSuccess),
    "execution_error": parse_execution_error,
    "execution_interrupted": _naming_run(ExecutionInterrupted),
}


def _text(value: object) -> str | None:
    """Return an id as text: some custom nodes send numbers."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _integer(value: object) -> int | None:
    """Return an integer: progress_state sends steps as 4.0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return int(value)
    except (ValueError, OverflowError):
        return None
