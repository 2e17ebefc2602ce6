"""Limits for reading untrusted files. The largest workflows people share have about 1 MB."""

from collections.abc import Iterator

MAX_TEXT_BYTES = 16 * 1024 * 1024
"""One text, also after it was unpacked."""

MAX_ALL_TEXTS = 2 * MAX_TEXT_BYTES
"""Characters of all texts of one file: small packed texts unpack to large ones."""

MAX_TEXTS = 256
"""Texts of one file."""

MAX_PACKED_TEXTS = 8
"""Unpacking one that is far too large takes as long as unpacking the largest that is read."""

MAX_PARTS = 100_000
"""Chunks, boxes or elements of one file; a video of some hours has fewer."""

Parts = Iterator[int]
"""What is left of them: one for all levels of a file, and whoever takes a part takes from it."""


def count_parts() -> Parts:
    """For one file."""
    return iter(range(MAX_PARTS))
