"""Bounds-checked reader over untrusted bytes."""

from typing import Literal

from workflows.carriers.limits import MAX_TEXT_BYTES

Order = Literal["big", "little"]


class Truncated(Exception):
    """The bytes end before what they announce."""


class Cursor:
    """Forward reader. Every method but `left` raises Truncated at the end."""

    def __init__(self, content: memoryview, order: Order = "big") -> None:
        self._content = content
        self._order = order
        self.position = 0

    @property
    def left(self) -> int:
        """Remaining bytes."""
        return len(self._content) - self.position

    def window(self, length: int) -> memoryview:
        """Return the next bytes without copying them."""
        self.skip(length)
        return self._content[self.position - length : self.position]

    def take(self, length: int) -> bytes:
        """Return the next bytes, up to the longest text that is read."""
        if length > MAX_TEXT_BYTES:
            raise Truncated
        return bytes(self.window(length))

    def number(self, length: int) -> int:
        """Read an unsigned number of this many bytes."""
        return int.from_bytes(self.take(length), self._order)

    def skip(self, length: int) -> None:
        """Skip bytes."""
        if not 0 <= length <= self.left:
            raise Truncated
        self.position += length

    def line(self) -> bytes:
        """Read up to the next zero byte, and skip it."""
        rest = self._content[self.position : self.position + MAX_TEXT_BYTES].tobytes()
        end = rest.find(b"\0")
        if end < 0:
            raise Truncated
        self.position += end + 1
        return rest[:end]
