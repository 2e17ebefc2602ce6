"""Fields of an input's table: its type, bounds, choices and texts, from the node class."""

import math
import re
from typing import Any

from workflows.graph import Slot
from workflows.infer.files import is_model
from workflows.infer.found import MEDIA_ROLES, Found, Role
from workflows.infer.view import GraphView, type_of_value
from workflows.manifest import MAX_SEED, InputType
from workflows.nodes import InputSpec

Fields = dict[str, Any]

MOST_STEPS = 100
"""Bound of steps; more refine nothing, while ComfyUI itself allows 10,000."""

MOST_PICTURES = 4
"""Pictures of one request."""

MOST_MEGAPIXELS = 4.0
"""Largest pictures that people may request."""

LONGER = 2
"""Longest video as a multiple of the author's length."""

LARGEST_BOUND = 10**9
"""A class's bounds that are no smaller than this mean that it has none."""

LARGEST_MULTIPLE = 256
"""Largest `multiple` of a manifest, in pixels."""

DESCRIPTION_CHARACTERS = 100

_DYNAMIC = "COMFY_DYNAMICCOMBO_V3"
_BY_ROLE = {
    Role.SEED: InputType.SEED,
    Role.CFG: InputType.NUMBER,
    Role.STRENGTH: InputType.NUMBER,
    Role.IMAGE: InputType.IMAGE,
    Role.MASK: InputType.MASK,
    Role.VIDEO: InputType.VIDEO,
    Role.AUDIO: InputType.AUDIO,
}
_DESCRIBED = frozenset({Role.OTHER, Role.ASPECT, Role.LENGTH, Role.DURATION})
_BY_TYPE = {
    "STRING": InputType.TEXT,
    "INT": InputType.INTEGER,
    "FLOAT": InputType.NUMBER,
    "BOOLEAN": InputType.BOOLEAN,
    "COMBO": InputType.CHOICE,
}
_OPTION = re.compile(r"option\d+")
_TECHNICAL = re.compile(
    r"(^|[_ ])(device|dtype|attention|precision|offload|offloading|vram|compile)($|[_ ])",
    re.IGNORECASE,
)
"""Names of options about the machine, hidden even if the author exposed them."""

_BACKEND = re.compile(r"(^|[_ ])backend($|[_ ])", re.IGNORECASE)


def type_of(view: GraphView, found: Found) -> InputType | None:
    """Return the type of an input; None if people cannot give it."""
    if found.role in _BY_ROLE:
        return _BY_ROLE[found.role]
    slot = found.slots[0]
    if not isinstance(view.value(slot), str | int | float):
        return None
    if is_model(view, slot):
        return InputType.LORA if found.role is Role.LORA else InputType.CHECKPOINT
    return _type_of_slot(view, slot)


def _type_of_slot(view: GraphView, slot: Slot) -> InputType | None:
    described = view.type_of(slot)
    if described == _DYNAMIC:
        return None  # another choice would need other inputs
    kind = _BY_TYPE.get(described) or _BY_TYPE.get(type_of_value(view.value(slot)) or "")
    if kind is InputType.CHOICE and not choices_of(view, slot):
        return None
    return kind


def fields(view: GraphView, found: Found, kind: InputType) -> Fields:
    """Return all fields of the table but its name; the graph has the default."""
    table: Fields = {"type": kind, "description": _describe(view, found)}
    if found.slots:
        table["targets"] = tuple(map(str, found.slots))
    if found.replaces is not None:
        table = {**table, "targets": (), "replaces": found.replaces}
    match kind:
        case InputType.INTEGER | InputType.NUMBER:
            table |= _number(view, found, kind)
        case InputType.CHOICE:
            table |= _choice(view, found.slots[0])
        case InputType.SEED:
            table |= _seed(view, found)
        case InputType.IMAGE | InputType.VIDEO | InputType.AUDIO:
            table["required"] = True
        case InputType.MASK:
            table["required"] = bool(found.slots)
    if found.is_hidden or _is_technical(view, found, table):
        table |= {"hidden": True, "required": False}
    return {name: value for name, value in table.items() if _says_something(value)}


def _is_technical(view: GraphView, found: Found, table: Fields) -> bool:
    """Return whether it has a single choice, or is about the machine."""
    if found.role is not Role.OTHER:
        return False
    if table["type"] is InputType.CHOICE and len(table["choices"]) == 1:
        return True
    words = (found.slots[0].input_name.rpartition(".")[2], found.name)
    return any(_TECHNICAL.search(one) for one in words) or (
        view.type_of(found.slots[0]) == "COMBO" and _BACKEND.search(found.name) is not None
    )


def size_fields(view: GraphView, width: Found, height: Found) -> Fields:
    """Return the fields of a size made of its two sides."""
    steps = [_bounds(view, found)[2] for found in (width, height)]
    known = [int(step) for step in steps if step is not None and step <= LARGEST_MULTIPLE]
    return {
        "type": InputType.SIZE,
        "description": "Shape of the picture",
        "width": tuple(map(str, width.slots)),
        "height": tuple(map(str, height.slots)),
        # Most autoencoders make one value of 8 x 8 pixels.
        "multiple": max([8, *known]),
    }


def choices_of(view: GraphView, slot: Slot) -> tuple[str, ...]:
    """Return a list's choices: the class's, or the node's own options."""
    spec = view.spec(slot)
    listed = (spec.choices if spec is not None else None) or ()
    if not listed:
        own = [one for one in view.literals(slot.node_id) if _OPTION.fullmatch(one.input_name)]
        listed = tuple(str(view.value(one)) for one in own)
    return tuple(dict.fromkeys(one for one in listed if one))


def _says_something(value: object) -> bool:
    # `is`: 0 equals False, but says something.
    return value is not None and value is not False and value not in ("", ())


def _choice(view: GraphView, slot: Slot) -> Fields:
    table: Fields = {"choices": choices_of(view, slot)}
    # Such a class reads its choice twice: as a text, and as the position of it.
    if "index" in view.graph[slot.node_id]["inputs"]:
        table["positions"] = (str(Slot(slot.node_id, "index")),)
    return table


def _seed(view: GraphView, found: Found) -> Fields:
    mosts = [
        spec.max for slot in found.slots for spec in _specs(view, slot) if spec.max is not None
    ]
    most = min(mosts, default=MAX_SEED)
    return {"max": int(most)} if most < MAX_SEED else {}


def _number(view: GraphView, found: Found, kind: InputType) -> Fields:
    value = view.value(found.slots[0])
    least, most, step = _bounds(view, found)
    if not isinstance(value, int | float):
        return {}
    least, most = _sensible(found, value, least, most)
    # What the author saved is allowed, whatever the class says.
    if least is not None and value < least:
        least = None
    if most is not None:
        most = max(most, value)
    if kind is InputType.INTEGER:
        return {
            "min": _whole(least),
            "max": _whole(most),
            "step": _whole(step) if _fits(value, least, step) else None,
            "default": _whole_value(view, found, value),
        }
    return {"min": least, "max": most}


def _whole_value(view: GraphView, found: Found, value: float) -> int | None:
    """Return the value, or the class's default if the file has a fraction for an integer."""
    if float(value).is_integer():
        return int(value)
    spec = view.spec(found.slots[0])
    return spec.default if spec is not None and isinstance(spec.default, int) else None


def _sensible(
    found: Found, value: float, least: float | None, most: float | None
) -> tuple[float | None, float | None]:
    """Return bounds for people: the class's own allow what would run for days."""
    own = math.inf if most is None else most
    match found.role:
        case Role.STEPS:
            return max(least or 1, 1), min(own, max(MOST_STEPS, value))
        case Role.COUNT:
            return 1, min(own, max(MOST_PICTURES, value))
        case Role.LENGTH | Role.DURATION:
            return max(least or 1, 1), min(own, LONGER * value)
    if found.name == "megapixels":
        return least, min(own, max(MOST_MEGAPIXELS, value))
    return least, most


def _bounds(view: GraphView, found: Found) -> tuple[float | None, float | None, float | None]:
    """Return the narrowest bounds of all inputs that the value reaches directly."""
    specs = [spec for slot in found.slots for spec in _specs(view, slot)]
    leasts = [one.min for one in specs if one.min is not None and abs(one.min) < LARGEST_BOUND]
    mosts = [one.max for one in specs if one.max is not None and abs(one.max) < LARGEST_BOUND]
    steps = [one.step for one in specs if one.step is not None]
    return max(leasts, default=None), min(mosts, default=None), max(steps, default=None)


def _specs(view: GraphView, slot: Slot) -> list[InputSpec]:
    slots = [slot]
    if view.is_primitive(slot.node_id):
        slots += [used for used, _ in view.users(slot.node_id)]
    found = [(one, view.spec(one)) for one in slots]
    return [spec for one, spec in found if spec is not None and spec.type in {"INT", "FLOAT"}]


def _fits(value: float, least: float | None, step: float | None) -> bool:
    # Steps that miss the author's own value would refuse it.
    if step is None or step <= 1 or not float(step).is_integer():
        return False
    return (value - (least or 0)) % step == 0


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _describe(view: GraphView, found: Found) -> str | None:
    """Return the author's description, or the node's, if the command has none for it."""
    if found.description:
        return _cut(found.description)
    if found.role in MEDIA_ROLES:
        node_id = found.replaces or found.slots[0].node_id
        return _cut(view.own_title(node_id) or "")
    if found.role not in _DESCRIBED:
        return None
    spec = view.spec(found.slots[0])
    words = " ".join((spec.tooltip or "").split()) if spec is not None else ""
    return _cut(words.split(". ")[0])


def _cut(words: str) -> str:
    line = " ".join(words.split())
    if len(line) <= DESCRIPTION_CHARACTERS:
        return line
    return f"{line[: DESCRIPTION_CHARACTERS - 1]}…"
