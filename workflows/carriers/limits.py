"""Limits for reading untrusted files. The largest published workflows have about 1 MB."""

from collections.abc import Iterator

MAX_TEXT_BYTES = 16 * 1024 * 1024
"""Bytes of one text, before and after decompression."""

MAX_ALL_TEXTS = 2 * MAX_TEXT_BYTES
"""Characters of all texts of one file: small compressed texts expand to large ones."""

MAX_TEXTS = 256
"""Texts of one file."""

MAX_PACKED_TEXTS = 8
"""Compressed texts of one file: decompressing an oversized one takes as long as the largest valid
one."""

MAX_PARTS = 100_000
"""Chunks, boxes or elements of one file; a video of some hours has fewer."""

Parts = Iterator[int]
"""Remaining parts of a file, one counter for all levels."""


def count_parts() -> Parts:
    """Return a counter for one file."""
    return iter(range(MAX_PARTS))
