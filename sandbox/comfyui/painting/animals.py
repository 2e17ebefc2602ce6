"""The animals a prompt may name, as silhouettes of a few shapes each."""

import random
from typing import Final

from PIL import Image, ImageDraw

from sandbox.comfyui.painting.palette import Colour, Palette, colours_in, mix

ANIMALS: Final = {
    "fox": (214, 96, 40),
    "foxes": (214, 96, 40),
    "cat": (58, 50, 58),
    "kitten": (204, 150, 96),
    "wolf": (96, 104, 118),
    "dog": (150, 104, 64),
}


def find_animal(words: frozenset[str]) -> str | None:
    """Return the animal a prompt names, if any."""
    return next((name for name in ANIMALS if name in words), None)


def draw_animal(
    picture: Image.Image, name: str, palette: Palette, text: str, chance: random.Random
) -> None:
    """Draw the animal sitting in the foreground."""
    named = colours_in(text)
    coat = mix(ANIMALS[name], named[0], 0.5) if named else ANIMALS[name]
    coat = mix(coat, palette.near, 0.25 if palette.dark else 0.05)
    side = min(picture.size) * chance.uniform(0.3, 0.38)
    left = picture.width * chance.uniform(0.2, 0.6)
    _sitting(
        picture,
        (left, picture.height * 0.95 - side),
        side,
        coat,
        mirrored=chance.getrandbits(1) == 1,
    )


def _sitting(
    picture: Image.Image, corner: tuple[float, float], side: float, coat: Colour, *, mirrored: bool
) -> None:
    """Draw a sitting fox-like animal in a square."""
    pen = ImageDraw.Draw(picture)
    pale, dark = mix(coat, (255, 250, 240), 0.85), mix(coat, (24, 18, 24), 0.8)

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [
            (corner[0] + (1 - x if mirrored else x) * side, corner[1] + y * side) for x, y in points
        ]

    def blob(left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        (x1, y1), (x2, y2) = at((left, top), (right, bottom))
        pen.ellipse((min(x1, x2), y1, max(x1, x2), y2), fill=colour)

    blob(0.52, 0.62, 1.0, 0.98, coat)
    blob(0.84, 0.7, 1.02, 0.92, pale)
    blob(0.26, 0.4, 0.66, 1.0, coat)
    pen.polygon(at((0.3, 0.42), (0.6, 0.42), (0.64, 0.8), (0.27, 0.8)), fill=coat)
    pen.polygon(at((0.34, 0.44), (0.54, 0.44), (0.45, 0.86)), fill=pale)
    blob(0.3, 0.88, 0.42, 1.0, dark)
    blob(0.45, 0.88, 0.57, 1.0, dark)
    pen.polygon(at((0.22, 0.08), (0.2, 0.34), (0.4, 0.24)), fill=coat)
    pen.polygon(at((0.66, 0.08), (0.68, 0.34), (0.48, 0.24)), fill=coat)
    pen.polygon(at((0.24, 0.13), (0.245, 0.27), (0.33, 0.23)), fill=dark)
    pen.polygon(at((0.64, 0.13), (0.635, 0.27), (0.55, 0.23)), fill=dark)
    blob(0.2, 0.19, 0.68, 0.5, coat)
    pen.polygon(at((0.2, 0.36), (0.68, 0.36), (0.44, 0.56)), fill=coat)
    pen.polygon(at((0.2, 0.37), (0.42, 0.42), (0.44, 0.56)), fill=pale)
    pen.polygon(at((0.68, 0.37), (0.46, 0.42), (0.44, 0.56)), fill=pale)
    blob(0.405, 0.51, 0.475, 0.565, dark)
    blob(0.3, 0.34, 0.345, 0.385, dark)
    blob(0.535, 0.34, 0.58, 0.385, dark)
