"""Writing of a manifest as `workflow.toml`, with comments on each input."""

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel

from workflows.manifest import Manifest

LIST_CHARACTERS = 88
"""Longer lists are written one value a line."""


def write_manifest(
    manifest: Manifest,
    comments: Mapping[str, str] | None = None,
    *,
    notes: Iterable[str] = (),
    schema: str | None = None,
) -> str:
    """Return the text, which parses to the same manifest.

    `comments` are put above the inputs of these names. `schema` is the schema's URL for editors.
    """
    lines = [f"#:schema {schema}"] if schema else []
    lines += [line for note in notes for line in _comment(note)]
    tables = {"inputs", "models", "output", "access", "classes"}
    lines += _fields({key: value for key, value in _given(manifest).items() if key not in tables})
    for each in manifest.inputs:
        lines.append("")
        comment = (comments or {}).get(each.name)
        lines += _comment(comment) if comment else []
        lines += ["[[input]]", *_fields(_given(each))]
    for name in ("access", "output"):
        given = _given(getattr(manifest, name))
        if given:
            lines += ["", f"[{name}]", *_fields(given)]
    for model in manifest.models:
        lines += ["", "[[model]]", *_fields(_given(model))]
    if manifest.classes:
        lines += ["", "# The nodes as they were when this was written: a graph that was saved anew"]
        lines += ["# with other nodes under these ids is refused.", "[classes]"]
        lines += [f"{_text(key)} = {_text(value)}" for key, value in manifest.classes.items()]
    return "\n".join(lines) + "\n"


def _given(table: BaseModel) -> dict[str, Any]:
    """Return the fields that differ from their defaults."""
    return table.model_dump(mode="python", exclude_defaults=True, exclude_none=True)


def _fields(values: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_value(value)}" for name, value in values.items()]


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Enum():
            return _text(str(value.value))
        case int() | float():
            return repr(value)
        case list() | tuple():
            return _list([_value(each) for each in value])
        case _:
            return _text(str(value))


def _list(written: list[str]) -> str:
    line = f"[{', '.join(written)}]"
    if len(line) <= LIST_CHARACTERS:
        return line
    return "\n".join(["[", *(f"    {each}," for each in written), "]"])


def _text(value: str) -> str:
    """Format a TOML basic string, which is JSON's but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(text: str) -> list[str]:
    """Format a comment without control characters, which TOML forbids."""
    plain = "".join(one if one.isprintable() else " " for one in " ".join(text.split()))
    return [f"# {plain}"]
