"""MP4 and MOV. Sources: ISO/IEC 14496-12; Apple's QuickTime File Format, "Metadata"."""

from collections.abc import Iterator

from workflows.carriers.cursor import Cursor
from workflows.carriers.limits import MAX_TEXTS, Parts, count_parts
from workflows.carriers.texts import Text, decode

_EXTENDED = 1
_TO_THE_END = 0
_TEXT_MARK = b"\xa9"
"""First byte of the names of classic texts: the copyright sign."""


def read_iso(content: memoryview) -> Iterator[Text]:
    """Yield the texts of a video. Raises Truncated where the file is cut off."""
    parts = count_parts()
    for kind, movie in _boxes(content, parts):
        if kind != b"moov":
            continue
        for inner_kind, inner in _boxes(movie, parts):
            if inner_kind == b"udta":
                yield from _read_user_data(inner, parts)
            elif inner_kind == b"meta":
                yield from _read_meta(inner, parts)


def _boxes(content: memoryview, parts: Parts) -> Iterator[tuple[bytes, memoryview]]:
    cursor = Cursor(content)
    for _ in parts:
        # In old videos four zero bytes end a list.
        if cursor.left < 8:  # noqa: PLR2004 - a box's length and kind
            return
        begin = cursor.position
        length, kind = cursor.number(4), cursor.take(4)
        if length == _EXTENDED:
            length = cursor.number(8)
        elif length == _TO_THE_END:
            length = cursor.left + cursor.position - begin
        yield kind, cursor.window(length - (cursor.position - begin))


def _read_user_data(content: memoryview, parts: Parts) -> Iterator[Text]:
    for kind, box in _boxes(content, parts):
        if kind == b"meta":
            yield from _read_meta(box, parts)
        elif kind.startswith(_TEXT_MARK):
            yield Text(_name(kind), _read_classic(Cursor(box)))


def _read_classic(box: Cursor) -> str:
    """Read QuickTime's own form: a length, a language, the text."""
    length = box.number(2)
    box.skip(2)
    return decode(box.take(length))


def _read_meta(content: memoryview, parts: Parts) -> Iterator[Text]:
    """Read metadata; MP4 puts a version before the boxes, QuickTime does not."""
    is_quicktime = bytes(content[4:8]) == b"hdlr"
    names: list[str] = []
    for kind, box in _boxes(content if is_quicktime else content[4:], parts):
        if kind == b"keys":
            names = list(_read_names(Cursor(box)))
        elif kind == b"ilst":
            yield from _read_items(box, names, parts)


def _read_names(box: Cursor) -> Iterator[str]:
    box.skip(4)
    for _ in range(min(box.number(4), MAX_TEXTS)):
        length = box.number(4)
        box.skip(4)
        yield decode(box.take(max(length - 8, 0)))


def _read_items(content: memoryview, names: list[str], parts: Parts) -> Iterator[Text]:
    for kind, item in _boxes(content, parts):
        number = int.from_bytes(kind, "big")
        name = names[number - 1] if 0 < number <= len(names) else _name(kind)
        for inner_kind, value in _boxes(item, parts):
            if inner_kind == b"data":
                cursor = Cursor(value)
                # Type of the value, country and language.
                cursor.skip(8)
                yield Text(name, decode(cursor.take(cursor.left)))


def _name(kind: bytes) -> str:
    return {b"\xa9cmt": "comment", b"\xa9des": "description"}.get(kind, kind.decode("latin-1"))
