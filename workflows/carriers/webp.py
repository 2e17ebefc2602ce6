"""WebP, still and animated. Source: https://developers.google.com/speed/webp/docs/riff_container."""

from collections.abc import Iterator

from workflows.carriers.cursor import Cursor
from workflows.carriers.exif import read_exif
from workflows.carriers.limits import MAX_PARTS
from workflows.carriers.texts import Text

_HEADER_BYTES = 12


def read_webp(content: memoryview) -> Iterator[Text]:
    """Return the texts of a picture's EXIF chunk. Raises Truncated if the file is cut off."""
    cursor = Cursor(content, "little")
    cursor.skip(_HEADER_BYTES)
    for _ in range(MAX_PARTS):
        if not cursor.left:
            return
        kind = cursor.take(4)
        length = cursor.number(4)
        chunk = cursor.window(length)
        # Chunks start at even offsets.
        cursor.skip(min(length % 2, cursor.left))
        if kind == b"EXIF":
            yield from read_exif(chunk)
            return
