"""Reading of untrusted pictures as one upright frame in RGB or RGBA, scaling and encoding.

All functions here block for up to seconds: call them through `generation.media.decoding.decode`.
"""

import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from PIL import (
    Image,
    ImageCms,
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401 - otherwise the first WebP loads all of Pillow's fifty formats
)

from generation.errors import InvalidAttachment
from generation.media.decoding import LARGE_PIXELS, await_turn

MAX_INPUT_SIDE = 4096
"""Pixels a side of an attached picture; models scale larger ones down anyway."""

MAX_RESULT_PIXELS = 8192**2
"""Pixels of the largest decoded picture: four megapixels upscaled fourfold. They take 270 MB at 4
bytes a pixel; larger results are posted unchanged, without a thumbnail."""

MAX_COSTLY_PIXELS = MAX_INPUT_SIDE**2
"""The same where decoding takes up to 16 bytes a pixel: WebP, animations, progressive JPEG, videos.
`normalise` returns no picture with more pixels."""

INPUT_FORMATS = ("PNG", "JPEG", "WEBP")
RESULT_FORMATS = (*INPUT_FORMATS, "GIF")

_REACH = 4
"""Rows of the target on each side that a resampled row depends on: 3 for Lanczos, plus rounding."""

_REDUCING_GAP = 2
"""How much larger than the target the averaged picture is before the resampling proper; a smaller
factor is visible."""

OPAQUE = 255


class InvalidImage(InvalidAttachment):
    """A picture cannot be used; the sentence says why and what to do."""


@contextmanager
def open_image(content: bytes, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    """Open a picture by content, not by name; decodes nothing yet. Raises InvalidImage."""
    try:
        with Image.open(BytesIO(content), formats=formats) as image:
            await_turn(image.size)
            yield image
    except InvalidImage:
        raise
    except UnidentifiedImageError as error:
        raise InvalidImage(
            "This file isn't a PNG, JPEG or WebP, whatever its name says. Save it as one of these."
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImage("The picture has far too many pixels. Scale it down.") from error
    except Exception as error:
        raise InvalidImage(
            "The picture is damaged or incomplete. Save or upload it again."
        ) from error


def check_size(
    size: tuple[int, int],
    max_side: int | None = None,
    max_pixels: int = MAX_RESULT_PIXELS,
) -> None:
    """Check the size in the header, before anything of that size is in memory."""
    facts = {"width": size[0], "height": size[1], "limit": max_side}
    if max_side is not None and max(size) > max_side:
        raise InvalidImage(
            "The picture is too large ({width} x {height}, limit {limit} a side). Scale it down.",
            facts,
        )
    if size[0] * size[1] > max_pixels:
        raise InvalidImage(
            "The picture is far too large ({width} x {height}). Scale it down.",
            facts,
        )


def check_decodable(source: Image.Image) -> None:
    """Check an opened picture once more before it is decoded. Raises InvalidImage."""
    is_plain = (source.format in {"JPEG", "MPO"} and "progressive" not in source.info) or (
        source.format == "PNG" and not getattr(source, "is_animated", False)
    )
    check_size(source.size, max_pixels=MAX_RESULT_PIXELS if is_plain else MAX_COSTLY_PIXELS)


def normalise(
    source: Image.Image,
    longest: int | None = None,
    resampling: Image.Resampling = Image.Resampling.LANCZOS,
) -> Image.Image:
    """Decode a picture, scaled down to `longest` pixels a side and MAX_COSTLY_PIXELS in all.

    May return the opened picture itself: a copy would take as much memory again.
    """
    source.seek(0)
    turn = _find_turn(source)
    image = to_rgb(load(source, longest, resampling))
    if turn is not None:
        image = image.transpose(turn)
    image.info = {}
    return image


def load(source: Image.Image, longest: int | None, resampling: Image.Resampling) -> Image.Image:
    """Decode the current frame, scaled down as `normalise` does. Raises InvalidImage."""
    check_decodable(source)
    factor = factor_to(source.size, MAX_COSTLY_PIXELS)
    if longest is not None:
        factor = min(factor, longest / max(source.size))
    size = _multiply(source.size, factor)
    # JPEG decoders scale by 1/2, 1/4 and 1/8 themselves, to no less than the requested size.
    source.draft(None, size)
    source.load()
    return source if source.size == size else _scale_in_bands(source, size, resampling)


def _scale_in_bands(
    source: Image.Image, size: tuple[int, int], resampling: Image.Resampling
) -> Image.Image:
    """Scale down and convert in bands: converting the whole picture takes 16 bytes a pixel."""
    is_kept = source.mode in {"L", "RGB", "RGBA", "CMYK"} and "transparency" not in source.info
    is_transparent = source.has_transparency_data and not source.mode.startswith("I")
    mode = source.mode if is_kept else "RGBA" if is_transparent else "RGB"
    target = Image.new(mode, size)
    ratio = source.height / size[1]
    rows = max(1, int(LARGE_PIXELS / source.width / ratio))
    for top in range(0, size[1], rows):
        bottom = min(top + rows, size[1])
        first = max(0, math.floor((top - _REACH) * ratio))
        last = min(source.height, math.ceil((bottom + _REACH) * ratio))
        band = _convert(source.crop((0, first, source.width, last)), mode)
        box = (0, top * ratio - first, band.width, min(bottom * ratio - first, band.height))
        target.paste(band.resize((size[0], bottom - top), resampling, box, _REDUCING_GAP), (0, top))
    target.info = {"icc_profile": source.info.get("icc_profile")}
    return target


def _convert(image: Image.Image, mode: str) -> Image.Image:
    """Convert to a mode. Values of 16-bit grey are scaled, where Pillow would clip them."""
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    return image if image.mode == mode else image.convert(mode)


def factor_to(size: tuple[int, int], max_pixels: int) -> float:
    """Return the scale factor of both sides for a number of pixels; at most 1."""
    return min(1.0, math.sqrt(max_pixels / (size[0] * size[1])))


def _find_turn(source: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(source.getexif().get(_EXIF_ORIENTATION, 1))
    except (ValueError, SyntaxError, OSError, struct.error):
        # Broken metadata is no reason to refuse an intact picture.
        return None


_EXIF_ORIENTATION = 0x0112

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Transpositions that turn a picture upright, by EXIF orientation."""


def to_rgb(source: Image.Image) -> Image.Image:
    """Convert to RGB, or RGBA if something is transparent, in the colors of sRGB."""
    if source.mode.startswith("I"):
        return _convert(source, "RGB")
    if not source.has_transparency_data:
        return _in_srgb(source)
    image = source if source.mode == "RGBA" else source.convert("RGBA")
    alpha = image.getchannel("A")
    if lowest(alpha) == OPAQUE:
        return _in_srgb(image.convert("RGB"))
    if not image.info.get("icc_profile"):
        return image
    colours = _in_srgb(image.convert("RGB"))
    colours.putalpha(alpha)
    return colours


def _in_srgb(image: Image.Image) -> Image.Image:
    """Convert colors to sRGB if the picture has a profile, which is removed later."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            converted = ImageCms.profileToProfile(
                image,
                ImageCms.ImageCmsProfile(BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
        except (ImageCms.PyCMSError, OSError):
            # A broken profile is ignored, as in browsers.
            converted = None
        if converted is not None:
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")


def on_black(image: Image.Image) -> Image.Image:
    """Compose transparent parts on black."""
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "black"), image).convert("RGB")


def scale(
    image: Image.Image,
    factor: float,
    resampling: Image.Resampling = Image.Resampling.LANCZOS,
) -> Image.Image:
    """Scale down by this factor; return the picture unchanged for 1 and more.

    Lanczos keeps most detail; Hamming takes half the time, with no visible difference in small
    pictures.
    """
    size = _multiply(image.size, factor)
    if size == image.size:
        return image
    return image.resize(size, resampling, reducing_gap=_REDUCING_GAP)


def _multiply(size: tuple[int, int], factor: float) -> tuple[int, int]:
    """Return the size scaled down by this factor; factors above 1 leave it unchanged."""
    return max(1, int(size[0] * min(factor, 1))), max(1, int(size[1] * min(factor, 1)))


def encode(image: Image.Image, file_format: str, **options: object) -> bytes:
    """Encode with these options of Pillow."""
    buffer = BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def lowest(band: Image.Image) -> int:
    """Return the lowest value of a single band."""
    return int(band.getextrema()[0])  # type: ignore[arg-type]  # one band: a pair of numbers


def highest(band: Image.Image) -> int:
    """Return the highest value of a single band."""
    return int(band.getextrema()[1])  # type: ignore[arg-type]  # one band: a pair of numbers
