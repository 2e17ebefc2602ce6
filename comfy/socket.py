"""One connection to /ws, used once: opened, read to its end, closed."""

import json
from collections.abc import Callable

import aiohttp

from comfy.errors import BackendUnreachable
from comfy.http.client import HttpClient

_FEATURE_FLAGS = json.dumps(
    {
        "type": "feature_flags",
        "data": {"supports_preview_metadata": True, "supports_progress_text_metadata": True},
    }
)
"""Requests previews and texts with their run's id. Only the first text message is evaluated."""


class Socket:
    """One connection, opened by `connect`. It may be drained once."""

    def __init__(self, client_id: str, connection: aiohttp.ClientWebSocketResponse) -> None:
        self.client_id = client_id
        self._connection = connection

    @classmethod
    async def connect(cls, http: HttpClient, client_id: str) -> "Socket":
        """Open a connection and announce the supported features."""
        connection = await http.connect_socket(client_id)
        try:
            await connection.send_str(_FEATURE_FLAGS)
        except (aiohttp.ClientError, OSError) as error:
            await connection.close()
            raise BackendUnreachable(f"{http.name} closed /ws at once.") from error
        return cls(client_id, connection)

    async def drain(self, receive: Callable[[str | bytes], None]) -> None:
        """Pass on every frame until the connection ends, for whatever reason."""
        text, binary = aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY
        async for frame in self._connection:
            if frame.type is text or frame.type is binary:
                receive(frame.data)

    def describe_end(self) -> str:
        """Say how the connection ended, for the log."""
        error = self._connection.exception()
        reason = f" ({type(error).__name__})" if error else ""
        return f"code {self._connection.close_code}{reason}"

    async def close(self) -> None:
        """Close the connection. May be called twice."""
        await self._connection.close()
