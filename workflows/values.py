"""Conversion of one given value for one input, or its refusal."""

import math
from collections.abc import Callable, Sequence

from workflows import sizes
from workflows.errors import InvalidValue
from workflows.lora_tags import MAX_WEIGHT, format_value, parse_value
from workflows.manifest import MAX_SEED, Input, InputType, Scalar, Value

MAX_DIGITS = 32
"""Digits of a number, more than any bound has; Python refuses to parse thousands of them."""

MAX_FILE_NAME = 255
"""Characters of a model's name, the limit of file systems for a path component."""


def coerce(wanted: Input, value: object) -> Value:
    """Return the value for the graph. Raises InvalidValue.

    Names of models are not looked up.
    """
    return _COERCIONS[wanted.type](wanted, value)


def size_for(aspect: str, wanted: Input) -> tuple[int, int]:
    """Return width and height of an aspect ratio such as "16:9" for a size input.

    Raises InvalidValue.
    """
    ratio = sizes.parse_aspect(aspect)
    if ratio is None:
        raise InvalidValue(
            wanted.name,
            "{name} must be a ratio such as 16:9, no longer than {limit}:1.",
            {"limit": sizes.MAX_RATIO},
        )
    return _size_of(ratio, wanted)


def size_like(picture: tuple[int, int], wanted: Input) -> tuple[int, int]:
    """Width and height for a size input in a picture's proportions, as far as they are allowed."""
    ratio = picture[0] / picture[1]
    return _size_of(min(max(ratio, 1 / sizes.MAX_RATIO), sizes.MAX_RATIO), wanted)


def largest_seed(wanted: Input) -> int:
    """Return the largest number that a seed input accepts."""
    return MAX_SEED if wanted.max is None else min(int(wanted.max), MAX_SEED)


def _size_of(ratio: float, wanted: Input) -> tuple[int, int]:
    area = wanted.area or sizes.DEFAULT_AREA
    return sizes.size_of_aspect(ratio, area=area, multiple=wanted.multiple)


def _text(wanted: Input, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidValue(wanted.name, "{name} must be text.")
    if wanted.max is not None and len(value) > wanted.max:
        raise InvalidValue(
            wanted.name,
            "{name} must be at most {limit} characters long; this has {length}.",
            {"limit": wanted.max, "length": len(value)},
        )
    if wanted.min is not None and len(value) < wanted.min:
        raise InvalidValue(
            wanted.name, "{name} must be at least {limit} characters long.", {"limit": wanted.min}
        )
    return value


def _integer(wanted: Input, value: object) -> int:
    number = _read_integer(value)
    if number is None or not _is_within(wanted, number):
        raise _not_whole(wanted)
    return number


def _number(wanted: Input, value: object) -> float:
    number = _read_number(value)
    if number is None or not _is_within(wanted, number):
        raise _not_a_number(wanted)
    return number


def _seed(wanted: Input, value: object) -> int:
    number, most = _read_integer(value), largest_seed(wanted)
    if number is None or not 0 <= number <= most:
        raise InvalidValue(
            wanted.name, "{name} must be a whole number: {bounds}.", {"bounds": f"0 … {most}"}
        )
    return number


def _boolean(wanted: Input, value: object) -> bool:
    if isinstance(value, str):
        value = {"true": True, "yes": True, "false": False, "no": False}.get(value.strip().lower())
    if not isinstance(value, bool):
        raise InvalidValue(wanted.name, "{name} must be true or false.")
    return value


def _choice(wanted: Input, value: object) -> str:
    found = find_choice(value, wanted.choices)
    if found is None:
        raise InvalidValue(
            wanted.name,
            "{name} must be one of {listed}.",
            {"listed": ", ".join(wanted.choices)},
        )
    return found


def _model(wanted: Input, value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_FILE_NAME or not value.isprintable():
        raise InvalidValue(wanted.name, "{name} must be the name of a model.")
    return value


def _loras(wanted: Input, value: object) -> str:
    try:
        loras = parse_value(value if isinstance(value, str) else "")
    except ValueError:
        raise InvalidValue(
            wanted.name,
            "{name} has a weight that is no number from -{limit} to {limit}.",
            {"limit": f"{MAX_WEIGHT:g}"},
        ) from None
    for lora in loras:
        _model(wanted, lora.name)
    return format_value(loras)


def _size(wanted: Input, value: object) -> tuple[int, int]:
    if isinstance(value, str) and ":" in value:
        return size_for(value, wanted)
    size = sizes.parse_pair(value) if isinstance(value, str) else _read_pair(value)
    if size is None:
        raise InvalidValue(
            wanted.name, "{name} must be a ratio such as 16:9 or a size such as 1024x768."
        )
    if not sizes.is_within_limits(size):
        raise InvalidValue(
            wanted.name,
            "{name} must be from {least} to {most} pixels a side and at most 4 megapixels.",
            {"least": sizes.MIN_SIDE, "most": sizes.MAX_SIDE},
        )
    return sizes.fit(size, multiple=wanted.multiple)


def _file(wanted: Input, _value: object) -> Scalar:
    raise InvalidValue(wanted.name, "{name} must be attached as a file.")


_COERCIONS: dict[InputType, Callable[[Input, object], Value]] = {
    InputType.TEXT: _text,
    InputType.INTEGER: _integer,
    InputType.NUMBER: _number,
    InputType.BOOLEAN: _boolean,
    InputType.CHOICE: _choice,
    InputType.CHECKPOINT: _model,
    InputType.LORA: _loras,
    InputType.SIZE: _size,
    InputType.SEED: _seed,
    InputType.IMAGE: _file,
    InputType.MASK: _file,
    InputType.VIDEO: _file,
    InputType.AUDIO: _file,
}


def _not_whole(wanted: Input) -> InvalidValue:
    facts = {"bounds": _bounds(wanted), "step": wanted.step}
    if wanted.step not in (None, 1):
        return InvalidValue(
            wanted.name, "{name} must be a whole number: {bounds}, in steps of {step}.", facts
        )
    if facts["bounds"]:
        return InvalidValue(wanted.name, "{name} must be a whole number: {bounds}.", facts)
    return InvalidValue(wanted.name, "{name} must be a whole number.", facts)


def _not_a_number(wanted: Input) -> InvalidValue:
    facts = {"bounds": _bounds(wanted), "step": wanted.step}
    if wanted.step is not None:
        return InvalidValue(
            wanted.name, "{name} must be a number: {bounds}, in steps of {step}.", facts
        )
    if facts["bounds"]:
        return InvalidValue(wanted.name, "{name} must be a number: {bounds}.", facts)
    return InvalidValue(wanted.name, "{name} must be a number.", facts)


def find_choice(value: object, choices: Sequence[str]) -> str | None:
    """Return the choice of this name: exact, or the only match ignoring case."""
    if not isinstance(value, str):
        return None
    if value in choices:
        return value
    alike = [choice for choice in choices if choice.casefold() == value.casefold()]
    return alike[0] if len(alike) == 1 else None


def _read_integer(value: object) -> int | None:
    if isinstance(value, str):
        text = value.strip()
        # isdecimal() and int() take the digits of every script.
        if len(text) > MAX_DIGITS or not text.isascii():
            return None
        return int(text) if text.removeprefix("-").isdecimal() else None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _read_number(value: object) -> float | None:
    # A bool is an int to Python, and to nobody else.
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _read_pair(value: object) -> tuple[int, int] | None:
    if not isinstance(value, list | tuple) or len(value) != 2:  # noqa: PLR2004 - width and height
        return None
    width, height = (_read_integer(side) for side in value)
    return None if width is None or height is None else (width, height)


def _is_within(wanted: Input, number: float) -> bool:
    least = -math.inf if wanted.min is None else wanted.min
    most = math.inf if wanted.max is None else wanted.max
    return least <= number <= most and _is_on_step(wanted, number)


def _is_on_step(wanted: Input, number: float) -> bool:
    if wanted.step is None:
        return True
    steps = (number - (wanted.min or 0)) / wanted.step
    # Binary fractions: 0.3 / 0.1 is 2.9999999999999996.
    return math.isclose(steps, round(steps), abs_tol=1e-6)


def _bounds(wanted: Input) -> str:
    if wanted.min is not None and wanted.max is not None:
        return f"{wanted.min} … {wanted.max}"
    if wanted.min is not None:
        return f"≥ {wanted.min}"
    return f"≤ {wanted.max}" if wanted.max is not None else "…" if wanted.step else ""
