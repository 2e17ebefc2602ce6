"""Completion of a partial manifest: what the operator wrote counts, the rest is inferred."""

from collections.abc import Mapping
from typing import Any

from workflows.errors import InvalidManifest
from workflows.infer.inference import Inference
from workflows.manifest import Manifest
from workflows.reading import parse_table

_WHERE = ("targets", "width", "height", "wraps", "replaces")
"""Fields that say where an input is written; without any, a table changes an inferred input."""

BY_OPERATOR = "The operator's own."


def is_partial(raw: Mapping[str, Any]) -> bool:
    """Return whether a manifest, as its file's table, leaves its inputs to inference."""
    return raw.get("infer", "input" not in raw) is True


def complete(raw: Mapping[str, Any], inferred: Inference) -> Inference:
    """Return the operator's manifest, as its file's table, with the rest inferred.

    An input table without targets changes the inferred input of its name, or the one that `from`
    names. Targets of the operator's inputs are not asked for a second time. Raises InvalidManifest.
    """
    own = raw.get("input", [])
    if not isinstance(own, list) or not all(isinstance(table, dict) for table in own):
        parse_table(raw)  # says what is wrong with it
    left = {each.name: each for each in inferred.manifest.inputs}
    reasons: dict[str, str] = {}
    tables = []
    for table in own:
        name = table.get("from", table.get("name"))
        changed = None if any(field in table for field in _WHERE) else left.pop(name, None)
        given = {key: value for key, value in table.items() if key != "from"}
        if changed is None:
            if "from" in table:
                raise InvalidManifest([_unknown(table, inferred.manifest)])
            tables.append(given)
            reasons[str(given.get("name"))] = BY_OPERATOR
        else:
            tables.append({**changed.model_dump(exclude_unset=True), **given})
            reason = f"{BY_OPERATOR} {inferred.reasons[changed.name]}"
            reasons[str(tables[-1]["name"])] = reason
    written = _written(tables)
    names = {str(table.get("name")) for table in tables}
    for each in left.values():
        if not written.intersection(map(str, each.slots)) and each.name not in names:
            tables.append(each.model_dump(exclude_unset=True))
            reasons[each.name] = inferred.reasons[each.name]
    base = inferred.manifest
    top = {
        "title": base.title,
        "kind": base.kind,
        "command": base.command,
        "output": base.output.model_dump(),
        "classes": dict(base.classes),
        **{key: value for key, value in raw.items() if key != "from"},
        "infer": False,
        "input": tables,
    }
    manifest = parse_table(top)
    return Inference(manifest, reasons, inferred.results, inferred.notes, inferred.problems)


def _written(tables: list[dict[str, Any]]) -> set[str]:
    return {
        target
        for table in tables
        for field in ("targets", "width", "height")
        for target in table.get(field, ())
        if isinstance(target, str)
    }


def _unknown(table: Mapping[str, Any], manifest: Manifest) -> str:
    known = ", ".join(each.name for each in manifest.inputs) or "none"
    return (
        f'[[input]] "{table.get("name")}": "from" names "{table["from"]}", which was not inferred;'
        f" there are {known}."
    )
