"""What a file is by its bytes."""

import io
import struct

import pytest
from PIL import Image

from generation.media.media_types import detect_media_type, guess_media_type


def box(name, content=b"", size=None):
    return struct.pack(">I4s", 8 + len(content) if size is None else size, name) + content


MP4 = box(b"ftyp", b"isom\0\0\0\0") + box(b"free") + box(b"mdat", b"x" * 9) + box(b"moov", b"y")
LONG_BOX = box(b"ftyp", b"mp42") + struct.pack(">I4sQ", 1, b"mdat", 20) + b"zzzz" + box(b"moov")
MOV = box(b"ftyp", b"qt  ") + box(b"moov")
M4A = box(b"ftyp", b"M4A ") + box(b"moov")
WEBM = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm" + b"\0" * 40
MP3 = b"\xff\xfb\x90\x64" + b"\0" * 40


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (MP4, "video/mp4"),
        (LONG_BOX, "video/mp4"),
        (MOV, "video/quicktime"),
        (WEBM, "video/webm"),
        (M4A, "audio/mp4"),
        (MP3, "audio/mpeg"),
        (b"ID3\x04" + b"\0" * 20, "audio/mpeg"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
        (b"fLaC\0\0\0\x22", "audio/flac"),
        (b"OggS\0\x02", "audio/ogg"),
        (b"", None),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x24\0\0\0CDDA", None),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01", "image/jpeg"),
        (b"v/1\x01\x02\0\0\0", "image/x-exr"),
        (b"glTF\x02\0\0\0", "model/gltf-binary"),
        (bytes(80) + b"\x01\0\0\0" + bytes(50), "model/stl"),
        (b"MZ\x90\0\x03\0\0\0", "application/x-executable"),
        (b"\x7fELF\x02\x01\x01\0", "application/x-executable"),
        (b"BMX is a sport", "text/plain"),
        (b"\xef\xbb\xbf<!DOCTYPE html><html></html>", "text/html"),
        (b"\n<HTML lang='en'>", "text/html"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"<svg/>", "image/svg+xml"),
        (b"\xfe\x01 neither", None),
        (b"   ", None),
        (box(b"ftyp", b"isom"), None),  # no index: nothing can play it
        (box(b"ftyp", b"isom", size=4000) + box(b"moov"), None),
        (box(b"ftyp", b"isom", size=4), None),
        (b"#EXTM3U\nhttp://192.0.2.1/", "text/plain"),
        (b"\x1a\x45\xdf\xa3 matroska", "video/x-matroska"),
    ],
)
def test_the_type_is_that_of_the_bytes(content, media_type):
    assert detect_media_type(content) == media_type


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_pictures_as_they_are_written_are_known(file_format):
    content = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(content, file_format)
    assert detect_media_type(content.getvalue()) == f"image/{file_format.lower()}"


@pytest.mark.parametrize(
    ("name", "signature"),
    [("a.wav", b"RIFF\x24\0\0\0WAVEfmt "), ("a.avi", b"RIFF\x24\0\0\0AVI LIST")],
)
def test_the_type_of_a_name_is_that_of_the_bytes(name, signature):
    """Versions of Python differ in what they call these types."""
    assert guess_media_type(name) == detect_media_type(signature)
