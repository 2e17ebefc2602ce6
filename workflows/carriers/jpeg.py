"""JPEG. Source: ITU-T T.81, annex B."""

from collections.abc import Iterator

from workflows.carriers.cursor import Cursor
from workflows.carriers.exif import PREFIX, read_exif
from workflows.carriers.limits import MAX_PARTS
from workflows.carriers.texts import Text, decode

SIGNATURE = b"\xff\xd8\xff"
_APPLICATION_1 = 0xE1
_COMMENT = 0xFE
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""
_PIXELS = 0xDA
_END = 0xD9


def read_jpeg(content: memoryview) -> Iterator[Text]:
    """Return the texts before the image data. Raises Truncated if the file is cut off."""
    cursor = Cursor(content)
    has_exif = False
    for _ in range(MAX_PARTS):
        if cursor.number(1) != 0xFF:  # noqa: PLR2004 - every marker begins with it
            continue
        marker = cursor.number(1)
        if marker in _ALONE:
            continue
        if marker in (_PIXELS, _END):
            return
        # Any number of 0xFF may fill the space before a marker: the second may begin it.
        if marker in (0x00, 0xFF):
            cursor.position -= 1
            continue
        segment = cursor.window(max(cursor.number(2) - 2, 0))
        if marker == _APPLICATION_1 and bytes(segment[: len(PREFIX)]) == PREFIX:
            if not has_exif:
                has_exif = True
                yield from read_exif(segment)
        elif marker == _COMMENT:
            yield Text("comment", decode(bytes(segment)))
