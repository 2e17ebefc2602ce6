"""Conversion of the Comfy API v2's error answers into this package's errors."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from comfy.errors import (
    BackendRefused,
    BackendUnavailable,
    BackendUnreachable,
    ComfyError,
    GraphRejected,
    NodeProblem,
)
from comfy.http.client import HttpClient
from comfy.http.response import HttpResponse
from comfy.protocol.failures import clean_sentence, parse_rejection

_CLIENT_ERRORS = range(400, 500)
_UNAUTHORIZED = frozenset({401, 403})
_UNKNOWN_PATH = frozenset({404, 405})

_UNAVAILABLE = {
    "insufficient_credits": "{name} has no credits left: add some to its account.",
    "deployment_stopped": "{name} is stopped: start its deployment.",
    "queue_full": "{name} has a full queue.",
    "deployment_not_ready": "{name} is still starting.",
    "rate_limited": "{name} asks us to send less.",
}
"""Sentences for the codes of responses that mean that nothing ran and a later request may
succeed."""

_REJECTED = {
    "workflow_format_ui": "The workflow is in the editor's format, not in the API's.",
    "missing_asset": "An attached file is no longer at the service: attach it again.",
}


class KeyReused(ComfyError):
    """The idempotency key was used before, so its job exists, or may exist."""


class TryLater(BackendUnavailable):
    """Status 429: nothing ran; the request may be repeated after `pause_s`, if that is given."""

    passes = True

    def __init__(self, message: str, *, code: str = "", pause_s: float | None = None) -> None:
        super().__init__(message, code=code)
        self.pause_s = pause_s


def code_of(answer: HttpResponse) -> str:
    """Return the machine-readable code of an error response, "" if it has none."""
    return str(_error(answer).get("code") or "")


def refuses_label(answer: HttpResponse) -> bool:
    """Return whether a job was refused because of its label."""
    return code_of(answer) == "metadata_not_supported" or (
        answer.status in {400, 422} and "metadata" in str(_error(answer).get("message"))
    )


def require_available(http: HttpClient, answer: HttpResponse) -> None:
    """Raise BackendUnavailable where the service says that it takes no work at all."""
    code = code_of(answer)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        sentence = _UNAVAILABLE.get(code, _UNAVAILABLE["rate_limited"]).format(name=http.name)
        raise TryLater(sentence, code=code, pause_s=answer.retry_after_s)
    if code in _UNAVAILABLE:
        raise BackendUnavailable(_UNAVAILABLE[code].format(name=http.name), code=code)


def require_taken(http: HttpClient, answer: HttpResponse) -> None:
    """Raise the error that corresponds to a response, if any.

    BackendUnreachable means that the outcome of the request is unknown.
    """
    code = code_of(answer)
    message = clean_sentence(str(_error(answer).get("message") or ""))
    require_available(http, answer)
    if answer.status in _UNAUTHORIZED:
        raise BackendUnavailable(f"{http.name} does not accept our key.", code=code)
    if code == "idempotency_key_reuse":
        raise KeyReused("This idempotency key was used before.")
    if code in _REJECTED:
        raise GraphRejected(_REJECTED[code])
    if code == "invalid_workflow":
        raise _build_rejection(message, _error(answer))
    # After 501 the outcome is known: what is not implemented was not done.
    if (
        answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        and answer.status != HTTPStatus.NOT_IMPLEMENTED
    ):
        raise BackendUnreachable(f"{http.name} answers with {answer.status}: {message or code}")
    if message and answer.status in _CLIENT_ERRORS and answer.status not in _UNKNOWN_PATH:
        sentence = f"{http.name} answers with {answer.status}: {message}"
        raise BackendRefused(sentence, status=answer.status)
    http.require_ok(answer)


def _build_rejection(message: str, error: Mapping[str, Any]) -> GraphRejected:
    """Parse both forms of `node_errors`: ComfyUI's own, and lists of fields with reasons."""
    details = error.get("details")
    node_errors = details.get("node_errors") if isinstance(details, dict) else None
    kind = "missing_node_type" if "does not exist" in message else "invalid_workflow"
    native = {"error": {"type": kind, "message": message}, "node_errors": node_errors}
    rejection = parse_rejection(native) or GraphRejected(message)
    return GraphRejected(str(rejection), (*rejection.problems, *_parse_fields(node_errors)))


def _parse_fields(node_errors: object) -> tuple[NodeProblem, ...]:
    return tuple(
        NodeProblem(
            node_id=clean_sentence(str(node_id)),
            class_type=f"node {clean_sentence(str(node_id))}",
            kind=clean_sentence(str(item.get("reason") or "unknown")),
            message=clean_sentence(str(item.get("message") or item.get("reason") or "")),
            input_name=clean_sentence(str(item["field"])) if item.get("field") else None,
        )
        for node_id, items in (node_errors if isinstance(node_errors, dict) else {}).items()
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, dict)
    )


def _error(answer: HttpResponse) -> Mapping[str, Any]:
    document = answer.document if isinstance(answer.document, dict) else {}
    error = document.get("error")
    return error if isinstance(error, dict) else {}
