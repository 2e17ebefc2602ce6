"""The values that all parts of a scene are drawn from, and helpers of drawing."""

import math
import random
from dataclasses import dataclass

from sandbox.comfyui.painting.palette import Palette, words_of

Point = tuple[float, float]


@dataclass
class Canvas:
    """The scene's picture size, palette, random generator and prompt words."""

    size: tuple[int, int]
    palette: Palette
    chance: random.Random
    text: str

    def __post_init__(self) -> None:
        """Split the words once."""
        self.words = frozenset(words_of(self.text))

    def mentions(self, *words: str) -> bool:
        """Say whether the prompt holds one of these words."""
        return not self.words.isdisjoint(words)


class Wave:
    """A smooth random curve over 0..1 with values around -1..1."""

    def __init__(self, chance: random.Random, octaves: int) -> None:
        self._parts = [
            (
                1 / (octave + 1) ** 1.15,
                chance.uniform(0.7, 1.5) * (octave + 1) * 1.4,
                chance.uniform(0, math.tau),
            )
            for octave in range(octaves)
        ]

    def __call__(self, x: float) -> float:
        """Return the curve's height at a place."""
        heights = [
            tall * math.sin(x * speed * math.tau + turn) for tall, speed, turn in self._parts
        ]
        return math.fsum(heights) / 1.6


def box(middle: Point, radius: float) -> tuple[float, float, float, float]:
    """Return the square around a circle."""
    return middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius
