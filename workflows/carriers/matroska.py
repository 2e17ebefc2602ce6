"""Matroska and WebM. Sources: RFC 8794 (EBML) and RFC 9559 (Matroska)."""

from collections.abc import Iterator

from workflows.carriers.cursor import Cursor, Truncated
from workflows.carriers.limits import Parts, count_parts
from workflows.carriers.texts import Text, decode

SIGNATURE = b"\x1a\x45\xdf\xa3"

_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_TAGS, _TAG, _SIMPLE_TAG = 0x1254C367, 0x7373, 0x67C8
_NAME, _STRING = 0x45A3, 0x4487
_LONGEST = 8
"""Bytes of the longest id or length."""


def read_matroska(content: memoryview) -> Iterator[Text]:
    """Yield the tags of a video. Raises Truncated where the file is cut off."""
    parts = count_parts()
    for kind, segment in _elements(content, parts):
        if kind != _SEGMENT:
            continue
        for inner_kind, tags in _elements(segment, parts):
            if inner_kind == _TAGS:
                yield from _read_tags(tags, parts)


def _read_tags(content: memoryview, parts: Parts) -> Iterator[Text]:
    for kind, tag in _elements(content, parts):
        if kind == _TAG:
            for inner_kind, simple in _elements(tag, parts):
                if inner_kind == _SIMPLE_TAG:
                    yield _read_simple_tag(simple, parts)


def _read_simple_tag(content: memoryview, parts: Parts) -> Text:
    found = {kind: value for kind, value in _elements(content, parts) if kind in (_NAME, _STRING)}
    name, text = (found.get(kind, memoryview(b"")) for kind in (_NAME, _STRING))
    return Text(decode(_take(name)), decode(_take(text)))


def _take(value: memoryview) -> bytes:
    return Cursor(value).take(len(value)).rstrip(b"\0")


def _elements(content: memoryview, parts: Parts) -> Iterator[tuple[int, memoryview]]:
    cursor = Cursor(content)
    for _ in parts:
        if not cursor.left:
            return
        kind = _read_number(cursor, keeps_mark=True)
        length = _read_number(cursor, keeps_mark=False)
        if length is not None:
            yield kind or 0, cursor.window(length)
        elif kind == _SEGMENT:
            # A live recording has no length: it extends to the end of the file.
            yield kind, cursor.window(cursor.left)
        elif kind != _CLUSTER:
            raise Truncated
        # The elements of a cluster of unknown length are skipped one by one.


def _read_number(cursor: Cursor, *, keeps_mark: bool) -> int | None:
    """Read an id or length; None if the length is marked as unknown."""
    first = cursor.number(1)
    extra = _LONGEST - first.bit_length()
    if not 0 <= extra < _LONGEST:
        raise Truncated
    value = (first << 8 * extra) | (cursor.number(extra) if extra else 0)
    if keeps_mark:
        return value
    value &= (1 << 7 * (extra + 1)) - 1
    return None if value == (1 << 7 * (extra + 1)) - 1 else value
