"""Attached pictures: verified and re-encoded before anything else reads them."""

import math
from dataclasses import dataclass, field

from PIL import Image, ImageChops, ImageOps

from generation.media.fitting import fit_under
from generation.media.imaging import THUMBNAIL_SIDE
from generation.media.normalising import (
    INPUT_FORMATS,
    MAX_INPUT_SIDE,
    RESULT_FORMATS,
    InvalidImage,
    check_size,
    encode,
    factor_to,
    highest,
    lowest,
    normalise,
    open_image,
    scale,
)
from generation.media.perceptual_hash import hash_image
from generation.record import PictureHash

MAX_INPUT_BYTES = 10 * 1024 * 1024
"""Bytes of an attached picture: Discord's limit for everybody."""

_MOST_GROWTH = 2
"""Largest growth when an attachment is re-encoded as PNG: noise from a WebP takes five times its
bytes."""

_NEARLY_BLACK = 16
"""Luminance up to which a pixel counts as black, JPEG's noise included."""

_GREY_SPREAD = 24
"""Difference between color channels up to which a pixel counts as grey, JPEG's noise included."""


@dataclass(frozen=True, slots=True)
class CheckedImage:
    """A re-encoded picture: one frame, upright, RGB or RGBA, without metadata.

    `hash` is None if none was wanted, or if it has too little detail to be recognized.
    """

    content: bytes = field(repr=False)
    media_type: str
    width: int
    height: int
    hash: PictureHash | None = field(default=None, repr=False)


def verify_input(
    content: bytes,
    *,
    max_bytes: int = MAX_INPUT_BYTES,
    max_pixels: int | None = None,
    wants_hash: bool = False,
) -> CheckedImage:
    """Verify an attachment and re-encode it, so that none of its bytes are passed on.

    A picture of more than `max_pixels` is scaled down, and hashed on request. Raises InvalidImage.
    """
    image, file_format = _load_input(content, max_bytes, max_pixels)
    if max_pixels is not None:
        image = scale(image, factor_to(image.size, max_pixels))
    if file_format == "JPEG" and image.mode == "RGB":
        written, media_type = encode(image, "JPEG", quality=95, subsampling=0), "image/jpeg"
    else:
        written, media_type = encode(image, "PNG", compress_level=4), "image/png"
    if len(written) > _MOST_GROWTH * max_bytes:
        written, media_type = encode(image, "WEBP", quality=90, method=0), "image/webp"
    found = None
    if wants_hash:
        small = scale(image, THUMBNAIL_SIDE / max(image.size), Image.Resampling.HAMMING)
        found = hash_image(small)
    return CheckedImage(written, media_type, image.width, image.height, found)


def fit_input(content: bytes, *, max_bytes: int = MAX_INPUT_BYTES) -> bytes:
    """Return a result as `verify_input` would, re-encoded only if it needs to be.

    Scaled down if it is too large; of animations in other formats than `INPUT_FORMATS`, the first
    frame is used. Raises InvalidImage.
    """
    with open_image(content, RESULT_FORMATS) as source:
        fits = max(source.size) <= MAX_INPUT_SIDE and len(content) <= max_bytes
        if fits and source.format in INPUT_FORMATS:
            return content
        image = normalise(source, MAX_INPUT_SIDE)
    written = encode(image, "PNG", compress_level=4)
    if len(written) <= max_bytes:
        return written
    return fit_under(written, max_bytes).content


def verify_mask(content: bytes, image_size: tuple[int, int]) -> bytes:
    """Check an attached mask; return a grey PNG of the picture's size, white where to repaint.

    Black and white are used as they are, on black where there is transparency. In a picture with
    erased parts, and in one of a single color, the transparent parts are repainted. Raises
    InvalidImage.
    """
    mask = _read_mask(_load_input(content, MAX_INPUT_BYTES)[0])
    if mask.size != image_size:
        _check_same_shape(mask.size, image_size)
        mask = mask.resize(image_size, Image.Resampling.NEAREST)
    if highest(mask) < _NEARLY_BLACK:
        raise InvalidImage("The mask is all black. Paint what should change white.")
    return encode(mask, "PNG", compress_level=4)


def _load_input(
    content: bytes, max_bytes: int, max_pixels: int | None = None
) -> tuple[Image.Image, str]:
    """Decode an attachment that is within the limits; its format is one of INPUT_FORMATS.

    A JPEG of far more than `max_pixels` is decoded at a fraction of its size.
    """
    if len(content) > max_bytes:
        raise InvalidImage(
            "The picture is too large ({size} MiB, limit {limit}). Save it smaller, for example "
            "as a JPEG.",
            {"size": f"{len(content) / 2**20:.1f}", "limit": f"{max_bytes / 2**20:g}"},
        )
    with open_image(content, INPUT_FORMATS) as source:
        check_size(source.size, max_side=MAX_INPUT_SIDE)
        file_format = "JPEG" if source.format == "MPO" else source.format or ""
        longest = max(source.size)
        if max_pixels is not None:
            longest = math.ceil(longest * factor_to(source.size, max_pixels))
        return normalise(source, longest), file_format


def _read_mask(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image.convert("L")
    *colours, alpha = image.split()
    del image  # its decoder keeps several times as much
    on_black = [ImageChops.multiply(band, alpha) for band in colours]
    if all(lowest(band) == highest(band) for band in colours) or not _is_grey(*on_black):
        return ImageOps.invert(alpha)
    return Image.merge("RGB", on_black).convert("L")


def _is_grey(red: Image.Image, green: Image.Image, blue: Image.Image) -> bool:
    return all(
        highest(ImageChops.difference(one, other)) <= _GREY_SPREAD
        for one, other in ((red, green), (green, blue), (red, blue))
    )


def _check_same_shape(size: tuple[int, int], image_size: tuple[int, int]) -> None:
    expected_height = size[0] * image_size[1] / image_size[0]
    expected_width = size[1] * image_size[0] / image_size[1]
    # Scaling rounds one side to whole pixels.
    if min(abs(size[1] - expected_height), abs(size[0] - expected_width)) > 1:
        raise InvalidImage(
            "The mask ({mask}) and the picture ({picture}) have different shapes. Make the mask "
            "from the picture.",
            {"mask": f"{size[0]} x {size[1]}", "picture": f"{image_size[0]} x {image_size[1]}"},
        )
