"""Merging of findings into inputs, and their order."""

from collections.abc import Sequence
from dataclasses import replace

from workflows.graph import Slot
from workflows.infer.found import Found, Role
from workflows.infer.view import GraphView

_ORDER = (
    Role.PROMPT,
    Role.IMAGE,
    Role.VIDEO,
    Role.AUDIO,
    Role.MASK,
    Role.NEGATIVE,
    Role.WIDTH,
    Role.HEIGHT,
    Role.ASPECT,
    Role.COUNT,
    Role.LENGTH,
    Role.DURATION,
    Role.SEED,
    Role.STRENGTH,
    Role.MODEL,
    Role.LORA,
    Role.LORA_STRENGTH,
)
"""Roles by importance; inputs beyond a command's limit are hidden from the end."""

_KEPT_APART = frozenset({Role.OTHER, Role.ASPECT})


def rank(found: Found) -> int:
    """Return the place of an input among those of a command, from 0."""
    return _ORDER.index(found.role) if found.role in _ORDER else len(_ORDER)


def merge(view: GraphView, found: Sequence[Found]) -> list[Found]:
    """Merge findings of one role with equal values.

    Seeds that the author did not expose join the first one: a fixed one would repeat the same
    picture.
    """
    groups: dict[object, Found] = {}
    first_seed = next((one for one in found if one.role is Role.SEED), None)
    for one in found:
        is_free = one.role is Role.SEED and not one.is_chosen
        key = _key(view, first_seed if is_free and first_seed else one)
        before = groups.get(key)
        if before is None:
            groups[key] = one
        else:
            slots = tuple(dict.fromkeys((*before.slots, *one.slots)))
            reasons = dict.fromkeys((before.reason, one.reason))
            hidden = before.is_hidden and one.is_hidden
            groups[key] = replace(before, slots=slots, reason=" ".join(reasons), is_hidden=hidden)
    return list(groups.values())


def keep_apart(found: Sequence[Found]) -> list[Found]:
    """Keep each slot in the first finding only."""
    seen: set[Slot] = set()
    kept = []
    for one in found:
        slots = tuple(slot for slot in one.slots if slot not in seen)
        seen.update(slots)
        if slots or not one.slots:
            kept.append(replace(one, slots=slots))
    return kept


def _key(view: GraphView, found: Found) -> object:
    if not found.slots or found.role in _KEPT_APART or found.replaces is not None:
        return found.role, found.slots, found.replaces, found.name
    value = view.value(found.slots[0])
    return found.role, type(value) is str, value if isinstance(value, str | int | float) else None


def find_pairs(view: GraphView, found: Sequence[Found]) -> dict[Found, Found]:
    """Pair widths and heights that make a size, if there are as many of each, in order."""
    widths = [
        one for one in found if one.role is Role.WIDTH and type(view.value(one.slots[0])) is int
    ]
    heights = [
        one for one in found if one.role is Role.HEIGHT and type(view.value(one.slots[0])) is int
    ]
    if len(widths) != len(heights):
        return {}
    return dict(zip(widths, heights, strict=True))
