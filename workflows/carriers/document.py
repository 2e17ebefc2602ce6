"""JSON as ComfyUI writes it, including NaN and infinite numbers."""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from workflows.errors import InvalidGraph, Sentence

_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
"""Escapes of surrogates: JSON can contain lone ones, which are invalid in text."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Document:
    """A decoded text; `is_repaired` if it had NaN or infinite numbers, which became null."""

    value: Any
    is_repaired: bool = False


def parse_document(text: str) -> Document:
    """Decode JSON. Raises InvalidGraph with the position of the error.

    ComfyUI writes computed values into its pictures, including NaN and Infinity. Its editor reads
    these as null, as does this function.
    """
    repaired = []

    def forget(literal: str) -> None:
        repaired.append(literal)

    def finite(literal: str) -> float | None:
        number = float(literal)
        if math.isfinite(number):
            return number
        forget(literal)
        return None

    try:
        value = json.loads(text, parse_constant=forget, parse_float=finite)
    except json.JSONDecodeError as error:
        said = Sentence(
            "This is not valid JSON: {mistake} at line {line}, column {column}. Save it from"
            " ComfyUI once more.",
            mistake=error.msg,
            line=error.lineno,
            column=error.colno,
        )
        raise InvalidGraph([said]) from error
    except (ValueError, RecursionError) as error:
        said = Sentence("This is not a workflow: a number or the nesting is too large.")
        raise InvalidGraph([said]) from error
    if _SURROGATE_ESCAPE.search(text):
        value = _without_surrogates(value)
    return Document(value, bool(repaired))


def _without_surrogates(root: Any) -> Any:  # noqa: ANN401 - any JSON
    """Replace lone surrogates, which files, databases and messages reject."""
    holder = [root]
    unseen: list[dict[str, Any] | list[Any]] = [holder]
    while unseen:
        part = unseen.pop()
        if isinstance(part, dict):
            entries = [
                (_replace_surrogates(key), _replace_surrogates(value))
                for key, value in part.items()
            ]
            part.clear()
            part.update(entries)
            unseen.extend(value for _, value in entries if isinstance(value, dict | list))
        else:
            part[:] = map(_replace_surrogates, part)
            unseen.extend(value for value in part if isinstance(value, dict | list))
    return holder[0]


def _replace_surrogates(value: Any) -> Any:  # noqa: ANN401 - likewise
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else value
