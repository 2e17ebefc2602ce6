"""Draws water and weather over a scene."""

from typing import Final

from PIL import Image, ImageDraw, ImageFilter

from sandbox.comfyui.painting.canvas import Canvas, Point, box
from sandbox.comfyui.painting.palette import mix

GLITTER_SHARE: Final = 0.55
"""How much of the water's glitter lies under the lamp."""


def flood(picture: Image.Image, canvas: Canvas, level: float, lamp: Point) -> Image.Image:
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


def let_snow(picture: Image.Image, canvas: Canvas) -> Image.Image:
    """Let it snow."""
    flakes = Image.new("L", picture.size, 0)
    pen = ImageDraw.Draw(flakes)
    unit = max(picture.size) / 1024
    for _ in range(420):
        place = canvas.chance.uniform(0, picture.width), canvas.chance.uniform(0, picture.height)
        radius = unit * canvas.chance.choice((1.2, 1.6, 2.2, 3.2))
        pen.ellipse(box(place, radius), fill=canvas.chance.randint(120, 235))
    return Image.composite(Image.new("RGB", picture.size, (255, 255, 255)), picture, flakes)


def let_rain(picture: Image.Image, canvas: Canvas) -> Image.Image:
    """Let it rain."""
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
