"""Conversion of ComfyUI's error documents into this package's errors."""

import re
from collections.abc import Mapping
from typing import Any

from comfy.errors import GraphRejected, NodeFailed, NodeProblem, OutOfMemory
from comfy.protocol.messages import ExecutionError

_LONGEST = 300
"""Characters kept of a server's sentence: some quote whole inputs."""

_OUT_OF_MEMORY = re.compile(
    r"out of memory|allocation on device|not enough memory|can(?:'t|not) allocate memory",
    re.IGNORECASE,
)
_PATHS = re.compile(
    r"""(?P<quote>['"])(?:/|[A-Za-z]:[\\/])[^'"\n]*[\\/](?P<quoted>[^'"\\/\n]*)(?P=quote)
      | (?<![\w.:/\\])(?:/|[A-Za-z]:[\\/])(?:[^\s'"\\/:]+[\\/])+(?P<bare>[^\s'"\\/:]*)""",
    re.VERBOSE,
)
_ADDRESSES = re.compile(
    r"""(?P<scheme>\b[a-z][a-z0-9+.-]*://)(?:[^\s/@'"]*@)?(?P<host>[^\s/?#'":]+)(?::\d+)?
        (?P<path>[^\s?#'"<>)]*)(?P<rest>[^\s'"<>)]*)""",
    re.IGNORECASE | re.VERBOSE,
)
_PUBLIC_HOST = re.compile(
    r"(?:[\w-]+\.)+(?!local\b|lan\b|home\b|internal\b)[a-z]{2,}", re.IGNORECASE
)
_PRIVATE_ADDRESS = re.compile(
    r"\b(?:(?:10|127)\.\d{1,3}|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2}(?::\d+)?\b"
)
_SECRETS = re.compile(
    r"""(?P<said>\b(?:authorization|cookie|password|passwd|secret|token|api[_-]?key|\w+_(?:token|key))
        ['"]?\s*[:=]\s*['"]?(?:(?:bearer|basic)\s+)?|\b(?:bearer|basic)\s+(?=[\w.~+/=-]{12}))
        [^\s'",;)]+
      | \b(?:sk|pk|hf|ghp|xox[abp])[-_][\w-]{10,}""",
    re.IGNORECASE | re.VERBOSE,
)
_MISSING_CLASS = re.compile(r"node (?P<class_type>\S+) does not exist")
_NODE_ID = re.compile(r"#(?P<node_id>[^']+)'?$")


def clean_sentence(text: str) -> str:
    """Return the first informative line, without folders and secrets of the server.

    Nodes that call other services quote network addresses, keys and headers. Control characters,
    which could control an operator's terminal, and lone surrogates are removed as well.
    """
    lines = (line.strip() for line in text.splitlines())
    # The expressions are slow on long lines. A secret that this cut divides is beyond what is kept.
    line = next((line for line in lines if line), "")[: _LONGEST * 4]
    legible = "".join(one for one in line.expandtabs(1) if one.isprintable())
    discreet = _SECRETS.sub(
        lambda match: f"{match['said'] or ''}…", _ADDRESSES.sub(_keep_public, legible)
    )
    discreet = _PRIVATE_ADDRESS.sub("…", discreet)
    return _PATHS.sub(_keep_name, discreet)[:_LONGEST]


def build_node_failure(error: ExecutionError) -> NodeFailed:
    """Return OutOfMemory or NodeFailed."""
    kind = OutOfMemory if _means_out_of_memory(error) else NodeFailed
    raised = _name(error.exception_type)
    return kind(
        node_id=_name(error.node_id),
        class_type=_name(error.class_type),
        exception_type=raised,
        exception_message=clean_sentence(error.exception_message) or raised,
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
        _parse_problem(_name(node_id), _name(entry.get("class_type") or "unknown node"), problem)
        for node_id, entry in node_errors.items()
        if isinstance(entry, dict)
        for problem in _list(entry.get("errors"))
        if isinstance(problem, dict)
    )


def _means_out_of_memory(error: ExecutionError) -> bool:
    return "OutOfMemory" in error.exception_type or bool(
        _OUT_OF_MEMORY.search(error.exception_message)
    )


def _keep_public(match: re.Match[str]) -> str:
    """Return a public address without user, query and fragment; a placeholder for others."""
    if not _PUBLIC_HOST.fullmatch(match["host"]):
        return "…"
    return f"{match['scheme']}{match['host']}{match['path']}{'…' if match['rest'] else ''}"


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
        kind=_name(problem.get("type") or "unknown"),
        message=_join(problem),
        input_name=_name(name) if isinstance(name, str) else None,
        received=None if received is None else _name(received),
        allowed=_parse_allowed(extra.get("input_config")),
    )


def _parse_allowed(config: object) -> tuple[str, ...]:
    """Parse both encodings of a list input: [[...], {}] and ["COMBO", {"options": [...]}]."""
    if not isinstance(config, list) or not config:
        return ()
    if isinstance(config[0], list):
        return tuple(map(_name, config[0]))
    options = config[1].get("options") if len(config) > 1 and isinstance(config[1], dict) else None
    return tuple(map(_name, _list(options)))


def _parse_missing_class(error: Mapping[str, Any]) -> tuple[NodeProblem, ...]:
    """Parse a missing class; older servers name it only in the sentence."""
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
    shown = _name(class_type or "unknown node")
    return (NodeProblem(_name(node_id), shown, kind, clean_sentence(sentence)),)


def _join(problem: Mapping[str, Any]) -> str:
    message, details = problem.get("message"), problem.get("details")
    parts = [clean_sentence(part) for part in (message, details) if isinstance(part, str)]
    return ": ".join(dict.fromkeys(part for part in parts if part))


def _name(value: object) -> str:
    """Return a server's name for something, on one line."""
    return "".join(one for one in str(value)[:_LONGEST] if one.isprintable())


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
