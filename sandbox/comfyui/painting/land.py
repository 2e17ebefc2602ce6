"""Draws the land: ridges in the haze, trees, flowers, a town."""

from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw

from sandbox.comfyui.painting.canvas import Canvas, Point, Wave, box
from sandbox.comfyui.painting.palette import Colour, mix

THINNING: Final = 0.42
"""The part of the places on a ridge where no tree stands."""
NEAR_LAND: Final = 0.75
"""From here on a ridge counts as foreground: 0 is the horizon, 1 the viewer."""
TREE_LINE: Final = 0.3
SNOW_DETAIL: Final = 0.45
SMOOTH: Final = 2
CRAGGY: Final = 4


def draw_ridge(picture: Image.Image, canvas: Canvas, base: float, share: float) -> None:
    """Draw one range of hills, hazier the farther away, and what grows on it."""
    width, height = picture.size
    chance, palette = canvas.chance, canvas.palette
    steep = 1.0 if canvas.mentions("mountain", "mountains", "alps", "peak") else 0.55
    smooth = SMOOTH if canvas.mentions("dune", "dunes", "desert", "hills", "meadow") else CRAGGY
    wave = Wave(chance, smooth)
    tall = height * (0.17 - 0.09 * share) * steep * 1.5
    points: list[Point] = []
    for step in range(161):
        x = step / 160
        jag = (chance.random() - 0.5) * 0.09 * (1 - share) * (smooth > SMOOTH)
        points.append((x * width, base - tall * (wave(x) + jag)))
    colour = mix(mix(palette.far, palette.sky[2], 0.3), palette.near, share**1.15)
    _shaded_land(picture, points, colour, mix(colour, palette.sky[2], 0.28 * (1 - share) + 0.08))
    wooded = canvas.mentions(
        "forest",
        "wood",
        "woods",
        "tree",
        "trees",
        "fox",
        "deer",
        "bear",
        "wolf",
        "owl",
        "jungle",
        "cabin",
    )
    if wooded and share > TREE_LINE:
        _trees(picture, canvas, points, share)
    elif canvas.mentions("flower", "flowers", "garden", "meadow", "spring") and share > NEAR_LAND:
        _flowers(picture, canvas, base)


def _shaded_land(
    picture: Image.Image, points: Sequence[Point], colour: Colour, haze: Colour
) -> None:
    """Fill the land below a ridge, with mist gathering at its foot."""
    width, height = picture.size
    mask = Image.new("L", picture.size, 0)
    ImageDraw.Draw(mask).polygon([*points, (width, height), (0, height)], fill=255)
    top = min(point[1] for point in points)
    column = Image.new("RGB", (1, 64))
    for row in range(64):
        y = row / 63 * height
        share = max(0.0, min(1.0, (y - top) / max(1.0, height * 0.28)))
        column.putpixel((0, row), mix(colour, haze, share))
    picture.paste(column.resize(picture.size, Image.Resampling.BICUBIC), (0, 0), mask)


def _trees(picture: Image.Image, canvas: Canvas, points: Sequence[Point], share: float) -> None:
    chance, palette = canvas.chance, canvas.palette
    pen = ImageDraw.Draw(picture)
    tall = picture.height * (0.03 + 0.13 * share**2)
    snowy = canvas.mentions("snow", "snowy", "winter")
    base = mix(palette.far, mix(palette.near, (18, 44, 44), 0.9 if snowy else 0.45), share)
    for x, y in points[:: max(1, int(7 * share))]:
        if chance.random() < THINNING:
            continue
        height = tall * chance.uniform(0.55, 1.15)
        colour = mix(base, palette.sky[1], chance.random() * 0.16)
        _fir(pen, (x + chance.uniform(-8, 8), y + height * 0.1), height, colour)
        if snowy and share > SNOW_DETAIL:
            _fir_snow(pen, (x, y + height * 0.1), height, mix(palette.sky[2], (255, 255, 255), 0.5))


def _fir(pen: ImageDraw.ImageDraw, foot: Point, height: float, colour: Colour) -> None:
    x, y = foot
    pen.rectangle(
        (x - height * 0.02, y - height * 0.16, x + height * 0.02, y),
        fill=mix(colour, (30, 18, 14), 0.5),
    )
    for tier in range(4):
        half = height * (0.23 - tier * 0.045)
        low = y - height * (0.1 + tier * 0.2)
        pen.polygon(((x - half, low), (x + half, low), (x, low - height * 0.36)), fill=colour)


def _fir_snow(pen: ImageDraw.ImageDraw, foot: Point, height: float, colour: Colour) -> None:
    x, y = foot
    for tier in range(1, 4):
        half = height * (0.23 - tier * 0.045)
        low = y - height * (0.1 + tier * 0.2)
        pen.polygon(
            (
                (x, low - height * 0.36),
                (x - half * 0.55, low - height * 0.16),
                (x, low - height * 0.22),
            ),
            fill=colour,
        )


def _flowers(picture: Image.Image, canvas: Canvas, base: float) -> None:
    chance, palette = canvas.chance, canvas.palette
    pen = ImageDraw.Draw(picture)
    shades = (
        palette.accent,
        mix(palette.accent, (255, 255, 255), 0.5),
        (250, 214, 90),
        palette.lamp,
    )
    for _ in range(260):
        depth = chance.random() ** 0.6
        y = base + (picture.height - base) * depth
        radius = max(picture.size) * (0.002 + 0.005 * depth) * chance.uniform(0.6, 1.2)
        x = chance.uniform(0, picture.width)
        pen.line(
            ((x, y), (x, y + radius * 4)),
            fill=mix(palette.near, (40, 90, 50), 0.5),
            width=max(1, int(radius / 2)),
        )
        pen.ellipse(box((x, y), radius), fill=chance.choice(shades))


def draw_town(picture: Image.Image, canvas: Canvas, base: float) -> None:
    """Draw two rows of houses with lit windows."""
    chance, palette = canvas.chance, canvas.palette
    pen = ImageDraw.Draw(picture)
    width, height = picture.size
    for row in range(2):
        x = -width * 0.02
        colour = mix(palette.far, palette.near, 0.5 + row * 0.4)
        while x < width:
            wide = width * chance.uniform(0.03, 0.075)
            tall = height * chance.uniform(0.1, 0.34 - row * 0.1)
            top = base + row * height * 0.1 - tall
            pen.rectangle((x, top, x + wide, height), fill=colour)
            if canvas.mentions("castle", "town"):
                pen.polygon(
                    ((x, top), (x + wide, top), (x + wide / 2, top - wide * 0.8)), fill=colour
                )
            _windows(pen, canvas, (x, top, x + wide, base + row * height * 0.1 + height * 0.1))
            x += wide * chance.uniform(1.0, 1.2)


def _windows(
    pen: ImageDraw.ImageDraw, canvas: Canvas, wall: tuple[float, float, float, float]
) -> None:
    left, top, right, bottom = wall
    unit = (right - left) / 7
    lit = 0.55 if canvas.palette.dark else 0.2
    for column in range(3):
        for row in range(int((bottom - top) / (unit * 2.4))):
            if canvas.chance.random() < lit:
                x, y = left + unit * (1 + column * 2), top + unit * (1 + row * 2.4)
                tint = canvas.chance.choice(
                    (canvas.palette.lamp, canvas.palette.accent, canvas.palette.lamp)
                )
                pen.rectangle((x, y, x + unit, y + unit * 1.3), fill=tint)
