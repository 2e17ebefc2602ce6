"""Parsing of `workflow.toml`, with a sentence for each mistake of form."""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from workflows.errors import InvalidManifest
from workflows.manifest import Access, Input, Manifest, Model, Output

TOP = "Top of the file"

_TABLES: dict[str, type[BaseModel]] = {"output": Output, "access": Access}
_LISTED: dict[str, type[BaseModel]] = {"input": Input, "model": Model}
_DEPTHS = {"input": 3, "model": 3, "output": 2, "access": 2, "classes": 2}
"""Number of parts of a mistake's location that name the table and the field."""

_EXPECTATIONS = {
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": 'must be a list such as ["6.text"]',
    "finite_number": "must be a finite number",
    "string_pattern_mismatch": "must be 64 small hexadecimal digits",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "mapping_type": "must be a table",
    "enum": "must be one of {expected}",
    "extra_forbidden": "is not a field",
    "missing": "is missing",
}
"""Plain sentences for pydantic's error types; placeholders are their context."""


def parse_manifest(text: str) -> Manifest:
    """Parse a `workflow.toml`. Raises InvalidManifest with every mistake of form.

    `workflows.rules` checks what the fields mean together and with the graph.
    """
    return parse_table(read_table(text))


def read_table(text: str) -> dict[str, Any]:
    """Parse the file as an unchecked table. Raises InvalidManifest for invalid TOML."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidManifest([f"This is not valid TOML: {error}."]) from error


def parse_table(raw: Mapping[str, Any]) -> Manifest:
    """Check the form of a table. Raises InvalidManifest with every mistake."""
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        # One entry for a field: a union reports each of its members.
        mistakes = {_place(each["loc"]): each for each in error.errors(include_url=False)}
        raise InvalidManifest([_sentence(raw, each) for each in mistakes.values()]) from error


def name_input(name: str) -> str:
    """Return the name of an input's table in sentences."""
    return f'[[input]] "{name}"'


def state_mistake(where: str, field: str, what: str) -> str:
    """Return one plain sentence that names the table and the field."""
    return f'{where}: "{field}" {what}.'


def _place(location: Sequence[int | str]) -> tuple[int | str, ...]:
    """Return the table and the field, without a position inside the field."""
    depth = _DEPTHS.get(str(location[0]), 1) if location else 0
    return tuple(location[:depth])


def _sentence(raw: Mapping[str, Any], error: ErrorDetails) -> str:
    place = _place(error["loc"])
    what = _expectation(error)
    match place:
        case ("input" | "model") as table, int(position), str(field):
            where = _name_table(raw, table, position)
            return state_mistake(where, field, _hint(what, _LISTED[table], field))
        case ("input" | "model") as table, int(position):
            return f"{_name_table(raw, table, position)}: this must be a table."
        case str(name), str(field):
            return state_mistake(f"[{name}]", field, _hint(what, _TABLES.get(name), field))
        case ("input" | "model") as table, *_:
            return f"{TOP}: {table}s must be written as [[{table}]] tables."
        case [str(name)] if name in _DEPTHS:
            article = "an" if name[0] in "aeiou" else "a"
            return f"{TOP}: the {name} must be written as {article} [{name}] table."
    field = str(place[0])
    return state_mistake(TOP, field, _hint(what, Manifest, field))


def _expectation(error: ErrorDetails) -> str:
    if {"default", "draw"} & set(error["loc"]) and error["type"] != "tuple_type":
        return "must be text in quotes, a number, true or false"
    context = dict(error.get("ctx", {}))
    if error["type"] == "enum":
        context["expected"] = str(context["expected"]).replace(" or ", ", ").replace("'", "")
    return _EXPECTATIONS.get(error["type"], "cannot be used").format_map(context)


def _hint(what: str, table: type[BaseModel] | None, field: str) -> str:
    """Suggest the intended name of an unknown field."""
    if table is None or what != _EXPECTATIONS["extra_forbidden"]:
        return what
    known = [each.alias or name for name, each in table.model_fields.items()]
    meant = difflib.get_close_matches(field, known, n=1)
    return f"is not a field; did you mean {meant[0]}" if meant else what


def _name_table(raw: Mapping[str, Any], listed: str, position: int) -> str:
    table = cast("list[object]", raw[listed])[position]
    name = table.get("name") if isinstance(table, dict) else None
    named = isinstance(name, str) and name
    return f'[[{listed}]] "{name}"' if named else f"[[{listed}]] number {position + 1}"
