"""Films, looked into and made smaller."""

import io
import sys

import av
import pytest
from PIL import Image, ImageColor

from generation.media.imaging import STILLS
from generation.media.video import fit_video, still, stills
from tests.support.films import build_film


@pytest.mark.parametrize(("file_format", "codec"), [("mp4", "libx264"), ("webm", "libvpx-vp9")])
def test_a_still_is_the_first_picture(file_format, codec):
    content = build_film(1, file_format=file_format, codec=codec)
    picture = Image.open(io.BytesIO(still(content)))
    assert (picture.format, picture.size) == ("PNG", (128, 128))


@pytest.mark.parametrize(("file_format", "codec"), [("mp4", "libx264"), ("webm", "libvpx-vp9")])
@pytest.mark.parametrize("side", [128, 768])
def test_stills_are_small_and_from_the_whole_length(file_format, codec, side):
    colors = ("red", "lime", "blue", "white")
    slides = [Image.new("RGB", (64, 64), color) for color in colors]
    content = build_film(side=side, file_format=file_format, codec=codec, pictures=slides)
    seen = [Image.open(io.BytesIO(one)) for one in stills(content)]
    assert {one.size for one in seen} == {(min(side, 640),) * 2}
    shown = [one.getpixel((9, 9)) for one in seen]
    expected = [ImageColor.getrgb(color) for color in colors]
    assert all(
        abs(a - b) < 30
        for one, other in zip(shown, expected, strict=True)
        for a, b in zip(one, other, strict=True)
    )


def test_what_cannot_be_decoded_to_its_end_is_looked_at_from_the_beginning():
    content = build_film(4, file_format="matroska")
    assert 1 <= len(stills(content[: len(content) // 2])) <= STILLS


@pytest.mark.parametrize("has_sound", [False, True])
def test_a_film_is_made_to_fit_and_stays_as_long(has_sound):
    content = build_film(has_sound=has_sound)
    fitted = fit_video(content, len(content) // 3)
    assert len(fitted) <= len(content) // 3
    with av.open(io.BytesIO(fitted)) as film:
        assert film.duration / av.time_base == pytest.approx(2.0, abs=0.3)
        assert bool(film.streams.audio) == has_sound
        assert film.streams.video[0].codec_context.name == "h264"


def test_what_would_show_nothing_any_more_is_not_written():
    assert fit_video(build_film(), 5_000) is None


@pytest.mark.parametrize("content", [b"", b"garbage" * 100, build_film(1)[:500]])
def test_what_is_broken_harms_nothing(content):
    assert still(content) is None
    assert fit_video(content, 100_000) is None


def test_without_the_extra_nothing_is_looked_into(monkeypatch):
    content = build_film(1)
    monkeypatch.setitem(sys.modules, "av", None)
    assert still(content) is None
    assert fit_video(content, 100_000) is None
