"""PNG and animated PNG. Source: https://www.w3.org/TR/png-3/."""

from collections.abc import Iterator

from workflows.carriers.cursor import Cursor
from workflows.carriers.exif import read_exif
from workflows.carriers.limits import MAX_PACKED_TEXTS, MAX_PARTS
from workflows.carriers.texts import Text, decode, inflate

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHECKSUM_BYTES = 4
_PLAIN = (b"tEXt", b"comf")
"""`comf` contains ComfyUI's texts of animated pictures."""


def read_png(content: memoryview) -> Iterator[Text]:
    """Return the texts of a picture, in order. Raises Truncated if the file is cut off."""
    cursor = Cursor(content)
    cursor.skip(len(SIGNATURE))
    packed_texts = iter(range(MAX_PACKED_TEXTS))
    has_exif = False
    for _ in range(MAX_PARTS):
        if not cursor.left:
            return
        length = cursor.number(4)
        kind = cursor.take(4)
        chunk = cursor.window(length)
        cursor.skip(min(_CHECKSUM_BYTES, cursor.left))
        if kind in _PLAIN:
            yield _plain(Cursor(chunk))
        elif kind in _MAY_BE_PACKED and next(packed_texts, None) is not None:
            yield _MAY_BE_PACKED[kind](Cursor(chunk))
        elif kind == b"eXIf" and not has_exif:
            has_exif = True
            yield from read_exif(chunk)


def _plain(chunk: Cursor) -> Text:
    return Text(decode(chunk.line()), decode(chunk.take(chunk.left)))


def _packed(chunk: Cursor) -> Text:
    name = chunk.line()
    chunk.skip(1)
    return Text(decode(name), decode(inflate(chunk.take(chunk.left))))


def _international(chunk: Cursor) -> Text:
    name = chunk.line()
    is_packed = chunk.number(1) == 1
    chunk.skip(1)
    chunk.line()
    chunk.line()
    text = chunk.take(chunk.left)
    return Text(decode(name), decode(inflate(text) if is_packed else text))


_MAY_BE_PACKED = {b"zTXt": _packed, b"iTXt": _international}
