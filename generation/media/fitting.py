"""Re-encoding of pictures and animations to fit a number of bytes."""

import math
from dataclasses import dataclass, field

from PIL import Image

from generation.media.imaging import EXTENSIONS, MEDIA_TYPES
from generation.media.normalising import (
    RESULT_FORMATS,
    InvalidImage,
    check_decodable,
    encode,
    normalise,
    open_image,
    scale,
)

_MAX_WEBP_SIDE = 16_383
"""The WebP format's own limit."""

_QUALITIES = (92, 84, 74)
"""WebP qualities tried before a picture is scaled down; below, artifacts are obvious."""

_ANIMATION_METHOD = 2
"""WebP's effort, of 6: more takes several times as long and saves a few percent."""

_SHRINK_MARGIN = 0.9
"""Safety factor of the next size to try, since bytes are not exactly proportional to area."""

_MAX_ANIMATION_PIXELS = 100_000_000
"""Pixels of all frames of the largest animation that is re-encoded."""

_MAX_KEPT_PIXELS = 50_000_000
"""Pixels of all re-encoded frames, which are in memory together: 200 MB."""

_ANIMATION_FACTORS = (1.0, 0.7, 0.5, 0.35, 0.25)
"""Scales tried for an animation, each with about half the bytes of the one before."""

_ANIMATION_QUALITY = 75

_FRAME_MS = 100
"""Duration of a frame that has none, as in browsers."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A picture within the byte limit; `is_scaled` says that it has fewer pixels."""

    content: bytes = field(repr=False)
    extension: str
    media_type: str
    is_scaled: bool = False


def fit_under(content: bytes, max_bytes: int) -> Fitted:
    """Return the picture in at most `max_bytes`: unchanged, or as WebP, scaled down if needed.

    Of an animation that is far too long only the first frame is kept. Raises InvalidImage if it is
    no picture, or the limit is too small for any.
    """
    with open_image(content, RESULT_FORMATS) as source:
        if len(content) <= max_bytes:
            file_format = source.format or ""
            return Fitted(content, EXTENSIONS[file_format], MEDIA_TYPES[file_format])
        check_decodable(source)
        moving = _fit_animation(source, max_bytes)
        if moving is not None:
            return moving
        is_cut, longest = getattr(source, "is_animated", False), max(source.size)
        image = normalise(source)
    del source  # as large as it was decoded
    image = scale(image, min(1.0, _MAX_WEBP_SIDE / max(image.size)))
    while True:
        for quality in _QUALITIES:
            written = encode(image, "WEBP", quality=quality)
            if len(written) <= max_bytes:
                return Fitted(written, "webp", "image/webp", is_cut or max(image.size) < longest)
        if max(image.size) == 1:
            raise InvalidImage("No picture fits into {bytes} bytes.", {"bytes": max_bytes})
        image = scale(image, _SHRINK_MARGIN * math.sqrt(max_bytes / len(written)))


def _fit_animation(source: Image.Image, max_bytes: int) -> Fitted | None:
    """Encode all frames as a smaller WebP; None for a still, or if that would take too long."""
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
            # Frame by frame: only the scaled ones are kept.
            frames.append(scale(source.convert("RGBA"), factor))
            # WebP reports it only after the frame is decoded.
            durations.append(int(source.info.get("duration") or _FRAME_MS))
        first, *others = frames
        written = encode(
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
