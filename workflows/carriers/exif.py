"""EXIF, which holds the texts of WebP and JPEG. Source: EXIF 3.0 (CIPA DC-008) and TIFF 6.0."""

from collections.abc import Iterator

from workflows.carriers.cursor import Cursor, Order
from workflows.carriers.limits import MAX_TEXT_BYTES, MAX_TEXTS
from workflows.carriers.texts import Text, decode

PREFIX = b"Exif\0\0"

_ORDERS: dict[bytes, Order] = {b"II": "little", b"MM": "big"}
_TEXT_TYPES = (1, 2, 7, 129)
"""BYTE, ASCII, UNDEFINED and UTF-8: types with one byte a unit."""
_NAMES = {0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x9286: "UserComment"}
_USER_COMMENT = 0x9286
_EXIF_TABLE = 0x8769
_ENTRY_BYTES = 12
_INLINE_BYTES = 4
"""Values up to this size are in the entry itself."""
_CHARSET_BYTES = 8
_UNICODE = b"UNICODE\0"
_CHARSETS = (b"ASCII\0\0\0", b"JIS\0\0\0\0\0", bytes(_CHARSET_BYTES))


def read_exif(content: memoryview) -> Iterator[Text]:
    """Return every text of EXIF data, of any tag: ComfyUI uses several, downward from Make.

    Raises Truncated if the data is damaged.
    """
    if bytes(content[: len(PREFIX)]) == PREFIX:
        content = content[len(PREFIX) :]
    order = _ORDERS.get(bytes(content[:2]))
    if order is None:
        return
    header = Cursor(content, order)
    header.skip(4)
    yield from _read_table(content, header.number(4), order, is_main=True)


def _read_table(content: memoryview, offset: int, order: Order, *, is_main: bool) -> Iterator[Text]:
    table = Cursor(content, order)
    table.skip(offset)
    inner = None
    left = MAX_TEXT_BYTES
    for _ in range(min(table.number(2), MAX_TEXTS)):
        entry = Cursor(table.window(_ENTRY_BYTES), order)
        tag, kind, count = entry.number(2), entry.number(2), entry.number(4)
        if tag == _EXIF_TABLE and is_main:
            inner = entry.number(4)
        elif kind in _TEXT_TYPES and _INLINE_BYTES < count <= left:
            # Values may overlap, so their total is limited to one text.
            left -= count
            yield _read_text(content, entry.number(4), count, order, tag)
    if inner is not None:
        yield from _read_table(content, inner, order, is_main=False)


def _read_text(content: memoryview, offset: int, count: int, order: Order, tag: int) -> Text:
    cursor = Cursor(content, order)
    cursor.skip(offset)
    raw = cursor.take(count)
    name = _NAMES.get(tag, f"tag {tag:#06x}")
    text = _decode_comment(raw, order) if tag == _USER_COMMENT else decode(raw)
    return Text(name, text.rstrip("\0"))


def _decode_comment(raw: bytes, order: Order) -> str:
    """Decode a comment after its charset, which many programs leave out."""
    charset, text = raw[:_CHARSET_BYTES], raw[_CHARSET_BYTES:]
    if charset == _UNICODE:
        # Many programs use the opposite byte order: a brace has one zero byte.
        is_little = text[1:2] == b"\0" if b"\0" in text[:2] else order == "little"
        return text.decode("utf-16-le" if is_little else "utf-16-be", errors="replace")
    return decode(text if charset in _CHARSETS else raw)
