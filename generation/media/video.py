"""Videos: extraction of stills, and re-encoding to a size. Requires PyAV (`limner[video]`).

All functions block for up to minutes: call them in a thread. Videos come from backends; stills are
also extracted from what people attach.
"""

import io
import logging
import math
from collections.abc import Iterable
from fractions import Fraction
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING

from generation.media.imaging import STILL_SIDE, STILLS
from generation.media.normalising import MAX_COSTLY_PIXELS, encode, scale

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

LONGEST_S = 180.0
"""Seconds of the longest video that is re-encoded, which takes about as long on a small machine."""

_DECODED_PIXELS = 100_000_000
"""Pixels that are decoded to reach a frame: 100 frames of 720p, which take half a second."""

_DEFAULT_RATE = Fraction(25)
"""Frames a second of a video that does not say."""

_AUDIO_BITS = 96_000
_BIT_RATE_MARGIN = 0.88
"""Target as a fraction of the limit: the encoder does not reach its bit rate exactly."""

_LEAST_BITS = 150_000
"""Bits per second below which a video is unusable."""

_BITS_A_PIXEL = 0.05
"""Bits per pixel and frame at which H.264 looks good; below, the video is scaled down."""

_ATTEMPTS = (1.0, 0.7)

_log = logging.getLogger(__name__)


def is_installed() -> bool:
    """Return whether PyAV is there; without it the functions of this module return None."""
    return find_spec("av") is not None


def still(content: bytes) -> bytes | None:
    """Return the first frame as a PNG; None if it is unreadable, too large, or PyAV is missing."""
    return next(iter(stills(content, 1, math.inf)), None)


def stills(content: bytes, count: int = STILLS, max_side: float = STILL_SIDE) -> tuple[bytes, ...]:
    """Return the first frame and others from the whole length as small PNGs.

    Empty if it is unreadable, too large, or PyAV is missing.
    """
    try:
        import av  # noqa: PLC0415 - an optional extra
    except ImportError:
        return ()
    written: list[bytes] = []
    try:
        with av.open(io.BytesIO(content), "r") as container:
            source = container.streams.video[0]
            if source.width * source.height > MAX_COSTLY_PIXELS:
                return ()
            most = max(1, _DECODED_PIXELS // (source.width * source.height))
            reach_s = most / (source.average_rate or _DEFAULT_RATE)
            length, at = container.duration or 0, 0.0
            for moment in dict.fromkeys(
                length * part // max(count - 1, 1) for part in range(count)
            ):
                second = moment / av.time_base
                if second > at + reach_s:
                    # To the key frame before it.
                    container.seek(moment)
                frame = _find_frame(islice(container.decode(source), most), second)
                written.append(_write_png(frame, max_side))
                at = frame.time or 0.0
    except (av.FFmpegError, IndexError, ValueError) as error:
        _log.info("A video could not be decoded (%s).", type(error).__name__)
    return tuple(written)


def _find_frame(frames: Iterable["VideoFrame"], second: float) -> "VideoFrame":
    """Return the frame of that second, or else the last one. Raises IndexError without any."""
    found = None
    for found in frames:
        if found.time is None or found.time >= second:
            break
    if found is None:
        raise IndexError("no frame")
    return found


def fit_video(content: bytes, max_bytes: int) -> bytes | None:
    """Re-encode a video as an MP4 of at most `max_bytes`; None if that is impossible."""
    try:
        import av  # noqa: PLC0415 - an optional extra
    except ImportError:
        return None
    try:
        for factor in _ATTEMPTS:
            written = _encode_video(content, max_bytes * factor)
            if written is None or len(written) <= max_bytes:
                return written
    except (av.FFmpegError, IndexError, ValueError) as error:
        _log.info("A video could not be re-encoded (%s).", type(error).__name__)
    return None


def copy_streams(content: bytes, container: str) -> bytes | None:
    """Copy the video and the sound of a file into a container, with nothing else of it.

    Nothing is re-encoded. Returns None if that is impossible.
    """
    try:
        import av  # noqa: PLC0415 - an optional extra
    except ImportError:
        return None
    target = io.BytesIO()
    try:
        with (
            av.open(io.BytesIO(content), "r") as source,
            av.open(target, "w", format=container) as written,
        ):
            streams = [one for one in source.streams if one.type in ("video", "audio")]
            copies = {one.index: written.add_stream_from_template(one) for one in streams}
            for packet in source.demux(streams):
                if packet.size:
                    packet.stream = copies[packet.stream.index]
                    written.mux(packet)
    except (av.FFmpegError, ValueError) as error:
        _log.info("The metadata of a file could not be removed (%s).", type(error).__name__)
        return None
    return target.getvalue()


def _write_png(frame: "VideoFrame", max_side: float) -> bytes:
    image = frame.to_image()  # type: ignore[no-untyped-call] # PyAV has no types for it
    return encode(scale(image, max_side / max(image.size)), "PNG", compress_level=1)


def _encode_video(content: bytes, wanted_bytes: float) -> bytes | None:
    """Encode a video; None if it is too long or large, or the bit rate would be too low."""
    import av  # noqa: PLC0415 - an optional extra

    target = io.BytesIO()
    with av.open(io.BytesIO(content), "r") as container:
        source = container.streams.video[0]
        heard = container.streams.audio[0] if container.streams.audio else None
        if source.width * source.height > MAX_COSTLY_PIXELS:
            return None
        seconds = float(container.duration or 0) / av.time_base
        bits = _bits(wanted_bytes, seconds, has_sound=heard is not None)
        if bits is None:
            return None
        rate = source.average_rate or source.guessed_rate or _DEFAULT_RATE
        with av.open(target, "w", format="mp4") as written:
            video = written.add_stream("libx264", rate=rate, options={"preset": "veryfast"})
            room = bits / (float(rate) * _BITS_A_PIXEL)
            factor = min(1.0, (room / (source.width * source.height)) ** 0.5)
            video.width, video.height = _even(source.width, factor), _even(source.height, factor)
            video.pix_fmt = "yuv420p"
            video.bit_rate = int(bits)
            sound = written.add_stream("aac", rate=heard.rate or 44_100) if heard else None
            for packet in container.demux([one for one in (source, heard) if one is not None]):
                for frame in packet.decode():
                    if isinstance(frame, av.VideoFrame):
                        fitted = frame.reformat(video.width, video.height, "yuv420p")
                        written.mux(video.encode(fitted))
                    elif sound is not None and isinstance(frame, av.AudioFrame):
                        written.mux(sound.encode(frame))
            # None flushes the frames that the encoder still holds.
            written.mux(video.encode(None))
            if sound is not None:
                written.mux(sound.encode(None))
    return target.getvalue()


def _bits(wanted_bytes: float, seconds: float, *, has_sound: bool) -> float | None:
    """Return the video bit rate; None if the video is too long or the rate too low."""
    if not 0 < seconds <= LONGEST_S:
        return None
    bits = wanted_bytes * 8 * _BIT_RATE_MARGIN / seconds - _AUDIO_BITS * has_sound
    return bits if bits >= _LEAST_BITS else None


def _even(side: int, factor: float) -> int:
    """Round pixels to the even number that H.264 requires."""
    return max(2, round(side * factor / 2) * 2)
