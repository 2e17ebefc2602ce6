"""Picture sizes: what an aspect ratio comes to, and what is too large."""

import math
import re

MAX_SIDE = 2048
"""Pixels; larger pictures exhaust most graphics cards."""

MAX_AREA = 4_000_000
"""Pixels: 4 megapixels, for the same reason."""

DEFAULT_AREA = 1024 * 1024
"""Pixels; what current models were trained on."""

MIN_SIDE = 64
"""Pixels; below it no model draws anything."""

MAX_RATIO = 4
"""Width to height or the reverse; models repeat the picture's subject beyond it."""

_ASPECT = re.compile(r"\s*([1-9]\d{0,3})\s*:\s*([1-9]\d{0,3})\s*", re.ASCII)
_PAIR = re.compile(r"\s*([1-9]\d{0,4})\s*[xX\u00d7]\s*([1-9]\d{0,4})\s*", re.ASCII)


def parse_aspect(text: str) -> float | None:
    """Width divided by height of "16:9", or None for anything that is not a usable ratio."""
    match = _ASPECT.fullmatch(text)
    if match is None:
        return None
    ratio = int(match[1]) / int(match[2])
    return ratio if 1 / MAX_RATIO <= ratio <= MAX_RATIO else None


def parse_pair(text: str) -> tuple[int, int] | None:
    """Width and height of "1024x768", or None."""
    match = _PAIR.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def size_of_aspect(ratio: float, *, area: int, multiple: int) -> tuple[int, int]:
    """Width and height near an area in pixels, both multiples of `multiple`, within the limits."""
    area = min(area, MAX_AREA)
    width = min(math.sqrt(area * ratio), MAX_SIDE, MAX_SIDE * ratio)
    return fit((round(width), round(width / ratio)), multiple=multiple)


def fit(size: tuple[int, int], *, multiple: int) -> tuple[int, int]:
    """The nearest size of multiples that the limits allow."""
    width, height = (_nearest(side, multiple) for side in size)
    while width * height > MAX_AREA:
        if width >= height:
            width -= multiple
        else:
            height -= multiple
    return width, height


def is_within_limits(size: tuple[int, int]) -> bool:
    """Whether a size is one that people may ask for."""
    width, height = size
    return min(size) >= MIN_SIDE and max(size) <= MAX_SIDE and width * height <= MAX_AREA


def _nearest(side: int, multiple: int) -> int:
    """Half rounds up; at least one multiple and at least the smallest side, at most the largest."""
    least = math.ceil(MIN_SIDE / multiple)
    return multiple * max(least, min((2 * side + multiple) // (2 * multiple), MAX_SIDE // multiple))
