"""Draws what stands above the horizon."""

from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from sandbox.comfyui.painting.canvas import Canvas, Point, Wave, box
from sandbox.comfyui.painting.palette import mix

CRESCENT_SHARE: Final = 0.6
"""How many of the moons are crescents."""
HALF: Final = 0.5


def draw_sky(canvas: Canvas, horizon: float) -> Image.Image:
    """Draw the sky, from the zenith to the horizon."""
    width, height = canvas.size
    top, middle, low = canvas.palette.sky
    column = Image.new("RGB", (1, 256))
    for row in range(256):
        share = min(1.0, row / 255 * height / horizon)
        colour = mix(top, middle, share * 2) if share < HALF else mix(middle, low, share * 2 - 1)
        column.putpixel((0, row), colour)
    return column.resize((width, height), Image.Resampling.BICUBIC)


def hang_lamp(picture: Image.Image, canvas: Canvas, place: Point) -> Image.Image:
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
    pen.ellipse(box(place, radius), fill=255)
    if canvas.palette.dark and canvas.chance.random() < CRESCENT_SHARE:
        pen.ellipse(
            box((place[0] - radius * 0.45, place[1] - radius * 0.15), radius * 0.92), fill=0
        )
    picture.paste(light, (0, 0), disc)
    return picture


def draw_stars(picture: Image.Image, canvas: Canvas, horizon: float) -> None:
    """Scatter stars above the horizon."""
    pen = ImageDraw.Draw(picture)
    unit = max(picture.size) / 1024
    for _ in range(canvas.chance.randint(140, 240)):
        place = canvas.chance.uniform(0, picture.width), canvas.chance.uniform(0, horizon)
        radius = unit * canvas.chance.choice((0.6, 0.8, 0.8, 1.1, 1.8))
        fade = 0.25 + 0.6 * canvas.chance.random() * (1 - place[1] / horizon)
        pen.ellipse(
            box(place, radius), fill=mix(canvas.palette.sky[1], (255, 252, 240), fade + 0.15)
        )


def draw_aurora(picture: Image.Image, canvas: Canvas, horizon: float) -> Image.Image:
    """Spread veils of light over the sky."""
    width, height = 256, 256
    veil = Image.new("RGB", (width, height))
    pen = ImageDraw.Draw(veil)
    shades = [canvas.palette.accent, (70, 230, 170), (130, 110, 250)]
    for band in range(3):
        wave = Wave(canvas.chance, 3)
        base = height * horizon / picture.height * canvas.chance.uniform(0.35, 0.75)
        colour = mix((0, 0, 0), shades[band], 0.75)
        for x in range(width):
            middle = base + wave(x / width) * 26
            tall = 30 + 24 * abs(wave(x / width * 2.7 + 0.3))
            pen.line(((x, middle - tall), (x, middle)), fill=colour)
    veil = veil.filter(ImageFilter.GaussianBlur(7)).resize(picture.size, Image.Resampling.BICUBIC)
    return ImageChops.screen(picture, veil)


def draw_planet(picture: Image.Image, canvas: Canvas) -> None:
    """Hang a planet with its ring."""
    chance = canvas.chance
    place = picture.width * chance.uniform(0.15, 0.85), picture.height * chance.uniform(0.14, 0.3)
    radius = min(picture.size) * chance.uniform(0.08, 0.14)
    disc = Image.new("L", picture.size, 0)
    ImageDraw.Draw(disc).ellipse(box(place, radius), fill=255)
    shaded = Image.new("RGB", picture.size, mix(canvas.palette.accent, canvas.palette.sky[0], 0.2))
    pen = ImageDraw.Draw(shaded)
    for stripe in range(7):
        top = place[1] - radius + stripe * radius / 3
        tint = mix(canvas.palette.accent, canvas.palette.lamp, chance.random() * 0.6)
        pen.rectangle((place[0] - radius, top, place[0] + radius, top + radius / 5), fill=tint)
    night = Image.new("L", picture.size, 0)
    ImageDraw.Draw(night).ellipse(
        box((place[0] + radius * 0.5, place[1] + radius * 0.3), radius * 1.2), fill=120
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


def draw_clouds(picture: Image.Image, canvas: Canvas, horizon: float) -> None:
    """Draw a few clouds by day."""
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
