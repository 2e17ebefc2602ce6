"""Reading, measuring and scaling of pictures.

All functions here and in `inputs`, `fitting` and `contact_sheet` block for up to seconds: call them
through `generation.media.decoding.decode`.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import NamedTuple

from PIL import Image, ImageCms, ImageFilter, UnidentifiedImageError

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

THUMBNAIL_SIDE = 256
"""Pixels a side of a thumbnail: sharp in a contact sheet, about 10 kB in the database."""

INPUT_FORMATS = ("PNG", "JPEG", "WEBP")
RESULT_FORMATS = (*INPUT_FORMATS, "GIF")

MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # written by cameras: a JPEG followed by further ones
    "WEBP": "image/webp",
    "GIF": "image/gif",
}
EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg", "WEBP": "webp", "GIF": "gif"}

STILLS = 4
"""Frames of an animation or a video that are checked, including the first and the last."""

STILL_SIDE = 640
"""Pixels a side of a still for image checks: twice what the usual model sees."""

_NOISE_SHARE = 80
"""Grain size of an unfinished picture, as a fraction of its longer side."""


GRID_CELLS = 4

_GRID_CELL_SIDE = 1024
"""Pixels a side of one picture in a grid: more than any screen shows of it."""

_GRID_QUALITY = 90


_REACH = 4
"""Rows of the target on each side that a resampled row depends on: 3 for Lanczos, plus rounding."""

_REDUCING_GAP = 2
"""How much larger than the target the averaged picture is before the resampling proper; a smaller
factor is visible."""


OPAQUE = 255


class InvalidImage(InvalidAttachment):
    """A picture cannot be used; the sentence says why and what to do."""


class Description(NamedTuple):
    """Properties from a picture's own header."""

    media_type: str
    width: int
    height: int

    @property
    def extension(self) -> str:
        """The usual extension of files of this type, without a dot."""
        return "jpg" if self.media_type == "image/jpeg" else self.media_type.partition("/")[2]


def describe(content: bytes) -> Description | None:
    """Read a picture's type and size from its header; None for anything else."""
    try:
        with open_image(content, RESULT_FORMATS) as image:
            return Description(MEDIA_TYPES[image.format or ""], *image.size)
    except InvalidImage:
        return None


def thumbnail(content: bytes, side: int = THUMBNAIL_SIDE) -> bytes | None:
    """Make a small JPEG or WebP of a result; None if it is no readable picture."""
    image = find_small(content, side)
    return None if image is None else _encode_quickly(image, quality=80)


def preview(content: bytes, max_side: int = 512) -> bytes | None:
    """Make a small JPEG of a live preview; None if it cannot be read."""
    image = find_small(content, max_side)
    return None if image is None else encode(on_black(image), "JPEG", quality=80)


def grey() -> bytes:
    """Return a blank PNG, for trying out what handles pictures."""
    return encode(Image.new("RGB", (STILL_SIDE, STILL_SIDE), "grey"), "PNG")


def stills(content: bytes) -> tuple[bytes, ...]:
    """Return small PNGs of a picture, several of an animation; empty if it cannot be read."""
    written = []
    try:
        with open_image(content, RESULT_FORMATS) as source:
            count = getattr(source, "n_frames", 1)
            wanted = min(count, STILLS)
            for number in range(wanted):
                source.seek(number * (count - 1) // max(wanted - 1, 1))
                frame = _load(source, STILL_SIDE, Image.Resampling.LANCZOS)
                image = on_black(_to_rgb(frame.copy() if frame is source else frame))
                image.info = {}
                written.append(encode(image, "PNG", compress_level=1))
    except InvalidImage:
        return ()
    return tuple(written)


def sketches(content: bytes) -> tuple[bytes, ...]:
    """Return small PNGs of an unfinished picture, as is and denoised; empty if unreadable."""
    found = stills(content)[:1]
    if not found:
        return ()
    with Image.open(BytesIO(found[0])) as image:
        smooth = image.filter(ImageFilter.GaussianBlur(max(image.size) / _NOISE_SHARE))
    return (*found, encode(smooth, "PNG", compress_level=1))


def grid(contents: Sequence[bytes]) -> bytes | None:
    """Combine two to four pictures into one, two a row; None if one cannot be read.

    The result is a JPEG, or a WebP if something is transparent.
    """
    try:
        pictures = [_load_cell(content) for content in contents[:GRID_CELLS]]
    except InvalidImage:
        return None
    width, height = (max(one.size[axis] for one in pictures) for axis in (0, 1))
    rows = -(-len(pictures) // 2)
    sheet = Image.new("RGBA", (2 * width, rows * height), (0, 0, 0, 0))
    for index, picture in enumerate(pictures):
        row, column = divmod(index, 2)
        middle = ((width - picture.width) // 2, (height - picture.height) // 2)
        sheet.paste(picture, (column * width + middle[0], row * height + middle[1]))
    whole = sheet if lowest(sheet.getchannel("A")) < OPAQUE else sheet.convert("RGB")
    return _encode_quickly(whole, quality=_GRID_QUALITY)


def cut_from_grid(content: bytes, index: int, count: int) -> bytes | None:
    """Cut one of `count` pictures out of a grid, as a PNG; None if unreadable."""
    try:
        with open_image(content, RESULT_FORMATS) as source:
            sheet = normalise(source)
    except InvalidImage:
        return None
    row, column = divmod(index, 2)
    width, height = sheet.width // 2, sheet.height // -(-count // 2)
    corner = (column * width, row * height)
    return encode(sheet.crop((*corner, corner[0] + width, corner[1] + height)), "PNG")


# Reading of untrusted pictures.


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


def _load_cell(content: bytes) -> Image.Image:
    with open_image(content, RESULT_FORMATS) as source:
        return normalise(source, _GRID_CELL_SIDE)


def find_small(content: bytes, side: int) -> Image.Image | None:
    """Decode a picture, scaled down to at most `side` pixels a side; None if unreadable."""
    try:
        with open_image(content, RESULT_FORMATS) as source:
            return normalise(source, side, Image.Resampling.HAMMING)
    except InvalidImage:
        return None


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


# One frame, upright, RGB or RGBA, without metadata.


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
    image = _to_rgb(_load(source, longest, resampling))
    if turn is not None:
        image = image.transpose(turn)
    image.info = {}
    return image


def _load(source: Image.Image, longest: int | None, resampling: Image.Resampling) -> Image.Image:
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


def _to_rgb(source: Image.Image) -> Image.Image:
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


def _encode_quickly(image: Image.Image, quality: int) -> bytes:
    """Encode as a JPEG, or as a WebP if something is transparent, which takes ten times as long.

    The chroma of the JPEG is not subsampled, which would blur red on black.
    """
    if image.mode == "RGBA":
        return encode(image, "WEBP", quality=quality, method=0)
    return encode(image, "JPEG", quality=quality, subsampling=0)


def lowest(band: Image.Image) -> int:
    """Return the lowest value of a single band."""
    return int(band.getextrema()[0])  # type: ignore[arg-type]  # one band: a pair of numbers


def highest(band: Image.Image) -> int:
    """Return the highest value of a single band."""
    return int(band.getextrema()[1])  # type: ignore[arg-type]  # one band: a pair of numbers
