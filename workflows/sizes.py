"""Picture sizes: conversion of aspect ratios, and limits."""

import math
import re

MAX_SIDE = 2048
"""Pixels; larger pictures exhaust most GPUs."""

MAX_AREA = 4_000_000
"""Pixels: 4 megapixels, for the same reason."""

DEFAULT_AREA = 1024 * 1024
"""Pixels on which current models were trained."""

MIN_SIDE = 64
"""Pixels; models draw nothing below."""

MAX_RATIO = 4
"""Width to height or the reverse; models repeat the subject beyond it."""

_ASPECT = re.compile(r"\s*([1-9]\d{0,3})\s*:\s*([1-9]\d{0,3})\s*", re.ASCII)
_PAIR = re.compile(r"\s*([1-9]\d{0,4})\s*[xX\u00d7]\s*([1-9]\d{0,4})\s*", re.ASCII)


def parse_aspect(text: str) -> float | None:
    """Return width divided by height of "16:9"; None for anything but a usable ratio."""
    match = _ASPECT.fullmatch(text)
    if match is None:
        return None
    ratio = int(match[1]) / int(match[2])
    return ratio if 1 / MAX_RATIO <= ratio <= MAX_RATIO else None


def parse_pair(text: str) -> tuple[int, int] | None:
    """Return width and height of "1024x768", or None."""
    match = _PAIR.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def size_of_aspect(ratio: float, *, area: int, multiple: int) -> tuple[int, int]:
    """Return width and height near an area in pixels, multiples of `multiple` in the limits."""
    area = min(area, MAX_AREA)
    width = min(math.sqrt(area * ratio), MAX_SIDE, MAX_SIDE * ratio)
    return fit((round(width), round(width / ratio)), multiple=multiple)


def fit(size: tuple[int, int], *, multiple: int) -> tuple[int, int]:
    """Return the nearest size within the limits, in multiples."""
    width, height = (_nearest(side, multiple) for side in size)
    while width * height > MAX_AREA:
        if width >= height:
            width -= multiple
        else:
            height -= multiple
    return width, height


def is_within_limits(size: tuple[int, int]) -> bool:
    """Return whether people may request the size."""
    width, height = size
    return min(size) >= MIN_SIDE and max(size) <= MAX_SIDE and width * height <= MAX_AREA


def _nearest(side: int, multiple: int) -> int:
    """Round to a multiple, half up, between the smallest and the largest side."""
    least = math.ceil(MIN_SIDE / multiple)
    return multiple * max(least, min((2 * side + multiple) // (2 * multiple), MAX_SIDE // multiple))
