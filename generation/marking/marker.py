"""Marking files before they are sent."""

from generation.marking.credentials import Credentials, SourceType
from generation.marking.visible import VisibleMark
from generation.media.decoding import decode
from generation.media.media_types import guess_media_type
from generation.record import Generation

MARK_BYTES = 8 * 1024
"""Largest increase in bytes by a mark."""


class Marker:
    """Signs posted files if there are credentials, and knows where the word "AI" is shown."""

    def __init__(
        self, credentials: Credentials | None = None, visible: VisibleMark | None = None
    ) -> None:
        self._credentials = credentials
        self._visible = visible

    def leave_room(self, limit: int) -> int:
        """Return the size that a file may have before marking, to stay within `limit` bytes."""
        return limit if self._credentials is None else max(limit - MARK_BYTES, limit // 2)

    async def mark(self, content: bytes, filename: str, *generations: Generation) -> bytes:
        """Return a file of these generations with its mark, or unchanged if it cannot have one."""
        if self._credentials is None:
            return content
        is_edited = any(generation.edited for generation in generations)
        source = SourceType.EDITED if is_edited else SourceType.MADE
        return await decode(self._credentials.sign, content, guess_media_type(filename), source)

    async def says_ai(self, generation: Generation) -> bool:
        """Return whether the line above this result contains the word."""
        return self._visible is None or await self._visible.is_shown(generation.guild_id)
