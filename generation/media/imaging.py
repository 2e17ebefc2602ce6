"""Small, still, combined and cut pictures, made from results and previews.

All functions here and in `inputs`, `fitting` and `contact_sheet` block for up to seconds: call them
through `generation.media.decoding.decode`.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

from PIL import Image, ImageFilter

from generation.media.normalising import (
    OPAQUE,
    RESULT_FORMATS,
    InvalidImage,
    encode,
    load,
    lowest,
    normalise,
    on_black,
    open_image,
    to_rgb,
)

THUMBNAIL_SIDE = 256
"""Pixels a side of a thumbnail: sharp in a contact sheet, about 10 kB in the database."""

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
                frame = load(source, STILL_SIDE, Image.Resampling.LANCZOS)
                image = on_black(to_rgb(frame.copy() if frame is source else frame))
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


def find_small(content: bytes, side: int) -> Image.Image | None:
    """Decode a picture, scaled down to at most `side` pixels a side; None if unreadable."""
    try:
        with open_image(content, RESULT_FORMATS) as source:
            return normalise(source, side, Image.Resampling.HAMMING)
    except InvalidImage:
        return None


def _load_cell(content: bytes) -> Image.Image:
    with open_image(content, RESULT_FORMATS) as source:
        return normalise(source, _GRID_CELL_SIDE)


def _encode_quickly(image: Image.Image, quality: int) -> bytes:
    """Encode as a JPEG, or as a WebP if something is transparent, which takes ten times as long.

    The chroma of the JPEG is not subsampled, which would blur red on black.
    """
    if image.mode == "RGBA":
        return encode(image, "WEBP", quality=quality, method=0)
    return encode(image, "JPEG", quality=quality, subsampling=0)
