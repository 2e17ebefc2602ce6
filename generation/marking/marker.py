"""Marking files before they are sent."""

from collections.abc import Callable

from generation.marking.credentials import Credentials, SourceType
from generation.media.decoding import decode
from generation.media.media_types import guess_media_type

MARK_BYTES = 8 * 1024
"""What a mark adds to a file at most."""


class Marker:
    """Signs what is sent, where there are credentials.

    `is_edit` says of a workflow's name whether it changes a given picture.
    """

    def __init__(
        self,
        credentials: Credentials | None = None,
        is_edit: Callable[[str], bool] = lambda _workflow: False,
    ) -> None:
        self._credentials = credentials
        self._is_edit = is_edit

    def leave_room(self, limit: int) -> int:
        """Return how large a file of at most `limit` bytes may be before it is marked."""
        return limit if self._credentials is None else max(limit - MARK_BYTES, limit // 2)

    async def mark(self, content: bytes, filename: str, workflow: str) -> bytes:
        """Return the file with its mark; as it is where it cannot have one."""
        if self._credentials is None:
            return content
        source = SourceType.EDITED if self._is_edit(workflow) else SourceType.MADE
        return await decode(self._credentials.sign, content, guess_media_type(filename), source)
