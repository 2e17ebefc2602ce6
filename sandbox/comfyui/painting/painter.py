"""Pictures for the stand-in: small generative landscapes whose every part follows from the request.

The prompt's words choose light, colours and subjects, the seed the composition, the steps the
finish, the model and the LoRAs the treatment. Nothing here is random in any other sense.
"""

import hashlib
import random
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from sandbox.comfyui.painting.canvas import Canvas
from sandbox.comfyui.painting.palette import choose_palette
from sandbox.comfyui.painting.scenery import draw_scene

OVERSAMPLING: Final = 2
"""Every shape is drawn this much larger and scaled down, so that its edges are smooth."""
ENOUGH_STEPS: Final = 12
"""With fewer steps than this, some of the noise is left."""
LARGEST_DRAWING: Final = 2048
"""Pixels of the longer side of the drawing; larger pictures are enlarged from it."""


@dataclass(frozen=True)
class Brief:
    """Everything a picture depends on."""

    prompt: str
    seed: int
    size: tuple[int, int]
    negative: str = ""
    model: str = ""
    loras: tuple[tuple[str, float], ...] = ()
    guidance: float = 7.0
    steps: int = 20


def paint(brief: Brief, largest_drawing: int | None = None) -> Image.Image:
    """Paint the finished picture of a brief, drawn at most so many pixels wide or high.

    Without a number, drawings have at most LARGEST_DRAWING pixels a side.
    """
    words = brief.prompt.lower()
    chance = random.Random(f"{brief.seed}/{words}/{brief.negative}/{brief.model}")  # noqa: S311 - a picture, not a secret
    palette = choose_palette(words, _digest(words))
    drawing = _drawing_size(brief.size, largest_drawing or LARGEST_DRAWING)
    canvas = Canvas(drawing, palette, chance, words)
    picture = _treat(draw_scene(canvas), brief)
    # A coarse drawing is not worth smoothing: blocks are packed as PNG in a quarter of the time.
    is_coarse = 2 * max(drawing) < max(brief.size)
    resampling = Image.Resampling.NEAREST if is_coarse else Image.Resampling.LANCZOS
    return picture.resize(brief.size, resampling)


def paint_over(source: Image.Image, painted: Image.Image, strength: float) -> Image.Image:
    """Paint over a picture: 0 keeps it, 1 leaves nothing of it.

    In between, its shapes stay and take on the light of the painting.
    """
    if strength <= 0:
        return source.copy()
    if strength >= 1:
        return painted
    reach = ImageFilter.BoxBlur(max(source.size) / 9)
    detail = ImageChops.subtract(source, source.filter(reach), offset=128)
    relit = ImageChops.add(detail, painted.filter(reach), offset=-128)
    reworked = Image.blend(source, relit, min(1.0, strength * 1.35))
    return Image.blend(reworked, painted, max(0.0, (strength - 0.6) / 0.4) ** 1.4)


def noise(seed: int, size: tuple[int, int]) -> Image.Image:
    """Return the coloured noise a seed starts from, in the coarse grid of a latent."""
    width, height = (max(1, side // 8) for side in size)
    grain = random.Random(seed).randbytes(width * height * 3)  # noqa: S311 - a picture, not a secret
    coarse = Image.frombytes("RGB", (width, height), grain)
    return ImageEnhance.Color(coarse).enhance(0.7)


def emerging(
    final: Image.Image,
    source: Image.Image | None,
    start: Image.Image,
    share: float,
    strength: float,
    *,
    side: int | None,
) -> Image.Image:
    """Return the picture when `share` of the noise is gone, fitted to `side` pixels if given."""
    size = final.size if side is None else _fit(final.size, side)
    small = final.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    if share >= 1:
        return small
    blurred = small.filter(ImageFilter.GaussianBlur(max(size) / 40 * (1 - share)))
    if source is not None:
        beneath = source.convert("RGB").resize(size, Image.Resampling.BILINEAR)
        blurred = Image.blend(beneath, blurred, share)
    grain = start.resize(size, Image.Resampling.NEAREST)
    left = (1 - share) ** 1.6 * min(1.0, 0.25 + strength)
    return Image.blend(blurred, grain, left)


def enlarge(picture: Image.Image, factor: int, *, is_coarse: bool = False) -> Image.Image:
    """Enlarge a picture whose edges were made crisp before, while it has fewer pixels.

    The blocks of a coarse drawing stay as they are, which is quicker to do and to pack as PNG.
    """
    if is_coarse:
        return ImageOps.scale(picture, factor, Image.Resampling.NEAREST)
    crisp = picture.filter(ImageFilter.UnsharpMask(radius=0.8, percent=120, threshold=2))
    return ImageOps.scale(crisp, factor, Image.Resampling.LANCZOS)


def _treat(picture: Image.Image, brief: Brief) -> Image.Image:
    """Apply what model, guidance, LoRAs and the number of steps do to the surface."""
    tone = random.Random(_digest(brief.model))  # noqa: S311 - a picture, not a secret
    picture = ImageEnhance.Color(picture).enhance(0.94 + tone.random() * 0.14)
    picture = ImageEnhance.Contrast(picture).enhance(0.94 + min(brief.guidance, 20) * 0.012)
    for name, strength in brief.loras:
        picture = _patch(picture, name, strength)
    picture = _vignette(picture)
    picture = _grain(picture, brief.seed, 0.016)
    if brief.steps < ENOUGH_STEPS:
        rough = noise(brief.seed, picture.size).resize(picture.size, Image.Resampling.BICUBIC)
        picture = Image.blend(picture, rough, (1 - brief.steps / ENOUGH_STEPS) ** 2 * 0.35)
    return picture


def _patch(picture: Image.Image, name: str, strength: float) -> Image.Image:
    """Give a picture the look of a LoRA: a style word in its name, or one drawn from the name."""
    styles = ("ink", "pastel", "gold", "poster")
    chosen = next((style for style in styles if style in name.lower()), None)
    chosen = chosen or random.Random(_digest(name)).choice(styles)  # noqa: S311 - a picture, not a secret
    if chosen == "ink":
        styled = _inked(picture)
    elif chosen == "pastel":
        styled = _softened(picture)
    elif chosen == "gold":
        styled = ImageOps.colorize(
            ImageOps.grayscale(picture), (28, 18, 30), (255, 233, 170), (190, 120, 40)
        )
        styled = Image.blend(picture, styled, 0.75)
    else:
        styled = ImageOps.posterize(picture.filter(ImageFilter.MedianFilter(7)), 3)
    return Image.blend(picture, styled, max(-0.6, min(abs(strength), 1.0)))


def _inked(picture: Image.Image) -> Image.Image:
    gray = ImageOps.grayscale(picture)
    blurred = gray.filter(ImageFilter.GaussianBlur(max(picture.size) / 120))
    lines = ImageChops.subtract(blurred, gray, scale=0.35)
    washed = ImageOps.colorize(
        ImageOps.autocontrast(gray), (34, 40, 52), (246, 241, 230), (140, 146, 150)
    )
    return ImageChops.subtract(washed, Image.merge("RGB", (lines, lines, lines)))


def _softened(picture: Image.Image) -> Image.Image:
    glow = picture.filter(ImageFilter.GaussianBlur(max(picture.size) / 60))
    glowing = Image.blend(picture, ImageChops.screen(picture, glow), 0.45)
    light = Image.blend(glowing, Image.new("RGB", picture.size, (255, 240, 238)), 0.2)
    return ImageEnhance.Color(light).enhance(0.85)


def _vignette(picture: Image.Image) -> Image.Image:
    shade = Image.radial_gradient("L").resize(picture.size, Image.Resampling.BILINEAR)
    shade = shade.point([max(0, int((value - 150) * 0.55)) for value in range(256)])
    return Image.composite(ImageEnhance.Brightness(picture).enhance(0.55), picture, shade)


def _grain(picture: Image.Image, seed: int, amount: float) -> Image.Image:
    """Lay a film grain over a picture, from a tile so that it costs little."""
    side = 256
    tile = Image.frombytes(
        "L",
        (side, side),
        random.Random(seed ^ 0x9E3779B9).randbytes(side * side),  # noqa: S311 - a picture, not a secret
    )
    sheet = Image.new("L", picture.size)
    for left in range(0, picture.width, side):
        for top in range(0, picture.height, side):
            sheet.paste(tile, (left, top))
    return Image.blend(picture, ImageChops.overlay(picture, sheet.convert("RGB")), amount * 6)


def _drawing_size(size: tuple[int, int], largest: int) -> tuple[int, int]:
    scale = min(OVERSAMPLING, largest / max(size))
    return max(8, round(size[0] * scale)), max(8, round(size[1] * scale))


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
