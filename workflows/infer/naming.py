"""Names of inferred inputs: a well-known one for the only input of its kind."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from workflows.infer.found import MEDIA_ROLES, Found, Role
from workflows.infer.names import NameAllocator, is_vague, readable, sanitise
from workflows.infer.view import GraphView
from workflows.manifest import InputType

_Entry = tuple[Found, dict[str, Any]]


def named(view: GraphView, entries: Sequence[_Entry]) -> Iterator[_Entry]:
    """Return the same entries, each with a name."""
    alike = Counter((found.role, bool(table.get("hidden"))) for found, table in entries)
    giver = NameAllocator()
    ordered = sorted(entries, key=lambda entry: bool(entry[1].get("hidden")))
    names = {}
    for position, (found, table) in enumerate(ordered):
        is_only = alike[found.role, bool(table.get("hidden"))] == 1
        wanted = _wanted(view, found, table, is_only=is_only)
        names[position] = giver.give(wanted, InputType(table["type"]))
    for position, (found, table) in enumerate(ordered):
        yield found, {"name": names[position], **table}


def _wanted(view: GraphView, found: Found, table: dict[str, Any], *, is_only: bool) -> str:
    if table["type"] is InputType.SIZE:
        return "size"
    role, label = found.role, readable(found.name)
    if found.role in {Role.OTHER, Role.FILE, Role.ASPECT}:
        return label if not is_vague(label) else _title(view, found) or sanitise(found.name)
    if role in MEDIA_ROLES and not found.is_chosen:
        return role if is_only else label or role
    if is_only:
        keeps_label = found.role in {Role.LENGTH, Role.DURATION} and not is_vague(label)
        return label if keeps_label else role
    if not found.is_chosen or is_vague(label):
        label = _title(view, found) or label
    # Of several, none gets the plain name that commands use, unless the author chose one.
    is_plain = is_vague(label) or (label == role and not found.is_chosen)
    return f"{role}_1" if is_plain else label


def _title(view: GraphView, found: Found) -> str:
    """Return the title that somebody gave its node."""
    titles = (view.own_title(slot.node_id) for slot in found.slots)
    names = (readable(one) for one in titles if one is not None)
    return next((name for name in names if not is_vague(name)), "")
