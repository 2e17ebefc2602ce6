"""Texts of containers, each with the name it has there."""

import zlib
from typing import NamedTuple

from workflows.carriers.limits import MAX_TEXT_BYTES


class Text(NamedTuple):
    """One text of a container's metadata."""

    name: str
    text: str


def decode(content: bytes) -> str:
    """Decode a text of unknown encoding: as UTF-8, else as Latin-1, which accepts every byte."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def inflate(content: bytes) -> bytes:
    """Decompress bytes; return nothing if they are damaged or larger than any workflow."""
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(content, MAX_TEXT_BYTES)
    except zlib.error:
        return b""
    return b"" if unpacker.unconsumed_tail else unpacked
