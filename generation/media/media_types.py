"""Media types by file name, platform-independent, and by content.

Signatures: https://mimesniff.spec.whatwg.org/ and the formats' own specifications.
"""

import mimetypes
from collections.abc import Iterator

UNKNOWN = "application/octet-stream"
PROGRAM = "application/x-executable"
WEB_PAGE = "text/html"
DRAWING = "image/svg+xml"

_TYPES = mimetypes.MimeTypes(filenames=())
for _extension, _media_type in {
    "apng": "image/apng",
    "exr": "image/x-exr",
    "jxl": "image/jxl",
    "webp": "image/webp",
    "m4v": "video/mp4",
    "mkv": "video/x-matroska",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "wav": "audio/wav",
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "obj": "model/obj",
    "stl": "model/stl",
}.items():
    _TYPES.add_type(_media_type, f".{_extension}")

_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"BM": "image/bmp",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
    b"v/1\x01": "image/x-exr",
    b"\xff\x0a": "image/jxl",
    b"\0\0\0\x0cJXL \r\n\x87\n": "image/jxl",
    b"\0\0\x01\xba": "video/mpeg",
    b"\0\0\x01\xb3": "video/mpeg",
    b"fLaC": "audio/flac",
    b"OggS": "audio/ogg",
    b"ID3": "audio/mpeg",
    b"\xff\xf1": "audio/aac",
    b"\xff\xf9": "audio/aac",
    b"glTF": "model/gltf-binary",
    b"ply\n": "model/ply",
    b"ply\r\n": "model/ply",
    b"Kaydara FBX Binary": "model/fbx",
    b"PK\x03\x04": "application/zip",
    b"\x1f\x8b": "application/gzip",
    b"MZ": PROGRAM,
    b"\x7fELF": PROGRAM,
    b"\xfe\xed\xfa": PROGRAM,
    b"\xcf\xfa\xed\xfe": PROGRAM,
    b"\xca\xfe\xba\xbe": PROGRAM,
}
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
}
"""Major brands of ISO 14496-12 files; any other stands for a video."""

_HEAD_BYTES = 1024
"""Bytes of a text in which a web page or drawing is recognized."""

_BOX_HEADER = 8
_MPEG_SYNC = 0xFFE0
_MPEG_RESERVED_RATE = 3
_STL_HEADER, _STL_TRIANGLE = 84, 50
"""Bytes of a binary STL's header, which ends with the number of triangles, and of each triangle."""


def guess_media_type(filename: str) -> str:
    """Return the media type of the file name's extension."""
    return _TYPES.guess_type(filename)[0] or UNKNOWN


def detect_media_type(content: bytes) -> str | None:
    """Return the media type of the content; None if it has no known signature."""
    if content[:4] == b"RIFF":
        return _RIFF.get(content[8:12])
    if content[:4] == b"\x1a\x45\xdf\xa3":
        return _type_of_ebml(content[:64])
    if content[4:8] == b"ftyp":
        return _type_of_boxes(content)
    return _type_of_text(content) or _type_of_beginning(content)


def _type_of_beginning(content: bytes) -> str | None:
    for signature, media_type in _SIGNATURES.items():
        if content.startswith(signature):
            return media_type
    if _is_mpeg_frame(content):
        return "audio/mpeg"
    return "model/stl" if _is_binary_stl(content) else None


def _type_of_ebml(head: bytes) -> str | None:
    if b"webm" in head:
        return "video/webm"
    return "video/x-matroska" if b"matroska" in head else None


def _type_of_boxes(content: bytes) -> str | None:
    """Detect ISO 14496-12: a file of boxes that starts with its type and has an index."""
    media_type = _BRANDS.get(content[8:12], "video/mp4")
    index = b"meta" if media_type.startswith("image/") else b"moov"
    return media_type if index in _boxes(content) else None


def _boxes(content: bytes) -> Iterator[bytes]:
    """Yield the names of top-level boxes, up to one that does not fit into the file."""
    start = 0
    while start + _BOX_HEADER <= len(content):
        size = int.from_bytes(content[start : start + 4], "big")
        if size == 1:  # a size of 64 bits follows the name
            size = int.from_bytes(content[start + 8 : start + 16], "big")
        elif size == 0:  # until the end
            size = len(content) - start
        if size < _BOX_HEADER or start + size > len(content):
            return
        yield content[start + 4 : start + 8]
        start += size


def _is_mpeg_frame(content: bytes) -> bool:
    """Detect ISO 11172-3: eleven set bits, then a version, layer and rate that are not reserved."""
    head = int.from_bytes(content[:2], "big") if len(content) > _BOX_HEADER else 0
    if head & _MPEG_SYNC != _MPEG_SYNC:
        return False
    version, layer, rate = head >> 3 & 3, head >> 1 & 3, content[2] >> 2 & 3
    return version != 1 and layer != 0 and rate != _MPEG_RESERVED_RATE


def _is_binary_stl(content: bytes) -> bool:
    triangles = int.from_bytes(content[80:_STL_HEADER], "little")
    return triangles > 0 and len(content) == _STL_HEADER + triangles * _STL_TRIANGLE


def _type_of_text(content: bytes) -> str | None:
    """Detect a web page, a drawing, or plain text; None for other content and for no content."""
    head = content[:_HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head or b"\0" in head:
        return None
    if head.startswith((b"<!doctype html", b"<html")) or b"<html" in head:
        return WEB_PAGE
    if head.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in head:
        return DRAWING
    try:
        content.decode()
    except UnicodeDecodeError:
        return None
    return "text/plain"
