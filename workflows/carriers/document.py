"""JSON as ComfyUI writes it: numbers that JSON does not know are among it."""

import json
import math
from dataclasses import dataclass
from typing import Any

from workflows.errors import InvalidGraph


@dataclass(frozen=True, slots=True)
class Document:
    """A decoded text; `is_repaired` when it had NaN or infinite numbers, which became null."""

    value: Any
    is_repaired: bool = False


def parse_document(text: str) -> Document:
    """Decode JSON. Raises InvalidGraph with the place of the mistake.

    ComfyUI writes what a node computes into its pictures, NaN and Infinity among it; its editor
    reads them as null, and so does this.
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
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidGraph([f"This is not valid JSON: {error.msg} at {where}."]) from error
    except (ValueError, RecursionError) as error:
        sentence = "This is not a workflow: a number or the nesting is too large."
        raise InvalidGraph([sentence]) from error
    return Document(value, bool(repaired))
