"""What went wrong, as ComfyUI tells it, turned into this package's errors."""

import re
from collections.abc import Mapping
from typing import Any

from comfy.errors import GraphRejected, NodeFailed, NodeProblem, OutOfMemory
from comfy.messages import ExecutionError

_LONGEST = 300
"""Characters kept of a sentence that the server wrote: some quote whole inputs."""

_OUT_OF_MEMORY = re.compile(
    r"out of memory|allocation on device|not enough memory|can(?:'t|not) allocate memory",
    re.IGNORECASE,
)
_PATHS = re.compile(
    r"""(?P<quote>['"])(?:/|[A-Za-z]:[\\/])[^'"\n]*[\\/](?P<quoted>[^'"\\/\n]*)(?P=quote)
      | (?<![\w.:/\\])(?:/|[A-Za-z]:[\\/])(?:[^\s'"\\/:]+[\\/])+(?P<bare>[^\s'"\\/:]*)""",
    re.VERBOSE,
)
_MISSING_CLASS = re.compile(r"node (?P<class_type>\S+) does not exist")
_NODE_ID = re.compile(r"#(?P<node_id>[^']+)'?$")


def clean_sentence(text: str) -> str:
    """Return the first line that says something, without folders of the server.

    Nor has it control characters, which would steer an operator's terminal, and lone surrogates.
    """
    lines = (line.strip() for line in text.splitlines())
    line = next((line for line in lines if line), "")[: _LONGEST * 4]
    legible = "".join(one for one in line.expandtabs(1) if one.isprintable())
    return _PATHS.sub(_keep_name, legible)[:_LONGEST]


def build_node_failure(error: ExecutionError) -> NodeFailed:
    """Return OutOfMemory or NodeFailed."""
    kind = OutOfMemory if _means_out_of_memory(error) else NodeFailed
    return kind(
        node_id=error.node_id,
        class_type=error.class_type,
        exception_type=error.exception_type,
        exception_message=clean_sentence(error.exception_message) or error.exception_type,
    )


def parse_rejection(answer: object) -> GraphRejected | None:
    """Read the body of a refused POST /prompt, None when it is something else."""
    if not isinstance(answer, dict) or not isinstance(answer.get("error"), dict):
        return None
    error = answer["error"]
    problems = parse_node_errors(answer.get("node_errors")) or _parse_missing_class(error)
    sentence = _join(error)
    if problems:
        first = problems[0]
        sentence = f"{first.class_type} (node {first.node_id}): {first.message}"
    return GraphRejected(sentence or "The graph was refused without a reason.", problems)


def parse_node_errors(node_errors: object) -> tuple[NodeProblem, ...]:
    """Read `node_errors` of an answer to POST /prompt."""
    if not isinstance(node_errors, dict):
        return ()
    return tuple(
        _parse_problem(str(node_id), str(entry.get("class_type") or "unknown node"), problem)
        for node_id, entry in node_errors.items()
        if isinstance(entry, dict)
        for problem in _list(entry.get("errors"))
        if isinstance(problem, dict)
    )


def _means_out_of_memory(error: ExecutionError) -> bool:
    return "OutOfMemory" in error.exception_type or bool(
        _OUT_OF_MEMORY.search(error.exception_message)
    )


def _keep_name(match: re.Match[str]) -> str:
    quote = match["quote"] or ""
    name = match["quoted"] if quote else match["bare"]
    return f"{quote}{name or '…'}{quote}"


def _parse_problem(node_id: str, class_type: str, problem: Mapping[str, Any]) -> NodeProblem:
    extra = problem.get("extra_info")
    extra = extra if isinstance(extra, dict) else {}
    name, received = extra.get("input_name"), extra.get("received_value")
    return NodeProblem(
        node_id=node_id,
        class_type=class_type,
        kind=str(problem.get("type") or "unknown"),
        message=_join(problem),
        input_name=name if isinstance(name, str) else None,
        received=None if received is None else str(received)[:_LONGEST],
        allowed=_parse_allowed(extra.get("input_config")),
    )


def _parse_allowed(config: object) -> tuple[str, ...]:
    """Both encodings of a list input: [[...], {}] and ["COMBO", {"options": [...]}]."""
    if not isinstance(config, list) or not config:
        return ()
    if isinstance(config[0], list):
        return tuple(map(str, config[0]))
    options = config[1].get("options") if len(config) > 1 and isinstance(config[1], dict) else None
    return tuple(map(str, _list(options)))


def _parse_missing_class(error: Mapping[str, Any]) -> tuple[NodeProblem, ...]:
    """Name the class: newer servers' sentence holds the node's title, older ones' only that."""
    extra = error.get("extra_info")
    extra = extra if isinstance(extra, dict) else {}
    match = _MISSING_CLASS.search(str(error.get("message")))
    class_type = extra.get("class_type") or (match["class_type"] if match else None)
    if str(error.get("type")) not in {"missing_node_type", "invalid_prompt"}:
        return ()
    node = _NODE_ID.search(str(error.get("details")))
    node_id = extra.get("node_id") or (node["node_id"] if node else "?")
    sentence = (
        f"{class_type} is not installed on the backend." if class_type else "It has no class."
    )
    kind = "missing_node_type"
    return (NodeProblem(str(node_id), str(class_type or "unknown node"), kind, sentence),)


def _join(problem: Mapping[str, Any]) -> str:
    message, details = problem.get("message"), problem.get("details")
    parts = [clean_sentence(part) for part in (message, details) if isinstance(part, str)]
    return ": ".join(dict.fromkeys(part for part in parts if part))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
