"""Everything that is done to pictures; the one home of Pillow.

All functions are plain and busy for up to seconds: call them through
`generation.media.decoding.decode`.
"""

import math
import struct
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from io import BytesIO
from typing import NamedTuple

from PIL import (
    Image,
    ImageChops,
    ImageCms,
    ImageDraw,
    ImageFilter,
    ImageFont,
    ImageOps,
    UnidentifiedImageError,
)

from generation.errors import GenerationError

MAX_INPUT_BYTES = 10 * 1024 * 1024
"""Bytes of an attached picture: what Discord lets everybody upload."""

MAX_INPUT_SIDE = 4096
"""Pixels a side of an attached picture: more is scaled down by every model anyway."""

MAX_RESULT_PIXELS = 80_000_000
"""Pixels of a picture that we decode: four megapixels upscaled fourfold are 67, and take 270 MB."""

THUMBNAIL_SIDE = 256
"""Pixels a side of a thumbnail: sharp in a contact sheet, about 10 kB in the database."""

INPUT_FORMATS = ("PNG", "JPEG", "WEBP")
RESULT_FORMATS = (*INPUT_FORMATS, "GIF")

_MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # what cameras write: a JPEG with further ones behind it
    "WEBP": "image/webp",
    "GIF": "image/gif",
}
_EXTENSIONS = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg", "WEBP": "webp", "GIF": "gif"}

_STILLS = 4
"""Of an animation, the first and the last frame among them."""

_STILL_SIDE = 640
"""Pixels a side of what a checker looks at: twice what the usual model sees."""

_NOISE_SHARE = 80
"""The grain of a half-made picture, as a share of its longer side."""

_MAX_WEBP_SIDE = 16_383
"""The format's own limit."""

GRID_CELLS = 4

_GRID_CELL_SIDE = 1024
"""Pixels a side of one picture in a grid: more than any screen shows of it."""

_GRID_QUALITY = 90

_QUALITIES = (92, 84, 74)
"""WebP qualities tried before a picture is made smaller; below, artefacts show at first sight."""

_ANIMATION_METHOD = 2
"""WebP's effort, of 6: more takes several times as long and saves a few per cent."""

_SHRINK_MARGIN = 0.9
"""How far below the computed size the next attempt goes, since bytes do not follow area exactly."""

_REDUCING_GAP = 2
"""How many times as large as wanted a picture stays when its pixels are averaged before the
resampling proper: less would show."""

_MAX_ANIMATION_PIXELS = 100_000_000
"""Of all frames together, of an animation that is written anew at all."""

_MAX_KEPT_PIXELS = 50_000_000
"""Of all frames as they are written anew, in memory together: 200 MB."""

_ANIMATION_FACTORS = (1.0, 0.7, 0.5, 0.35, 0.25)
"""How much smaller an animation is tried, each with about half the bytes of the one before."""

_ANIMATION_QUALITY = 75
_FRAME_MS = 100
"""How long a frame is shown that does not say so, as browsers have it."""

_OPAQUE = 255

_NEARLY_BLACK = 16
"""Luminance that JPEG's noise reaches in black."""

_GREY_SPREAD = 24
"""Difference between colour channels up to which a pixel counts as grey, JPEG's noise included."""


class InvalidImage(GenerationError):
    """A picture cannot be used; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """A picture that we wrote ourselves: one frame, upright, RGB or RGBA, without metadata."""

    content: bytes = field(repr=False)
    extension: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Fitted:
    """A picture that has no more bytes than it may; `is_scaled` says that it has fewer pixels."""

    content: bytes = field(repr=False)
    extension: str
    media_type: str
    is_scaled: bool = False


class Symbol(StrEnum):
    """What stands for a result that has no thumbnail."""

    FILM = "film"
    SOUND = "sound"
    TEXT = "text"
    SHAPE = "shape"


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of a contact sheet; without a thumbnail, a symbol or nothing in its place."""

    caption: str
    thumbnail: bytes | None = field(default=None, repr=False)
    symbol: Symbol | None = None


class Description(NamedTuple):
    """What a picture's own header says."""

    media_type: str
    width: int
    height: int


def verify_input(
    content: bytes,
    *,
    max_bytes: int = MAX_INPUT_BYTES,
    max_pixels: int | None = None,
) -> CheckedImage:
    """Check what somebody attached and write it anew, so that none of its bytes are passed on.

    A picture of more than `max_pixels` is scaled down to them. Raises InvalidImage.
    """
    image, file_format = _load_input(content, max_bytes, max_pixels)
    if max_pixels is not None:
        image = _scaled(image, _factor_to(image.size, max_pixels))
    if file_format == "JPEG" and image.mode == "RGB":
        written, extension = _encode(image, "JPEG", quality=95, subsampling=0), "jpg"
    else:
        written, extension = _encode(image, "PNG", compress_level=4), "png"
    return CheckedImage(written, extension, image.width, image.height)


def fit_input(content: bytes, *, max_bytes: int = MAX_INPUT_BYTES) -> bytes:
    """Write a result anew so that `verify_input` takes it, scaled down where it is too large.

    Of an animation the first frame is taken. Raises InvalidImage.
    """
    with _opened(content, RESULT_FORMATS) as source:
        image = _normalised(source)
    image = _scaled(image, MAX_INPUT_SIDE / max(image.size))
    written = _encode(image, "PNG", compress_level=4)
    if len(written) <= max_bytes:
        return written
    return fit_under(written, max_bytes).content


def verify_mask(content: bytes, image_size: tuple[int, int]) -> bytes:
    """Check an attached mask and write it as a grey PNG of the picture's size: white is repainted.

    Black and white count as they are, on black where there is transparency. In a picture with
    erased parts, and in a plain colour, it is the transparent parts that are repainted.
    Raises InvalidImage.
    """
    image, _ = _load_input(content, MAX_INPUT_BYTES)
    mask = _read_mask(image)
    if mask.size != image_size:
        _check_same_shape(mask.size, image_size)
        mask = mask.resize(image_size, Image.Resampling.NEAREST)
    if _maximum(mask) < _NEARLY_BLACK:
        raise InvalidImage(
            "The mask is all black, so nothing would be repainted: paint white what shall change."
        )
    return _encode(mask, "PNG", compress_level=4)


def describe(content: bytes) -> Description | None:
    """Read a picture's type and size from its header; None when it is no picture we know."""
    try:
        with _opened(content, RESULT_FORMATS) as image:
            return Description(_MEDIA_TYPES[image.format or ""], *image.size)
    except InvalidImage:
        return None


def thumbnail(content: bytes, side: int = THUMBNAIL_SIDE) -> bytes | None:
    """Make a small WebP of a result; None when it is no picture we can read."""
    image = _find_small(content, side)
    return None if image is None else _encode(image, "WEBP", quality=80)


def preview(content: bytes, max_side: int = 512) -> bytes | None:
    """Make a small JPEG of a live preview; None when it is garbage."""
    image = _find_small(content, max_side)
    return None if image is None else _encode(_on_black(image), "JPEG", quality=80)


def grey() -> bytes:
    """A PNG that shows nothing, for trying out what looks at pictures."""
    return _encode(Image.new("RGB", (_STILL_SIDE, _STILL_SIDE), "grey"), "PNG")


def stills(content: bytes) -> tuple[bytes, ...]:
    """Small PNGs of what a picture shows; several of an animation, none of what cannot be read."""
    written = []
    try:
        with _opened(content, RESULT_FORMATS) as source:
            count = getattr(source, "n_frames", 1)
            wanted = min(count, _STILLS)
            for number in range(wanted):
                source.seek(number * (count - 1) // max(wanted - 1, 1))
                frame = _load(source, _STILL_SIDE)
                image = _on_black(_to_rgb(frame.copy() if frame is source else frame))
                image = _scaled(image, _STILL_SIDE / max(image.size))
                image.info = {}
                written.append(_encode(image, "PNG", compress_level=1))
    except InvalidImage:
        return ()
    return tuple(written)


def sketches(content: bytes) -> tuple[bytes, ...]:
    """Small PNGs of a half-made picture: as it is, and without its noise; none if unreadable."""
    found = stills(content)[:1]
    if not found:
        return ()
    with Image.open(BytesIO(found[0])) as image:
        smooth = image.filter(ImageFilter.GaussianBlur(max(image.size) / _NOISE_SHARE))
    return (*found, _encode(smooth, "PNG", compress_level=1))


def fit_under(content: bytes, max_bytes: int) -> Fitted:
    """Give the picture in at most `max_bytes`: as it is, or as WebP, made smaller where needed.

    Of an animation that is far too long only the first frame is left.
    Raises InvalidImage when it is no picture, or the limit is too small for any.
    """
    with _opened(content, RESULT_FORMATS) as source:
        if len(content) <= max_bytes:
            file_format = source.format or ""
            return Fitted(content, _EXTENSIONS[file_format], _MEDIA_TYPES[file_format])
        moving = _fit_animation(source, max_bytes)
        if moving is not None:
            return moving
        image = _normalised(source)
        is_cut = getattr(source, "is_animated", False)
    whole = image.size
    image = _scaled(image, min(1.0, _MAX_WEBP_SIDE / max(image.size)))
    while True:
        for quality in _QUALITIES:
            written = _encode(image, "WEBP", quality=quality)
            if len(written) <= max_bytes:
                return Fitted(written, "webp", "image/webp", is_cut or image.size != whole)
        if max(image.size) == 1:
            raise InvalidImage("No picture fits into {bytes} bytes.", {"bytes": max_bytes})
        image = _scaled(image, _SHRINK_MARGIN * math.sqrt(max_bytes / len(written)))


def _fit_animation(source: Image.Image, max_bytes: int) -> Fitted | None:
    """All of its frames in a smaller WebP; None for a still, or when that would be too much."""
    count = getattr(source, "n_frames", 1)
    pixels = count * source.width * source.height
    if count == 1 or pixels > _MAX_ANIMATION_PIXELS:
        return None
    for factor in _ANIMATION_FACTORS:
        if pixels * factor**2 > _MAX_KEPT_PIXELS:
            continue
        frames, durations = [], []
        for index in range(count):
            source.seek(index)
            # One frame after the other: only the scaled ones are kept.
            frames.append(_scaled(source.convert("RGBA"), factor))
            # Of a WebP it is known only once the frame is decoded.
            durations.append(int(source.info.get("duration") or _FRAME_MS))
        first, *others = frames
        written = _encode(
            first,
            "WEBP",
            save_all=True,
            append_images=others,
            duration=durations,
            loop=int(source.info.get("loop") or 0),
            quality=_ANIMATION_QUALITY,
            method=_ANIMATION_METHOD,
        )
        if len(written) <= max_bytes:
            return Fitted(written, "webp", "image/webp", factor < 1)
    return None


def grid(contents: Sequence[bytes]) -> bytes | None:
    """Put up to four pictures into one, two by two, as a WebP; None when one cannot be read."""
    try:
        pictures = [_load_cell(content) for content in contents[:GRID_CELLS]]
    except InvalidImage:
        return None
    width, height = (max(one.size[axis] for one in pictures) for axis in (0, 1))
    sheet = Image.new("RGBA", (2 * width, 2 * height), (0, 0, 0, 0))
    for index, picture in enumerate(pictures):
        row, column = divmod(index, 2)
        middle = ((width - picture.width) // 2, (height - picture.height) // 2)
        sheet.paste(picture, (column * width + middle[0], row * height + middle[1]))
    whole = sheet if _minimum(sheet.getchannel("A")) < _OPAQUE else sheet.convert("RGB")
    return _encode(whole, "WEBP", quality=_GRID_QUALITY)


def quarter(content: bytes, index: int) -> bytes | None:
    """Cut one picture out of what `grid` made, as a PNG; None when it cannot be read."""
    try:
        with _opened(content, RESULT_FORMATS) as source:
            sheet = _normalised(source)
    except InvalidImage:
        return None
    row, column = divmod(index, 2)
    width, height = sheet.width // 2, sheet.height // 2
    corner = (column * width, row * height)
    return _encode(sheet.crop((*corner, corner[0] + width, corner[1] + height)), "PNG")


def contact_sheet(tiles: Sequence[Tile]) -> bytes:
    """Draw small pictures in a numbered grid, row by row, as a PNG."""
    columns = max(1, min(_SHEET_COLUMNS, len(tiles)))
    rows = max(1, math.ceil(len(tiles) / columns))
    size = (
        _SHEET_GAP + columns * (_TILE_WIDTH + _SHEET_GAP),
        _SHEET_GAP + rows * (_TILE_HEIGHT + _SHEET_GAP),
    )
    sheet = Image.new("RGB", size, _SHEET_COLOUR)
    for index, tile in enumerate(tiles):
        row, column = divmod(index, columns)
        corner = (
            _SHEET_GAP + column * (_TILE_WIDTH + _SHEET_GAP),
            _SHEET_GAP + row * (_TILE_HEIGHT + _SHEET_GAP),
        )
        sheet.paste(_draw_tile(index + 1, tile), corner, _rounded(_TILE_SIZE, _CARD_RADIUS))
    return _encode(sheet, "PNG", optimize=True)


# Opening what others made.


@contextmanager
def _opened(content: bytes, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    """Open by content, not by name; nothing is decoded yet. Raises InvalidImage, also later on."""
    try:
        with Image.open(BytesIO(content), formats=formats) as image:
            _check_size(image.size)
            yield image
    except InvalidImage:
        raise
    except UnidentifiedImageError as error:
        raise InvalidImage(
            "The file is not a PNG, JPEG or WebP picture, whatever its name says: save it as one "
            "of these."
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InvalidImage("The picture has far too many pixels: scale it down.") from error
    except Exception as error:
        raise InvalidImage(
            "The picture is damaged or not complete: save or upload it again."
        ) from error


def _load_input(
    content: bytes, max_bytes: int, max_pixels: int | None = None
) -> tuple[Image.Image, str]:
    """Decode an attachment that is within the limits; its format is one of INPUT_FORMATS.

    A JPEG of far more than `max_pixels` is decoded at a fraction of its size.
    """
    if len(content) > max_bytes:
        raise InvalidImage(
            "The picture has {size} MiB, and {limit} MiB is the most: save it smaller, for example "
            "as a JPEG.",
            {"size": f"{len(content) / 2**20:.1f}", "limit": f"{max_bytes / 2**20:g}"},
        )
    with _opened(content, INPUT_FORMATS) as source:
        _check_size(source.size, max_side=MAX_INPUT_SIDE)
        file_format = "JPEG" if source.format == "MPO" else source.format or ""
        longest = max(source.size)
        if max_pixels is not None:
            longest = math.ceil(longest * _factor_to(source.size, max_pixels))
        return _normalised(source, longest), file_format


def _load_cell(content: bytes) -> Image.Image:
    with _opened(content, RESULT_FORMATS) as source:
        image = _normalised(source, _GRID_CELL_SIDE)
    return _scaled(image, _GRID_CELL_SIDE / max(image.size))


def _find_small(content: bytes, side: int) -> Image.Image | None:
    try:
        with _opened(content, RESULT_FORMATS) as source:
            return _scaled(image := _normalised(source, side), side / max(image.size))
    except InvalidImage:
        return None


def _check_size(size: tuple[int, int], max_side: int | None = None) -> None:
    """Judge by the header's size, before anything of that size is put into memory."""
    facts = {"width": size[0], "height": size[1], "limit": max_side}
    if max_side is not None and max(size) > max_side:
        raise InvalidImage(
            "The picture has {width} x {height} pixels, and {limit} a side is the most: scale it "
            "down.",
            facts,
        )
    if size[0] * size[1] > MAX_RESULT_PIXELS:
        raise InvalidImage(
            "The picture has {width} x {height} pixels, which is far too many: scale it down.",
            facts,
        )


# One frame, upright, RGB or RGBA, without metadata.


def _normalised(source: Image.Image, longest: int | None = None) -> Image.Image:
    """Decode a picture; where that saves memory, scaled down to no less than `longest` a side.

    What comes back may be the opened picture itself: a copy would take as much memory again.
    """
    source.seek(0)
    turn = _find_turn(source)
    image = _to_rgb(_load(source, longest))
    if turn is not None:
        image = image.transpose(turn)
    image.info = {}
    return image


def _load(source: Image.Image, longest: int | None) -> Image.Image:
    if longest is None:
        source.load()
        return source
    # Decoders of JPEG can scale by 1/2, 1/4 and 1/8 themselves; they go no lower than asked.
    share = min(1.0, longest / max(source.size))
    source.draft(None, (math.ceil(source.width * share), math.ceil(source.height * share)))
    source.load()
    factor = max(source.size) // (_REDUCING_GAP * longest)
    # The average of palette entries, or of what stands for transparency, would be nonsense.
    if factor > 1 and source.mode in {"L", "RGB", "RGBA"} and "transparency" not in source.info:
        return source.reduce(factor)
    return source


def _factor_to(size: tuple[int, int], max_pixels: int) -> float:
    """What both sides are multiplied with for so many pixels; 1 for a picture that has fewer."""
    return min(1.0, math.sqrt(max_pixels / (size[0] * size[1])))


def _find_turn(source: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(source.getexif().get(_EXIF_ORIENTATION, 1))
    except (ValueError, SyntaxError, OSError, struct.error):
        # Broken metadata is no reason to refuse a picture that is whole.
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
"""What turns a picture upright, by its EXIF orientation."""


def _to_rgb(source: Image.Image) -> Image.Image:
    if source.mode.startswith("I"):
        # 16-bit grey: Pillow would cut values off instead of scaling them.
        return (
            source.convert("I").point(lambda value: value * (1 / 257)).convert("L").convert("RGB")
        )
    if not source.has_transparency_data:
        return _in_srgb(source)
    image = source if source.mode == "RGBA" else source.convert("RGBA")
    alpha = image.getchannel("A")
    if _minimum(alpha) == _OPAQUE:
        return _in_srgb(image.convert("RGB"))
    if not image.info.get("icc_profile"):
        return image
    colours = _in_srgb(image.convert("RGB"))
    colours.putalpha(alpha)
    return colours


def _in_srgb(image: Image.Image) -> Image.Image:
    """Turn colours to sRGB where the picture says what it uses; its profile is dropped later."""
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
            # A broken profile: the colours are shown as they are, as browsers do.
            converted = None
        if converted is not None:
            return converted
    return image if image.mode == "RGB" else image.convert("RGB")


def _on_black(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "black"), image).convert("RGB")


def _scaled(image: Image.Image, factor: float) -> Image.Image:
    if factor >= 1:
        return image
    size = (max(1, int(image.width * factor)), max(1, int(image.height * factor)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)


def _encode(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


# Masks.


def _read_mask(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("L")
    alpha = image.getchannel("A")
    colours = image.convert("RGB")
    if _is_plain(colours) or not _is_grey(_on_black(image)):
        return ImageOps.invert(alpha)
    return _on_black(image).convert("L")


def _is_plain(image: Image.Image) -> bool:
    return all(_minimum(band) == _maximum(band) for band in image.split())


def _is_grey(image: Image.Image) -> bool:
    red, green, blue = image.split()
    return all(
        _maximum(ImageChops.difference(one, other)) <= _GREY_SPREAD
        for one, other in ((red, green), (green, blue), (red, blue))
    )


def _check_same_shape(size: tuple[int, int], image_size: tuple[int, int]) -> None:
    expected_height = size[0] * image_size[1] / image_size[0]
    expected_width = size[1] * image_size[0] / image_size[1]
    # Whoever scaled it had to round one side to whole pixels.
    if min(abs(size[1] - expected_height), abs(size[0] - expected_width)) > 1:
        raise InvalidImage(
            "The mask has {mask} pixels and the picture {picture}, which is another shape: make "
            "the mask from the picture itself.",
            {"mask": f"{size[0]} x {size[1]}", "picture": f"{image_size[0]} x {image_size[1]}"},
        )


def _minimum(band: Image.Image) -> int:
    return int(band.getextrema()[0])  # type: ignore[arg-type]  # one band: a pair of numbers


def _maximum(band: Image.Image) -> int:
    return int(band.getextrema()[1])  # type: ignore[arg-type]  # one band: a pair of numbers


# The contact sheet's look.

_SHEET_COLUMNS = 4
_SHEET_GAP = 16
_SHEET_COLOUR = "#1a1b1e"
_CARD_COLOUR = "#2b2d31"
_CARD_RADIUS = 14
_FRAME_COLOUR = "#202225"
_TEXT_COLOUR = "#dbdee1"
_FAINT_COLOUR = "#80848e"
_BADGE_COLOUR = "#5865f2"
_PADDING = 12
_CAPTION_LINES = 2
_CAPTION_CHARACTERS = 120
"""More than two lines can show, so that a long prompt is not measured word by word."""
_CAPTION_SIZE = 17
_LINE_HEIGHT = 23
_TILE_WIDTH = THUMBNAIL_SIDE + 2 * _PADDING
_TILE_HEIGHT = THUMBNAIL_SIDE + 3 * _PADDING + _CAPTION_LINES * _LINE_HEIGHT
_TILE_SIZE = (_TILE_WIDTH, _TILE_HEIGHT)
_OVERSAMPLING = 4
"""Corners are drawn larger and scaled down: Pillow draws them jagged."""


def _draw_tile(number: int, tile: Tile) -> Image.Image:
    card = Image.new("RGB", _TILE_SIZE, _CARD_COLOUR)
    card.paste(
        _draw_frame(tile),
        (_PADDING, _PADDING),
        _rounded((THUMBNAIL_SIDE, THUMBNAIL_SIDE), _CARD_RADIUS - 4),
    )
    _draw_badge(card, str(number))
    font = ImageFont.load_default(_CAPTION_SIZE)
    draw = ImageDraw.Draw(card)
    top = THUMBNAIL_SIDE + 2 * _PADDING
    for index, line in enumerate(_wrap(tile.caption, font)):
        draw.text((_PADDING, top + index * _LINE_HEIGHT), line, _TEXT_COLOUR, font)
    return card


def _draw_frame(tile: Tile) -> Image.Image:
    frame = Image.new("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE), _FRAME_COLOUR)
    image = None if tile.thumbnail is None else _find_small(tile.thumbnail, THUMBNAIL_SIDE)
    centre = THUMBNAIL_SIDE // 2
    if image is None and tile.symbol is not None:
        frame.paste(_FAINT_COLOUR, (0, 0), _draw_symbol(tile.symbol))
        return frame
    if image is None:
        font = ImageFont.load_default(_CAPTION_SIZE)
        ImageDraw.Draw(frame).text((centre, centre), "no picture", _FAINT_COLOUR, font, anchor="mm")
        return frame
    mask = image.getchannel("A") if image.mode == "RGBA" else None
    frame.paste(image, (centre - image.width // 2, centre - image.height // 2), mask)
    return frame


def _draw_symbol(symbol: Symbol) -> Image.Image:
    """Where the colour goes, on a grid of 16 by 16, drawn larger and scaled down."""
    side = THUMBNAIL_SIDE * _OVERSAMPLING
    mask = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(mask)
    unit = side / 16

    def at(*points: tuple[float, float]) -> list[tuple[float, float]]:
        return [(x * unit, y * unit) for x, y in points]

    match symbol:
        case Symbol.FILM:
            draw.polygon(at((6, 4.5), (12, 8), (6, 11.5)), _OPAQUE)
        case Symbol.SOUND:
            for column, height in enumerate((2, 5, 7, 4, 6, 3, 1)):
                x = 4.5 + column
                draw.rectangle(at((x, 8 - height / 2), (x + 0.5, 8 + height / 2)), _OPAQUE)
        case Symbol.TEXT:
            for row, width in enumerate((8, 8, 7, 8, 4)):
                y = 5 + row * 1.4
                draw.rectangle(at((4, y), (4 + width, y + 0.5)), _OPAQUE)
        case Symbol.SHAPE:
            width = round(unit / 2)
            top, left, right = (8, 4), (4.5, 6), (11.5, 6)
            draw.line(at(top, left, (8, 8), right, top), _OPAQUE, width, joint="curve")
            lower = at(left, (4.5, 10), (8, 12), (11.5, 10), right)
            draw.line(lower, _OPAQUE, width, joint="curve")
            draw.line(at((8, 8), (8, 12)), _OPAQUE, width)
    return mask.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)


def _draw_badge(card: Image.Image, text: str) -> None:
    font = ImageFont.load_default(18)
    size = (max(30, int(font.getlength(text)) + 18), 30)
    badge = Image.new("RGB", size, _BADGE_COLOUR)
    draw = ImageDraw.Draw(badge)
    draw.text((size[0] / 2, size[1] / 2), text, "white", font, anchor="mm")
    card.paste(badge, (_PADDING + 8, _PADDING + 8), _rounded(size, size[1] // 2))


def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    large = Image.new("L", (size[0] * _OVERSAMPLING, size[1] * _OVERSAMPLING), 0)
    ImageDraw.Draw(large).rounded_rectangle(
        (0, 0, large.width - 1, large.height - 1), radius * _OVERSAMPLING, fill=255
    )
    return large.resize(size, Image.Resampling.LANCZOS)


_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def _wrap(caption: str, font: _Font) -> list[str]:
    """Break a caption into the lines there is room for, the last one cut with an ellipsis."""
    words = _drawable(caption[:_CAPTION_CHARACTERS], font).split()
    lines: list[str] = []
    while words and len(lines) < _CAPTION_LINES:
        count = 1
        while count < len(words) and _fits(" ".join(words[: count + 1]), font):
            count += 1
        is_last = len(lines) == _CAPTION_LINES - 1
        taken, words = (words, []) if is_last else (words[:count], words[count:])
        lines.append(_cut(" ".join(taken), font))
    return lines


def _cut(line: str, font: _Font) -> str:
    if _fits(line, font):
        return line
    while line and not _fits(f"{line}...", font):
        line = line[:-1]
    return f"{line.rstrip()}..."


def _fits(line: str, font: _Font) -> bool:
    return font.getlength(line) <= THUMBNAIL_SIDE


def _drawable(text: str, font: _Font) -> str:
    """Write letters without the accents the font lacks, and leave out what it has no glyph for."""
    missing = bytes(font.getmask("\uffff"))
    plain = unicodedata.normalize("NFKD", text)
    known = {
        character: character.isspace() or bytes(font.getmask(character)) != missing
        for character in set(plain)
    }
    return "".join(character for character in plain if known[character])
