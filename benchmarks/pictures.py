"""Pictures of any size that contain the name of their job, so that swapped results are detected.

Both are valid files that any library opens: a PNG of noise, whose text chunk `job` is the name,
and a JPEG filled up with comments.
"""

import random
import struct
import zlib
from dataclasses import dataclass

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_SMALLEST_JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300100b0c0e0c0a100e0d0e1211101318281a18161618"
    "3123251d283a333d3c3933383740485c4e404457453738506d51575f626768673e4d71797064785c656763ffc000"
    "0b080008000801011100ffc4001f0000010501010101010100000000000000000102030405060708090a0bffc400"
    "b5100002010303020403050504040000017d01020300041105122131410613516107227114328191a1082342b1c1"
    "1552d1f02433627282090a161718191a25262728292a3435363738393a434445464748494a535455565758595a63"
    "6465666768696a737475767778797a838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6"
    "b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9faffda0008"
    "010100003f002bffd9"
)
"""A grey JPEG of 8 x 8 pixels."""

_START_BYTES = 2
_LONGEST_COMMENT = 65533
"""Bytes; its own length word counts among them and has 16 bits."""


@dataclass(frozen=True, slots=True)
class ResultPicture:
    """A result of one size; only its head differs from job to job."""

    header: bytes
    body: bytes

    @classmethod
    def of_size(cls, size_bytes: int) -> "ResultPicture":
        """Make one of about this size."""
        side = max(int((size_bytes / 3) ** 0.5), 1)
        row = 3 * side
        noise = random.Random(side).randbytes(row * side)  # noqa: S311 - guards nothing
        lines = b"".join(b"\0" + noise[at : at + row] for at in range(0, len(noise), row))
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        # Level 0 stores: noise would not get smaller, and nobody's compression is measured here.
        pixels = zlib.compress(lines, level=0)
        return cls(_chunk(b"IHDR", header), _chunk(b"IDAT", pixels) + _chunk(b"IEND", b""))

    def head(self, job: str) -> bytes:
        """What comes first, different for every job; the body follows."""
        return PNG_SIGNATURE + self.header + _chunk(b"tEXt", b"job\0" + job.encode("latin-1"))

    def is_of(self, job: str, content: bytes) -> bool:
        """Whether these are exactly this job's bytes; cheap enough not to affect the figures."""
        head = self.head(job)
        is_whole = len(content) == len(head) + len(self.body)
        return is_whole and content.startswith(head) and content.endswith(self.body)


def build_preview(size_bytes: int) -> bytes:
    """Make a JPEG of this size, or the smallest one."""
    missing = size_bytes - len(_SMALLEST_JPEG)
    # Noise, because a real preview cannot be compressed either.
    filling = random.Random(size_bytes).randbytes(_LONGEST_COMMENT)  # noqa: S311 - guards nothing
    comments = b""
    while missing > len(comments) + 4:
        length = min(missing - len(comments) - 4, _LONGEST_COMMENT)
        comments += b"\xff\xfe" + struct.pack(">H", length + 2) + filling[:length]
    return _SMALLEST_JPEG[:_START_BYTES] + comments + _SMALLEST_JPEG[_START_BYTES:]


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
