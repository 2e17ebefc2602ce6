"""What pictures take in memory while they are looked at, as the kernel counts it."""

import asyncio
import gc
import re
import struct
import sys
import weakref
import zlib
from pathlib import Path

import pytest

from generation.media import memory
from generation.media.fitting import fit_under
from generation.media.imaging import grid, stills, thumbnail
from generation.media.normalising import MAX_RESULT_PIXELS

MOST_MB = 400
"""At four bytes a pixel, 256 MiB are the largest picture, 64 what is made of it, and the rest bands
of it that are converted."""

SIDE = int(MAX_RESULT_PIXELS**0.5)

GREY, GREY_WITH_ALPHA, RGBA = (16, 0), (8, 4), (8, 6)
"""Bits of a sample, and the colour type of a PNG."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def build_empty_png(bits, colour_type):
    """A PNG as large as may be decoded, all black."""

    def chunk(kind, body):
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    samples = {0: 1, 4: 2, 6: 4}[colour_type]
    rows = compress_zeros(SIDE * (1 + SIDE * samples * bits // 8))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, bits, colour_type, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def compress_zeros(count):
    """What `zlib.compress(bytes(count))` may return, of a MiB that is compressed once."""
    packer = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    mebibyte = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    rest = packer.compress(bytes(count % 2**20)) + packer.flush()
    checksum = struct.pack(">HH", count % 65_521, 1)
    return b"\x78\x01" + mebibyte * (count // 2**20) + rest + checksum


def read_memory_mb(name):
    """`VmRSS` is now, `VmHWM` the most since it was last reset."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / 1024


def fit(content):
    return fit_under(content, len(content) - 1).content


def tile(content):
    return grid([content, content])


@pytest.mark.parametrize(
    ("look", "kind"),
    [(thumbnail, GREY_WITH_ALPHA), (stills, RGBA), (tile, GREY), (fit, RGBA)],
    ids=["thumbnail", "stills", "grid", "fit"],
)
def test_the_largest_picture_is_in_memory_once(look, kind):
    content = build_empty_png(*kind)
    memory.trim()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # VmHWM begins anew
    before = read_memory_mb("VmRSS")
    assert look(content)
    assert 0 < read_memory_mb("VmHWM") - before < MOST_MB


class Cycle:
    def __init__(self):
        self.itself = self


@pytest.mark.parametrize(("used_mb", "is_trimmed"), [(7, False), (8, True)])
async def test_memory_is_trimmed_when_there_is_some_to_return(used_mb, is_trimmed):
    trimmer = memory.Trimmer()
    gc.disable()
    try:
        garbage = weakref.ref(Cycle())
        trimmer.count(used_mb * 2**20)
        trimmer.schedule()
        for _ in range(2):  # The timer is due at once.
            await asyncio.sleep(0)
        await asyncio.get_running_loop().shutdown_default_executor()
        assert (garbage() is None) == is_trimmed
    finally:
        gc.enable()
