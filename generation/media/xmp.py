"""IPTC's Digital Source Type in the XMP of pictures, for programs that do not read C2PA.

PNG: XMP specification part 3, 1.1.5. JPEG: likewise, 1.1.3. GIF: likewise, 1.1.2. WebP:
https://developers.google.com/speed/webp/docs/riff_container.
"""

import io
import struct
import zlib

from PIL import Image

from generation.media.stripping import find_gif_blocks

_PNG_HEADER_BYTES = 33
"""The signature and IHDR, which must come first."""
_PNG_KEYWORD = b"XML:com.adobe.xmp"
_JPEG_NAMESPACE = b"http://ns.adobe.com/xap/1.0/\0"
_JPEG_APP0 = b"\xff\xe0"
_WEBP_HAS_XMP, _WEBP_HAS_ALPHA = 0x04, 0x10
_GIF_XMP = b"\x21\xff\x0bXMP DataXMP"
_GIF_TRAILER = bytes([1, *range(255, -1, -1), 0])
"""Brings a reader that takes the packet for data blocks, each with its length, to its end."""

_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'Iptc4xmpExt:DigitalSourceType="{source_type}"/>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)


def add_source_type(content: bytes, media_type: str, source_type: str) -> bytes:
    """Return a PNG, JPEG, WebP or GIF file with its source type; any other file unchanged.

    A file that has XMP stays unchanged, because it may have one packet only.
    """
    if _PNG_KEYWORD in content or _JPEG_NAMESPACE in content or _GIF_XMP in content:
        return content
    packet = _PACKET.format(source_type=source_type).encode()
    match media_type:
        case "image/png":
            return _add_to_png(content, packet)
        case "image/jpeg":
            return _add_to_jpeg(content, packet)
        case "image/webp":
            return _add_to_webp(content, packet)
        case "image/gif":
            return _add_to_gif(content, packet)
    return content


def _add_to_png(content: bytes, packet: bytes) -> bytes:
    # After the keyword: neither compressed nor in a language.
    body = b"iTXt" + _PNG_KEYWORD + bytes(5) + packet
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return content[:_PNG_HEADER_BYTES] + chunk + content[_PNG_HEADER_BYTES:]


def _add_to_jpeg(content: bytes, packet: bytes) -> bytes:
    position = 2
    if content[2:4] == _JPEG_APP0:
        # JFIF's own segment must be the first one.
        position += 2 + int.from_bytes(content[4:6], "big")
    body = _JPEG_NAMESPACE + packet
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return content[:position] + segment + content[position:]


def _add_to_webp(content: bytes, packet: bytes) -> bytes:
    chunks = content[12:]
    if chunks.startswith(b"VP8X"):
        flags = chunks[8]
        if flags & _WEBP_HAS_XMP:
            return content
        chunks = chunks[:8] + bytes([flags | _WEBP_HAS_XMP]) + chunks[9:]
    else:
        chunks = _extended_header(content) + chunks
    xmp = b"XMP " + struct.pack("<I", len(packet)) + packet + bytes(len(packet) % 2)
    body = b"WEBP" + chunks + xmp
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _add_to_gif(content: bytes, packet: bytes) -> bytes:
    start = find_gif_blocks(content)
    # GIF87a has no extensions.
    header = b"GIF89a" + content[6:start]
    return header + _GIF_XMP + packet + _GIF_TRAILER + content[start:]


def _extended_header(content: bytes) -> bytes:
    """Build the header that a simple WebP file lacks and that XMP requires."""
    with Image.open(io.BytesIO(content)) as picture:
        width, height = picture.size
        alpha = _WEBP_HAS_ALPHA if picture.mode == "RGBA" else 0
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"VP8X" + struct.pack("<I", 10) + bytes([alpha | _WEBP_HAS_XMP, 0, 0, 0]) + size
