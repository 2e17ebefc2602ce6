"""Parsers of the Comfy API v2: jobs, outputs and events. They never raise, and do no I/O."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from comfy.errors import RunFailed
from comfy.protocol.events import MediaKind, OutputFile, Preview
from comfy.protocol.failures import build_node_failure
from comfy.protocol.messages import parse_execution_error
from comfy.protocol.outputs import media_kind

JOBS = "api/v2/jobs"
"""Path of jobs below a service's URL."""

ENDED = frozenset({"succeeded", "canceled", "failed", "expired"})
"""Terminal statuses; a requested cancellation is "canceling" until it is "canceled"."""

LABEL = "limner"
"""Key of the label that carries the prompt id."""

_PICTURES = frozenset({"image/jpeg", "image/png"})


@dataclass(frozen=True, slots=True)
class Job:
    """One job as last reported. `texts` are the ids of outputs that are texts."""

    id: str
    status: str
    links: Mapping[str, Any]
    outputs: tuple[OutputFile, ...] = ()
    texts: frozenset[str] = frozenset()
    progress: Mapping[str, Any] | None = None
    failure: RunFailed | None = None
    reused_outputs: bool = False

    @property
    def is_ended(self) -> bool:
        """Whether its status is terminal."""
        return self.status in ENDED


def parse_job(document: object, graph: Mapping[str, Any]) -> Job | None:
    """Parse a job; None if it is none. `graph` distinguishes previews from saved files."""
    if not isinstance(document, dict):
        return None
    job_id, status = document.get("id"), document.get("status")
    if not isinstance(job_id, str) or not job_id or not isinstance(status, str):
        return None
    items = [item for item in _list(document.get("outputs")) if isinstance(item, dict)]
    progress = document.get("progress")
    return Job(
        id=job_id,
        status=status,
        links=_mapping(document.get("urls")),
        outputs=tuple(file for item in items if (file := parse_output(item, graph)) is not None),
        texts=frozenset(str(item.get("id")) for item in items if item.get("type") == "text"),
        progress=progress if isinstance(progress, dict) else None,
        failure=_parse_failure(document.get("error")) if status == "failed" else None,
        reused_outputs=document.get("outputs_reused") is True,
    )


def parse_output(item: Mapping[str, Any], graph: Mapping[str, Any]) -> OutputFile | None:
    """Parse one output, or the payload of an `output` event.

    The API does not distinguish temporary files from saved ones; the node's class does.
    """
    asset_id, name, node_id = item.get("id"), item.get("name"), str(item.get("node_id"))
    if not isinstance(asset_id, str) or not asset_id or not isinstance(name, str) or not name:
        return None
    class_type = str(_mapping(graph.get(node_id)).get("class_type"))
    folder = "temp" if class_type.startswith("Preview") else "output"
    file = OutputFile(node_id, name, "", folder, media_kind(name), asset_id)
    general = str(item.get("content_type")).partition("/")[0]
    if file.kind is MediaKind.OTHER and general in {"image", "video", "audio"}:
        return replace(file, kind=MediaKind(general))
    return file


def parse_preview(payload: Mapping[str, Any]) -> Preview | None:
    """Parse a `preview` event; None if it is no picture."""
    try:
        content = base64.b64decode(str(payload.get("data_base64")), validate=True)
    except (binascii.Error, ValueError):
        return None
    media_type, node_id = payload.get("content_type"), payload.get("node_id")
    if not content or media_type not in _PICTURES:
        return None
    return Preview(str(media_type), content, node_id if isinstance(node_id, str) else None)


def is_labelled(item: Mapping[str, Any], prompt_id: str) -> bool | None:
    """Return whether a listed job has this label; None if it has no label at all."""
    if "metadata" not in item:
        return None
    return item["metadata"] in ({LABEL: prompt_id}, f"{LABEL}={prompt_id}")


class EventParser:
    """Incremental parser of server-sent events; feed it line by line."""

    def __init__(self) -> None:
        self._name = ""
        self._parts: list[str] = []

    def feed(self, line: str) -> tuple[str, Mapping[str, Any]] | None:
        """Return name and payload of the event that this line completes, if it does."""
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._parts.append(value)
        if line:
            return None
        name, text = self._name, "\n".join(self._parts)
        self._name, self._parts = "", []
        try:
            payload = json.loads(text) if text else None
        except (ValueError, RecursionError):
            return None
        return (name, payload) if isinstance(payload, dict) else None


def _parse_failure(error: object) -> RunFailed:
    described = _mapping(error)
    parsed = parse_execution_error(
        {
            "prompt_id": "-",
            "node_id": described.get("node_id"),
            "node_type": described.get("class_type"),
            "exception_type": described.get("code"),
            "exception_message": described.get("message"),
        }
    )
    if parsed is None or not described:
        return RunFailed("The run ended with an error that the backend does not explain.")
    return build_node_failure(parsed)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
