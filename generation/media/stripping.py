"""Removal of metadata from files without re-encoding, so that no pixel and no sound changes.

PNG: https://www.w3.org/TR/png-3/#5Chunk-layout. WebP:
https://developers.google.com/speed/webp/docs/riff_container. JPEG: ITU-T T.81, annex B. GIF:
https://www.w3.org/Graphics/GIF/spec-gif89a.txt. Videos and sounds are copied by PyAV, if it is
installed (`limner[video]`).
"""

import struct
from collections.abc import Iterator

from generation.media.media_types import detect_media_type
from generation.media.video import copy_streams

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_METADATA = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"comf", b"caBX"})
"""`comf` contains ComfyUI's texts of animated pictures, `caBX` C2PA credentials, which would not
match the file any more."""
_WEBP_METADATA = frozenset({b"EXIF", b"XMP ", b"C2PA"})
_WEBP_METADATA_FLAGS = 0x08 | 0x04

_JPEG_START = b"\xff\xd8"
_JPEG_SCAN = 0xDA
_JPEG_COMMENT = 0xFE
_JPEG_EXIF, _JPEG_LAST_APP = 0xE1, 0xEF
_JPEG_COLOURS = frozenset({0xE2, 0xEE})
"""The color profile and Adobe's marker, without which colors would change."""

_GIF = (b"GIF87a", b"GIF89a")
_GIF_HEADER, _GIF_IMAGE_HEADER = 13, 10
_GIF_HAS_COLOURS = 0x80
_GIF_IMAGE, _GIF_EXTENSION = 0x2C, 0x21
_GIF_COMMENT, _GIF_APPLICATION = 0xFE, 0xFF
_GIF_LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
"""Application extensions that say how often an animation is repeated."""

_CONTAINERS = {
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/x-matroska": "matroska",
    "audio/mp4": "ipod",
    "audio/mpeg": "mp3",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/wav": "wav",
}
"""FFmpeg's names of containers, by media type."""


def strip_metadata(content: bytes) -> bytes:
    """Return the file without texts, EXIF and XMP; unchanged if its type is not supported here.

    Videos take up to a second: call it through `generation.media.decoding.decode`.
    """
    container = _CONTAINERS.get(detect_media_type(content) or "")
    if container is None:
        return strip_picture(content)
    return copy_streams(content, container) or content


def strip_picture(content: bytes) -> bytes:
    """Return a picture without metadata, as `strip_metadata` does; other files are unchanged."""
    try:
        if content.startswith(_PNG):
            return _strip_png(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _strip_webp(content)
        if content.startswith(_JPEG_START):
            return _strip_jpeg(content)
        if content.startswith(_GIF):
            return _strip_gif(content)
    except (struct.error, IndexError):
        # Damaged: unchanged, rather than guessed at.
        return content
    return content


def _strip_png(content: bytes) -> bytes:
    kept = [_PNG]
    position = len(_PNG)
    while position < len(content):
        (length,) = struct.unpack_from(">I", content, position)
        end = position + 12 + length
        if content[position + 4 : position + 8] not in _PNG_METADATA:
            kept.append(content[position:end])
        position = end
    return b"".join(kept)


def _strip_webp(content: bytes) -> bytes:
    kept = []
    for name, chunk in _webp_chunks(content):
        if name in _WEBP_METADATA:
            continue
        if name == b"VP8X":
            flags = chunk[8] & ~_WEBP_METADATA_FLAGS
            kept.append(chunk[:8] + bytes([flags]) + chunk[9:])
        else:
            kept.append(chunk)
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _webp_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 12
    while position + 8 <= len(content):
        (length,) = struct.unpack_from("<I", content, position + 4)
        end = position + 8 + length + length % 2
        yield content[position : position + 4], content[position:end]
        position = end


def _strip_jpeg(content: bytes) -> bytes:
    kept = [_JPEG_START]
    position = len(_JPEG_START)
    while content[position] == 0xFF:  # noqa: PLR2004 - what every marker begins with
        marker = content[position + 1]
        if marker == _JPEG_SCAN:
            break
        (length,) = struct.unpack_from(">H", content, position + 2)
        end = position + 2 + length
        is_app = _JPEG_EXIF <= marker <= _JPEG_LAST_APP and marker not in _JPEG_COLOURS
        if not is_app and marker != _JPEG_COMMENT:
            kept.append(content[position:end])
        position = end
    kept.append(content[position:])
    return b"".join(kept)


def _strip_gif(content: bytes) -> bytes:
    position = find_gif_blocks(content)
    kept = [content[:position]]
    while (kind := content[position]) in {_GIF_IMAGE, _GIF_EXTENSION}:
        start, is_kept = position, True
        if kind == _GIF_IMAGE:
            colours = _colours_length(content[position + _GIF_IMAGE_HEADER - 1])
            position = _skip_blocks(content, position + _GIF_IMAGE_HEADER + colours + 1)
        else:
            is_text = content[position + 1] in {_GIF_COMMENT, _GIF_APPLICATION}
            is_kept = not is_text or content[position + 3 : position + 14] in _GIF_LOOPS
            position = _skip_blocks(content, position + 2)
        if is_kept:
            kept.append(content[start:position])
    kept.append(content[position : position + 1])
    return b"".join(kept)


def find_gif_blocks(content: bytes) -> int:
    """Return the position after a GIF's header and its color table. Raises IndexError."""
    return _GIF_HEADER + _colours_length(content[_GIF_HEADER - 3])


def _colours_length(flags: int) -> int:
    """Bytes of a GIF's color table, by the flags that announce it."""
    return 3 * 2 ** ((flags & 0x07) + 1) if flags & _GIF_HAS_COLOURS else 0


def _skip_blocks(content: bytes, position: int) -> int:
    """Return the position after a GIF's data blocks, which end with an empty one.

    Raises IndexError.
    """
    while content[position]:
        position += 1 + content[position]
    return position + 1
