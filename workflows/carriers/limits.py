"""What a file may cost to read. The largest workflows people share have about 1 MB."""

MAX_TEXT_BYTES = 16 * 1024 * 1024
"""One text, also after it was unpacked."""

MAX_ALL_TEXTS = 4 * MAX_TEXT_BYTES
"""Characters of all texts of one file: small packed texts unpack to large ones."""

MAX_TEXTS = 256
"""Texts of one file."""

MAX_PARTS = 100_000
"""Chunks, boxes or elements of one file; a film of some hours has fewer."""
