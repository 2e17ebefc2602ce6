"""Small videos and sounds."""

import io
import random

import av
from PIL import Image

QUICKEST = {"preset": "superfast", "deadline": "realtime", "cpu-used": "8"}
"""For H.264, and for VP9; each passes over what it does not know."""


def build_film(
    seconds=2, side=128, file_format="mp4", codec="libx264", *, has_sound=False, pictures=()
):
    """Noise, which no codec makes small; or these pictures, for a second each."""
    seconds = len(pictures) or seconds
    target = io.BytesIO()
    source = random.Random(7)  # noqa: S311 - the same every time
    slides = [picture.resize((side, side)) for picture in pictures]
    with av.open(target, "w", format=file_format) as written:
        video = written.add_stream(codec, rate=10, options=QUICKEST)
        video.width = video.height = side
        video.pix_fmt = "yuv420p"
        video.bit_rate = 8_000_000
        sound = written.add_stream("aac", rate=44_100, layout="mono") if has_sound else None
        for number in range(seconds * 10):
            if slides:
                picture = slides[number // 10]
            else:
                picture = Image.frombytes("RGB", (side, side), source.randbytes(side * side * 3))
            written.mux(video.encode(av.VideoFrame.from_image(picture)))
        written.mux(video.encode(None))
        if sound is not None:
            _write_silence(written, sound, "fltp")
    return target.getvalue()


def build_sound(file_format="mp3", codec="libmp3lame"):
    """A second of silence."""
    target = io.BytesIO()
    with av.open(target, "w", format=file_format) as written:
        sound = written.add_stream(codec, rate=48_000, layout="mono")
        _write_silence(written, sound, sound.codec_context.codec.audio_formats[0].name)
    return target.getvalue()


def _write_silence(written, sound, sample_format):
    for number in range(40):
        frame = av.AudioFrame(format=sample_format, layout="mono", samples=1024)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.sample_rate, frame.pts = sound.codec_context.sample_rate, number * 1024
        written.mux(sound.encode(frame))
    written.mux(sound.encode(None))
