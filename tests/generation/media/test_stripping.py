"""Metadata goes, every pixel stays."""

import io
import sys

import av
import pytest
from PIL import Image, PngImagePlugin

from generation.media import video
from generation.media.media_types import detect_media_type
from generation.media.stripping import strip_metadata
from workflows.carriers import list_texts


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


def test_a_gif_loses_its_comments_and_goes_on_turning():
    frames = [Image.effect_noise((40, 30), spread).convert("P") for spread in (20, 60, 90)]
    buffer = io.BytesIO()
    options = {"save_all": True, "append_images": frames[1:], "duration": 80, "loop": 3}
    frames[0].save(buffer, "GIF", comment=b'{"prompt": "a secret place"}', **options)
    bare = strip_metadata(buffer.getvalue())
    assert b"secret" in buffer.getvalue()
    assert b"secret" not in bare
    with Image.open(buffer) as before, Image.open(io.BytesIO(bare)) as after:
        assert (after.n_frames, after.info["loop"], after.info["duration"]) == (3, 3, 80)
        for number in range(3):
            before.seek(number)
            after.seek(number)
            assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()
    assert strip_metadata(bare) == bare
    for length in range(0, len(bare), 7):
        assert isinstance(strip_metadata(buffer.getvalue()[:length]), bytes)


PROMPT = '{"3": {"class_type": "KSampler", "inputs": {"text": "a secret place"}}}'

STREAMS = {
    "mp4": ("libx264", "video/mp4"),
    "mov": ("libx264", "video/quicktime"),
    "webm": ("libvpx-vp9", "video/webm"),
    "matroska": ("libx264", "video/x-matroska"),
    "ipod": ("aac", "audio/mp4"),
    "mp3": ("libmp3lame", "audio/mpeg"),
    "flac": ("flac", "audio/flac"),
    "ogg": ("libopus", "audio/ogg"),
    "wav": ("pcm_s16le", "audio/wav"),
}


def record(container):
    """A short file of this kind that carries a prompt, as ComfyUI's nodes write one."""
    codec, media_type = STREAMS[container]
    buffer = io.BytesIO()
    options = {"movflags": "use_metadata_tags"} if container in {"mp4", "mov"} else {}
    with av.open(buffer, "w", format=container, options=options) as written:
        written.metadata.update({"prompt": PROMPT, "comment": PROMPT})
        if media_type.startswith("video/"):
            stream = written.add_stream(codec, rate=8)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            frames = [av.VideoFrame(64, 48, "yuv420p") for _ in range(8)]
        else:
            stream = written.add_stream(codec, rate=48_000)
            frames = [av.AudioFrame("s16", "stereo", 4_800)]
            frames[0].sample_rate = 48_000
        for number, frame in enumerate(frames):
            for plane in frame.planes:
                plane.update(bytes([20 * number]) * plane.buffer_size)
        for frame in (*frames, None):
            written.mux(stream.encode(frame))
    return buffer.getvalue()


def play(content):
    """What is seen or heard of a file."""
    with av.open(io.BytesIO(content)) as opened:
        frames = opened.decode(opened.streams[0])
        return [bytes(plane) for frame in frames for plane in frame.planes]


@pytest.mark.parametrize("container", STREAMS)
def test_a_video_or_a_sound_loses_its_prompt_and_nothing_else(container):
    content = record(container)
    assert b"secret" in content
    bare = strip_metadata(content)
    assert b"secret" not in bare
    assert not any("secret" in text for _name, text in list_texts(bare))
    assert detect_media_type(bare) == STREAMS[container][1]
    assert play(bare) == play(content)
    # Cut off anywhere it stays as it is, or is what there was of it.
    for length in range(0, len(content), len(content) // 9):
        assert isinstance(strip_metadata(content[:length]), bytes)


def test_without_pyav_videos_and_sounds_stay_as_they_are(monkeypatch):
    content = record("mp4")
    monkeypatch.setitem(sys.modules, "av", None)
    assert video.copy_streams(content, "mp4") is None
    assert strip_metadata(content) == content


def test_what_is_no_picture_stays_as_it_is():
    for content in (b"", b"text", bytes(100), b"RIFF1234WAVE"):
        assert strip_metadata(content) == content
