"""Small pictures to send and to receive."""

import io
import os
import struct
import zlib

from PIL import Image
from PIL.PngImagePlugin import PngInfo


def build_png(side=64):
    """Stripes in the colours of the moment, so that no upload meets an older one."""

    def chunk(name, content):
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    row = b"\0" + os.urandom(3 * side)
    pixels = chunk(b"IDAT", zlib.compress(row * side))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


def build_picture(size=(64, 64), colour="teal", file_format="PNG", mode="RGB"):
    """One colour all over."""
    return _encode(Image.new(mode, size, colour), file_format)


def build_noise(side):
    """A picture that no format can make much smaller without loss."""
    noise = Image.frombytes("RGB", (side, side), os.urandom(3 * side * side))
    return _encode(noise, compress_level=0)


def build_annotated(characters):
    """A small picture with a text of so many characters in its metadata."""
    metadata = PngInfo()
    metadata.add_text("prompt", "x" * characters)
    return _encode(Image.new("RGB", (64, 64), "red"), pnginfo=metadata)


def build_mask(side=64):
    """White, with the left half transparent."""
    picture = Image.new("RGBA", (side, side), "white")
    picture.paste((0, 0, 0, 0), (0, 0, side // 2, side))
    return _encode(picture)


def _encode(picture, file_format="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()
