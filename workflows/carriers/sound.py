"""FLAC, Ogg and MP3.

Sources: RFC 9639, RFC 3533, https://xiph.org/vorbis/doc/v-comment.html and
https://id3.org/id3v2.4.0-structure.
"""

from collections.abc import Iterator

from workflows.carriers.cursor import Cursor, Truncated
from workflows.carriers.limits import MAX_PARTS, MAX_TEXT_BYTES, MAX_TEXTS
from workflows.carriers.texts import Text, decode

_LAST_BLOCK = 0x80
_COMMENT_BLOCK = 4
_COMMENT_PACKETS = {b"OpusTags": 8, b"\x03vorbis": 7}
_PAGE_HEADER_BYTES = 22
"""Bytes between an Ogg page's magic and its number of segments."""
_FULL_SEGMENT = 255
_V3, _V4 = 3, 4
_ID3_EXTENDED = 0x40
_ENCODINGS = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}


def read_flac(content: memoryview) -> Iterator[Text]:
    """Return the comments of a FLAC file. Raises Truncated if it is cut off."""
    cursor = Cursor(content)
    cursor.skip(4)
    for _ in range(MAX_PARTS):
        kind = cursor.number(1)
        block = cursor.window(cursor.number(3))
        if kind & ~_LAST_BLOCK == _COMMENT_BLOCK:
            yield from _read_comments(block)
        if kind & _LAST_BLOCK:
            return


def read_ogg(content: memoryview) -> Iterator[Text]:
    """Return the comments of an Ogg file, which are its second packet."""
    packets = _packets(Cursor(content, "little"))
    next(packets, None)
    packet = next(packets, b"")
    for mark, length in _COMMENT_PACKETS.items():
        if packet.startswith(mark):
            yield from _read_comments(memoryview(packet)[length:])


def _packets(cursor: Cursor) -> Iterator[bytes]:
    packet = bytearray()
    for _ in range(MAX_PARTS):
        if cursor.take(4) != b"OggS":
            raise Truncated
        cursor.skip(_PAGE_HEADER_BYTES)
        for length in cursor.take(cursor.number(1)):
            packet += cursor.take(length)
            if len(packet) > MAX_TEXT_BYTES:
                raise Truncated
            if length < _FULL_SEGMENT:
                yield bytes(packet)
                packet.clear()


def _read_comments(content: memoryview) -> Iterator[Text]:
    cursor = Cursor(content, "little")
    cursor.skip(cursor.number(4))
    for _ in range(min(cursor.number(4), MAX_TEXTS)):
        name, _, text = decode(cursor.take(cursor.number(4))).partition("=")
        yield Text(name, text)


def read_mp3(content: memoryview) -> Iterator[Text]:
    """Return the texts of an ID3 tag, version 2.3 or 2.4. Raises Truncated if it is cut off."""
    cursor = Cursor(content)
    cursor.skip(3)
    version = cursor.number(1)
    cursor.skip(1)
    flags = cursor.number(1)
    if version not in (_V3, _V4):
        return
    tag = Cursor(cursor.window(_read_length(cursor, _V4)))
    if flags & _ID3_EXTENDED:
        length = _read_length(tag, version)
        tag.skip(length if version == _V3 else max(length - 4, 0))
    for _ in range(MAX_TEXTS):
        name = tag.take(4)
        if name.strip(b"\0") == b"":
            return
        length = _read_length(tag, version)
        tag.skip(2)
        frame = tag.window(length)
        if name in (b"TXXX", b"COMM"):
            yield _read_frame(Cursor(frame), is_comment=name == b"COMM")


def _read_length(cursor: Cursor, version: int) -> int:
    """Read a length; in version 2.4 each byte has seven bits."""
    raw = cursor.take(4)
    if version == _V3:
        return int.from_bytes(raw, "big")
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(reversed(raw)))


def _read_frame(frame: Cursor, *, is_comment: bool) -> Text:
    encoding = _ENCODINGS.get(frame.number(1), "latin-1")
    frame.skip(3 if is_comment else 0)
    text = frame.take(frame.left).decode(encoding, errors="replace")
    name, _, value = text.partition("\0")
    return Text(name or "comment", value.strip("\0\ufeff"))
