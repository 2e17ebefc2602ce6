"""Draws a scene: sky, lamp, ridges, water, trees, a town and animals, as far as the words ask."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from sandbox.comfyui.animals import draw_animal, find_animal
from sandbox.comfyui.palette import Colour, Palette, mix, words_of

Point = tuple[float, float]

CRESCENT_SHARE: Final = 0.6
"""How many of the moons are crescents."""
THINNING: Final = 0.42
"""The part of the places on a ridge where no tree stands."""
NEAR_LAND: Final = 0.75
"""From here on a ridge counts as foreground: 0 is the horizon, 1 the viewer."""
TREE_LINE: Final = 0.3
SNOW_DETAIL: Final = 0.45
GLITTER_SHARE: Final = 0.55
"""How much of the water's glitter lies under the lamp."""
HALF: Final = 0.5
SMOOTH: Final = 2
CRAGGY: Final = 4


@dataclass
class Canvas:
    """What is being drawn, in what colours, by which chance and for which words."""

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


def draw_scene(canvas: Canvas) -> Image.Image:
    """Draw the whole scene, back to front."""
    width, height = canvas.size
    chance = canvas.chance
    horizon = height * chance.uniform(0.5, 0.64)
    picture = _sky(canvas, horizon)
    lamp = (width * chance.uniform(0.2, 0.8), horizon - height * chance.uniform(0.1, 0.36))
    if canvas.palette.dark or canvas.mentions("star", "stars"):
        _stars(picture, canvas, horizon)
    if canvas.mentions("aurora", "galaxy", "nebula", "magic", "magical"):
        picture = _aurora(picture, canvas, horizon)
    if canvas.mentions("planet", "space", "galaxy"):
        _planet(picture, canvas)
    else:
        picture = _lamp(picture, canvas, lamp)
    _clouds(picture, canvas, horizon)
    layers = chance.randint(4, 6)
    wet = canvas.mentions(
        "sea", "ocean", "lake", "water", "river", "beach", "whale", "boat", "ship", "island"
    )
    for layer in range(layers - 2 if wet else layers):
        share = (layer + 1) / layers
        base = horizon + (height - horizon) * (share - 0.22) * 0.95
        _ridge(picture, canvas, base, share)
    if canvas.mentions("city", "town", "street", "castle", "cyberpunk", "neon", "skyline"):
        _town(picture, canvas, horizon + height * 0.05)
        picture = _water(picture, canvas, horizon + height * 0.2, lamp)
    if wet:
        picture = _water(picture, canvas, horizon + height * chance.uniform(0.1, 0.16), lamp)
        _ridge(picture, canvas, height * 0.96, 1.0)
    animal = find_animal(canvas.words)
    if animal is not None:
        draw_animal(picture, animal, canvas.palette, canvas.text, chance)
    if canvas.mentions("snow", "snowy", "winter", "blizzard"):
        picture = _snowfall(picture, canvas)
    if canvas.mentions("rain", "rainy", "storm"):
        picture = _rainfall(picture, canvas)
    return picture


def _sky(canvas: Canvas, horizon: float) -> Image.Image:
    width, height = canvas.size
    top, middle, low = canvas.palette.sky
    column = Image.new("RGB", (1, 256))
    for row in range(256):
        share = min(1.0, row / 255 * height / horizon)
        colour = mix(top, middle, share * 2) if share < HALF else mix(middle, low, share * 2 - 1)
        column.putpixel((0, row), colour)
    return column.resize((width, height), Image.Resampling.BICUBIC)


def _lamp(picture: Image.Image, canvas: Canvas, place: Point) -> Image.Image:
    """Hang sun or moon with its glow."""
    width, height = canvas.size
    radius = min(width, height) * canvas.chance.uniform(0.045, 0.1)
    glow = Image.new("L", (128, 128), 0)
    scale = 128 / width, 128 / height
    pen = ImageDraw.Draw(glow)
    for ring in range(14, 0, -1):
        reach = radius * (1 + ring * 0.42)
        pen.ellipse(
            (
                (place[0] - reach) * scale[0],
                (place[1] - reach) * scale[1],
                (place[0] + reach) * scale[0],
                (place[1] + reach) * scale[1],
            ),
            fill=int(170 * (1 - ring / 15) ** 1.6),
        )
    glow = glow.filter(ImageFilter.GaussianBlur(4)).resize(picture.size, Image.Resampling.BICUBIC)
    light = Image.new("RGB", picture.size, canvas.palette.lamp)
    picture = Image.composite(light, picture, glow)
    disc = Image.new("L", picture.size, 0)
    pen = ImageDraw.Draw(disc)
    pen.ellipse(_box(place, radius), fill=255)
    if canvas.palette.dark and canvas.chance.random() < CRESCENT_SHARE:
        pen.ellipse(
            _box((place[0] - radius * 0.45, place[1] - radius * 0.15), radius * 0.92), fill=0
        )
    picture.paste(light, (0, 0), disc)
    return picture


def _stars(picture: Image.Image, canvas: Canvas, horizon: float) -> None:
    pen = ImageDraw.Draw(picture)
    unit = max(picture.size) / 1024
    for _ in range(canvas.chance.randint(140, 240)):
        place = canvas.chance.uniform(0, picture.width), canvas.chance.uniform(0, horizon)
        radius = unit * canvas.chance.choice((0.6, 0.8, 0.8, 1.1, 1.8))
        fade = 0.25 + 0.6 * canvas.chance.random() * (1 - place[1] / horizon)
        pen.ellipse(
            _box(place, radius), fill=mix(canvas.palette.sky[1], (255, 252, 240), fade + 0.15)
        )


def _aurora(picture: Image.Image, canvas: Canvas, horizon: float) -> Image.Image:
    width, height = 256, 256
    veil = Image.new("RGB", (width, height))
    pen = ImageDraw.Draw(veil)
    shades = [canvas.palette.accent, (70, 230, 170), (130, 110, 250)]
    for band in range(3):
        wave = _Wave(canvas.chance, 3)
        base = height * horizon / picture.height * canvas.chance.uniform(0.35, 0.75)
        colour = mix((0, 0, 0), shades[band], 0.75)
        for x in range(width):
            middle = base + wave(x / width) * 26
            tall = 30 + 24 * abs(wave(x / width * 2.7 + 0.3))
            pen.line(((x, middle - tall), (x, middle)), fill=colour)
    veil = veil.filter(ImageFilter.GaussianBlur(7)).resize(picture.size, Image.Resampling.BICUBIC)
    return ImageChops.screen(picture, veil)


def _planet(picture: Image.Image, canvas: Canvas) -> None:
    chance = canvas.chance
    place = picture.width * chance.uniform(0.15, 0.85), picture.height * chance.uniform(0.14, 0.3)
    radius = min(picture.size) * chance.uniform(0.08, 0.14)
    disc = Image.new("L", picture.size, 0)
    ImageDraw.Draw(disc).ellipse(_box(place, radius), fill=255)
    shaded = Image.new("RGB", picture.size, mix(canvas.palette.accent, canvas.palette.sky[0], 0.2))
    pen = ImageDraw.Draw(shaded)
    for stripe in range(7):
        top = place[1] - radius + stripe * radius / 3
        tint = mix(canvas.palette.accent, canvas.palette.lamp, chance.random() * 0.6)
        pen.rectangle((place[0] - radius, top, place[0] + radius, top + radius / 5), fill=tint)
    night = Image.new("L", picture.size, 0)
    ImageDraw.Draw(night).ellipse(
        _box((place[0] + radius * 0.5, place[1] + radius * 0.3), radius * 1.2), fill=120
    )
    shaded = Image.composite(Image.new("RGB", picture.size, canvas.palette.sky[0]), shaded, night)
    picture.paste(shaded, (0, 0), disc)
    pen = ImageDraw.Draw(picture)
    ring = (
        place[0] - radius * 1.8,
        place[1] - radius * 0.34,
        place[0] + radius * 1.8,
        place[1] + radius * 0.34,
    )
    pen.arc(ring, 350, 190, fill=canvas.palette.lamp, width=max(2, int(radius * 0.07)))


def _clouds(picture: Image.Image, canvas: Canvas, horizon: float) -> None:
    chance = canvas.chance
    count = 0 if canvas.palette.dark else chance.randint(3, 6)
    for _ in range(count):
        middle = chance.uniform(0, picture.width), chance.uniform(horizon * 0.12, horizon * 0.75)
        length = picture.width * chance.uniform(0.1, 0.26)
        veil = Image.new("L", (96, 32), 0)
        pen = ImageDraw.Draw(veil)
        for puff in range(6):
            x = 16 + puff * 12 + chance.uniform(-4, 4)
            reach = chance.uniform(4, 8) * (1.2 - abs(puff - 2.5) / 4)
            pen.ellipse((x - reach * 1.8, 18 - reach, x + reach * 1.8, 18 + reach * 0.7), fill=150)
        veil = veil.filter(ImageFilter.GaussianBlur(2.2))
        size = max(2, int(length)), max(2, int(length * 0.24))
        veil = veil.resize(size, Image.Resampling.BICUBIC)
        white = mix(canvas.palette.sky[2], (255, 255, 255), 0.55)
        corner = int(middle[0] - size[0] / 2), int(middle[1] - size[1] / 2)
        picture.paste(Image.new("RGB", size, white), corner, veil)


def _ridge(picture: Image.Image, canvas: Canvas, base: float, share: float) -> None:
    """Draw one range of hills, hazier the farther away, and what grows on it."""
    width, height = picture.size
    chance, palette = canvas.chance, canvas.palette
    steep = 1.0 if canvas.mentions("mountain", "mountains", "alps", "peak") else 0.55
    smooth = SMOOTH if canvas.mentions("dune", "dunes", "desert", "hills", "meadow") else CRAGGY
    wave = _Wave(chance, smooth)
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
        pen.ellipse(_box((x, y), radius), fill=chance.choice(shades))


def _town(picture: Image.Image, canvas: Canvas, base: float) -> None:
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


def _water(picture: Image.Image, canvas: Canvas, level: float, lamp: Point) -> Image.Image:
    """Flood the scene below a level: it mirrors what stands above, rippled."""
    width, height = picture.size
    top = int(level)
    depth = height - top
    mirrored = picture.crop((0, max(0, top - depth), width, top)).transpose(
        Image.Transpose.FLIP_TOP_BOTTOM
    )
    mirrored = mirrored.resize((width, depth), Image.Resampling.BILINEAR)
    mirrored = mirrored.filter(ImageFilter.BoxBlur((width / 160, height / 400)))
    tint = Image.new("RGB", mirrored.size, mix(canvas.palette.sky[0], canvas.palette.near, 0.35))
    picture = picture.copy()
    picture.paste(Image.blend(mirrored, tint, 0.38), (0, top))
    pen = ImageDraw.Draw(picture)
    for _ in range(150):
        share = canvas.chance.random() ** 1.4
        y = top + depth * share
        half = width * (0.008 + 0.05 * share) * canvas.chance.uniform(0.4, 1.2)
        near_lamp = canvas.chance.random() < GLITTER_SHARE
        x = (
            lamp[0] + canvas.chance.gauss(0, width * (0.02 + 0.07 * share))
            if near_lamp
            else canvas.chance.uniform(0, width)
        )
        shade = canvas.palette.lamp if near_lamp else canvas.palette.sky[1]
        colour = mix(
            mix(canvas.palette.sky[1], canvas.palette.near, 0.3), shade, 0.75 if near_lamp else 0.4
        )
        thick = max(1.0, height * 0.0012 * (1 + 3 * share))
        pen.ellipse((x - half, y - thick, x + half, y + thick), fill=colour)
    return picture


def _snowfall(picture: Image.Image, canvas: Canvas) -> Image.Image:
    flakes = Image.new("L", picture.size, 0)
    pen = ImageDraw.Draw(flakes)
    unit = max(picture.size) / 1024
    for _ in range(420):
        place = canvas.chance.uniform(0, picture.width), canvas.chance.uniform(0, picture.height)
        radius = unit * canvas.chance.choice((1.2, 1.6, 2.2, 3.2))
        pen.ellipse(_box(place, radius), fill=canvas.chance.randint(120, 235))
    return Image.composite(Image.new("RGB", picture.size, (255, 255, 255)), picture, flakes)


def _rainfall(picture: Image.Image, canvas: Canvas) -> Image.Image:
    drops = Image.new("L", picture.size, 0)
    pen = ImageDraw.Draw(drops)
    for _ in range(380):
        x, y = canvas.chance.uniform(0, picture.width), canvas.chance.uniform(0, picture.height)
        length = picture.height * canvas.chance.uniform(0.015, 0.05)
        pen.line(
            ((x, y), (x - length * 0.22, y + length)),
            fill=canvas.chance.randint(50, 120),
            width=max(1, picture.width // 900),
        )
    return Image.composite(Image.new("RGB", picture.size, (226, 234, 242)), picture, drops)


class _Wave:
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


def _box(middle: Point, radius: float) -> tuple[float, float, float, float]:
    return middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius
