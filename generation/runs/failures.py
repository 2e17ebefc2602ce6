"""Conversion of backend errors into failures for people: a kind and one plain sentence."""

from collections.abc import Mapping

from comfy.backend import Graph
from comfy.errors import (
    BackendRefused,
    BackendUnavailable,
    BackendUnreachable,
    ComfyError,
    GraphRejected,
    NodeFailed,
    NodeProblem,
    NotComfyUI,
    OutcomeUnknown,
    OutOfMemory,
    OutputGone,
    RunInterrupted,
    RunLost,
    RunStalled,
)
from generation.errors import FailureKind
from generation.record import Failure
from generation.requests.checkpoints import missing_model
from workflows.model_files import MODEL_SUFFIXES

MAX_DETAIL_CHARACTERS = 300
"""Characters kept of a node's message: enough to recognize the cause."""

OFFLINE = Failure(
    FailureKind.BACKEND_OFFLINE, "No GPU is online right now. Try again in a few minutes."
)
LOST = Failure(
    FailureKind.BACKEND_OFFLINE,
    "The GPU lost this request several times. Try again later.",
)
TOO_LONG = Failure(FailureKind.TIMED_OUT, "It took too long. Try fewer or smaller pictures.")
STALLED = Failure(FailureKind.TIMED_OUT, "The GPU stopped responding. Try again.")
CANCELLED = Failure(FailureKind.CANCELLED, "Cancelled by you.")
CANCELLED_BY_MODERATOR = Failure(FailureKind.CANCELLED, "Cancelled by a moderator.")
NOTHING_MADE = Failure(FailureKind.WORKFLOW_ERROR, "The workflow ended without a result.")
WORKFLOW_GONE = Failure(FailureKind.WORKFLOW_ERROR, "The workflow is no longer in the library.")

STOPPED = Failure(FailureKind.CANCELLED, "Someone else stopped it on the GPU.")
RESULT_GONE = Failure(FailureKind.WORKFLOW_ERROR, "The result was gone before it could be fetched.")
NOT_RUN = Failure(FailureKind.WORKFLOW_ERROR, "The GPU couldn't run this workflow.")

OUTCOME_UNKNOWN = Failure(
    FailureKind.BACKEND_OFFLINE,
    "The connection to the GPU broke. It may have run this, so it is not sent again.",
)

_PLAIN: Mapping[type[ComfyError], Failure] = {
    RunInterrupted: STOPPED,
    RunStalled: STALLED,
    RunLost: LOST,
    BackendUnavailable: OFFLINE,
    BackendUnreachable: OFFLINE,
    NotComfyUI: OFFLINE,
    OutcomeUnknown: OUTCOME_UNKNOWN,
    OutputGone: RESULT_GONE,
}


def unforeseen_failure(reference: str) -> Failure:
    """Build the failure of an unexpected error; `reference` is also in the log."""
    return Failure(
        FailureKind.WORKFLOW_ERROR,
        "Something went wrong that should not have. Reference: {reference}.",
        {"reference": reference},
    )


def explain(error: ComfyError, graph: Graph) -> Failure:
    """Return the failure for a backend's error."""
    match error:
        case GraphRejected():
            return _explain_rejection(error, graph)
        case NodeFailed():
            return _explain_node(error, graph)
        case BackendRefused():
            return Failure(
                FailureKind.WORKFLOW_ERROR,
                "The GPU refused the request (status {status}).",
                {"status": error.status},
            )
        case _:
            found = (failure for kind, failure in _PLAIN.items() if isinstance(error, kind))
            return next(found, NOT_RUN)


def _explain_node(error: NodeFailed, graph: Graph) -> Failure:
    node = _title(graph, error.node_id, error.class_type)
    facts: dict[str, object] = {"node": node, "class_type": error.class_type}
    if isinstance(error, OutOfMemory):
        return Failure(
            FailureKind.OUT_OF_MEMORY,
            "The GPU ran out of memory. A smaller size or fewer pictures may work.",
            facts,
        )
    facts["reason"] = _first_line(error.exception_message)
    return Failure(FailureKind.WORKFLOW_ERROR, "{node} failed: {reason}", facts)


def _explain_rejection(error: GraphRejected, graph: Graph) -> Failure:
    for problem in error.problems:
        if _is_missing_model(problem):
            return missing_model(problem.received, problem.allowed)
    if not error.problems:
        return Failure(FailureKind.WORKFLOW_ERROR, "The GPU refused this workflow.")
    problem = error.problems[0]
    node = _title(graph, problem.node_id, problem.class_type)
    facts: dict[str, object] = {
        "place": f"{node} → {problem.input_name}" if problem.input_name else node,
        "reason": _first_line(problem.message),
        "node": node,
        "kind": problem.kind,
    }
    return Failure(
        FailureKind.WORKFLOW_ERROR, "The GPU refused the workflow at {place}: {reason}", facts
    )


def _is_missing_model(problem: NodeProblem) -> bool:
    """Return whether a rejected list value is a model file, not, say, a sampler's name."""
    names = (problem.received or "", *problem.allowed)
    return problem.kind == "value_not_in_list" and (
        any(name.lower().endswith(MODEL_SUFFIXES) for name in names)
        or (problem.input_name or "").endswith(("ckpt_name", "unet_name", "model_name"))
    )


def _title(graph: Graph, node_id: str, class_type: str) -> str:
    title = (graph.get(node_id, {}).get("_meta") or {}).get("title")
    return f"{title} ({class_type})" if title and title != class_type else class_type


def _first_line(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else "no reason given"
    if len(line) > MAX_DETAIL_CHARACTERS:
        line = line[: MAX_DETAIL_CHARACTERS - 1] + "…"
    return line if line.endswith((".", "!", "?", "…")) else f"{line}."
