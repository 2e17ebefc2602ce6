"""Texts as containers keep them, each with the name it has there."""

import zlib
from typing import NamedTuple

from workflows.carriers.limits import MAX_TEXT_BYTES


class Text(NamedTuple):
    """One text of a container's metadata."""

    name: str
    text: str


def decode(content: bytes) -> str:
    """Text whose encoding is not said: UTF-8, or else Latin-1, which every byte is."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def inflate(content: bytes) -> bytes:
    """Unpacked bytes; empty when they are damaged or far larger than any workflow."""
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(content, MAX_TEXT_BYTES)
    except zlib.error:
        return b""
    return b"" if unpacker.unconsumed_tail else unpacked
