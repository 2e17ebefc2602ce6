"""Merging of found values into inputs, and the order of inputs."""

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
"""What people look for first; of what a command has no room for, the last is hidden."""

_KEPT_APART = frozenset({Role.OTHER, Role.ASPECT})


def rank(found: Found) -> int:
    """The place of an input among those of a command, from 0."""
    return _ORDER.index(found.role) if found.role in _ORDER else len(_ORDER)


def merge(view: GraphView, found: Sequence[Found]) -> list[Found]:
    """One entry for values of one role that are alike.

    Seeds that nobody chose go with the first: one that stayed would make the same picture again.
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
    """Each place in one entry alone, the first."""
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
    """The sides that make a size together: as many widths as heights, in their order."""
    widths = [
        one for one in found if one.role is Role.WIDTH and type(view.value(one.slots[0])) is int
    ]
    heights = [
        one for one in found if one.role is Role.HEIGHT and type(view.value(one.slots[0])) is int
    ]
    if len(widths) != len(heights):
        return {}
    return dict(zip(widths, heights, strict=True))
