"""Metadata goes, every pixel stays."""

import io

import pytest
from PIL import Image, PngImagePlugin

from generation.media.stripping import strip_metadata


def build(file_format):
    picture = Image.effect_noise((40, 30), 60).convert("RGB")
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    if file_format == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("prompt", '{"1": "a secret place"}')
        texts.add_itxt("workflow", "a secret place", zip=True)
        picture.save(buffer, "PNG", pnginfo=texts, exif=exif)
    else:
        options = {"comment": b"a secret place"} if file_format == "JPEG" else {"xmp": b"<x/>"}
        picture.save(buffer, file_format, exif=exif, quality=90, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_only_the_metadata_goes(file_format):
    content = build(file_format)
    bare = strip_metadata(content)
    assert len(bare) < len(content)
    assert b"secret" in content
    assert b"secret" not in bare
    before, after = (Image.open(io.BytesIO(one)) for one in (content, bare))
    assert after.format == file_format
    assert before.tobytes() == after.tobytes()
    assert not after.getexif()
    assert not {"prompt", "workflow", "comment", "xmp"} & after.info.keys()
    assert strip_metadata(bare) == bare


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_what_is_cut_off_anywhere_harms_nothing(file_format):
    content = build(file_format)
    for length in range(0, len(content), 7):
        assert isinstance(strip_metadata(content[:length]), bytes)


def test_what_is_no_picture_stays_as_it_is():
    for content in (b"", b"text", bytes(100), b"RIFF1234WAVE"):
        assert strip_metadata(content) == content
