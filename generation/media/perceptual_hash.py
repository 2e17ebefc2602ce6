"""PDQ, a perceptual hash: nearly the same for a picture that is re-encoded, scaled or brightened.

It is computed with Pillow alone, from a copy of a thumbnail's size. The algorithm, and its figures:
https://github.com/facebook/ThreatExchange/blob/main/hashing/hashing.pdf
"""

import math
from collections.abc import Iterable, Sequence
from operator import add, mul, sub

from PIL import Image, ImageChops, ImageFilter, ImageOps

from generation.media.imaging import THUMBNAIL_SIDE, find_small
from generation.media.normalising import on_black
from generation.record import PictureHash

HASH_BITS = 256

LEAST_DETAIL = 50
"""PDQ's bound for its measure of detail, from 0 to 100: hashes of what shows less are noise."""

_CELLS = 64
"""A side of the grey picture whose frequencies are compared."""

_BLUR = ImageFilter.BoxBlur((THUMBNAIL_SIDE / (2 * _CELLS) - 1) / 2)
"""PDQ's filter is half a cell wide, and used twice."""

_COSINES = tuple(
    tuple(math.cos(math.pi * number * (2 * x + 1) / (2 * _CELLS)) for x in range(_CELLS // 2))
    for number in range(1, 17)
)
"""The left half of the sixteen lowest cosines; the right half of an odd one is the negative."""


def hash_picture(content: bytes) -> PictureHash | None:
    """Hash a picture, the first frame of an animation; None of what is unreadable or too plain."""
    image = find_small(content, THUMBNAIL_SIDE)
    return None if image is None else hash_image(image)


def hash_image(image: Image.Image) -> PictureHash | None:
    """Hash a picture in RGB or RGBA; None if it has too little detail to be recognized."""
    small = on_black(image).convert("L").resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    cells = _sample(small)
    if _measure_detail(cells) < LEAST_DETAIL:
        return None
    # The cosines of PDQ's cells are no mirror images: a mirrored picture has to be sampled again.
    return PictureHash(_hash_cells(cells), _hash_cells(_sample(ImageOps.mirror(small))))


def _sample(small: Image.Image) -> Image.Image:
    return small.filter(_BLUR).filter(_BLUR).resize((_CELLS, _CELLS), Image.Resampling.NEAREST)


def _measure_detail(cells: Image.Image) -> int:
    total = 0
    for horizontal, vertical in ((1, 0), (0, 1)):
        kept = (0, 0, _CELLS - horizontal, _CELLS - vertical)
        shifted = (horizontal, vertical, _CELLS, _CELLS)
        steps = ImageChops.difference(cells.crop(kept), cells.crop(shifted)).histogram()
        total += sum(step * 100 // 255 * count for step, count in enumerate(steps))
    return min(100, total // 90)


def _hash_cells(cells: Image.Image) -> int:
    """Set a bit for each coefficient above the median, the lowest frequency first as in PDQ."""
    grey = cells.tobytes()
    rows = [grey[start : start + _CELLS] for start in range(0, len(grey), _CELLS)]
    strengths = [one for row in _transform(_transform(rows)) for one in row]
    median = sorted(strengths)[HASH_BITS // 2 - 1]
    return sum((one > median) << bit for bit, one in enumerate(strengths))


def _transform(rows: Iterable[Sequence[float]]) -> list[tuple[float, ...]]:
    """Return the transposed cosine transform of the rows, one frequency a row."""
    found = []
    for row in rows:
        folded = row[: _CELLS // 2 - 1 : -1]
        halves = list(map(add, row, folded)), list(map(sub, row, folded))
        found.append(
            [
                sum(map(mul, cosine, halves[number % 2]))
                for number, cosine in enumerate(_COSINES, start=1)
            ]
        )
    return list(zip(*found, strict=True))
