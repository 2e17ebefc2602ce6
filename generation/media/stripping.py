"""Removal of metadata from pictures without re-encoding, so that no pixel changes.

PNG: https://www.w3.org/TR/png-3/#5Chunk-layout. WebP:
https://developers.google.com/speed/webp/docs/riff_container. JPEG: ITU-T T.81, annex B.
"""

import struct
from collections.abc import Iterator

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


def strip_metadata(content: bytes) -> bytes:
    """Return the file without texts, EXIF and XMP; unchanged if its type is not supported here."""
    try:
        if content.startswith(_PNG):
            return _strip_png(content)
        if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            return _strip_webp(content)
        if content.startswith(_JPEG_START):
            return _strip_jpeg(content)
    except (struct.error, IndexError):
        # Damaged: it is left as it is rather than guessed at.
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
