"""TCP relay between a bot's process and a server, which can be cut or frozen."""

import asyncio
from typing import Self

HOST = "127.0.0.1"
CHUNK_BYTES = 1 << 16


class Relay:
    """Forwards connections to a local port."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._is_cut = False
        self._flows = asyncio.Event()
        self._flows.set()
        self.port = 0

    async def __aenter__(self) -> Self:
        """Serve until the block ends."""
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cut all connections and stop."""
        self.cut()
        if self._server is not None:
            self._server.close()

    def cut(self) -> None:
        """Cut all connections and refuse new ones."""
        self._is_cut = True
        for writer in self._writers:
            writer.transport.abort()

    def freeze(self) -> None:
        """Accept and keep connections, but forward nothing in either direction."""
        self._flows.clear()

    def mend(self) -> None:
        """Forward connections again."""
        self._is_cut = False
        self._flows.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection(HOST, self._target_port)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, back}
        self._writers |= both
        try:
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        finally:
            self._writers -= both
            for stream in both:
                stream.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                await self._flows.wait()
                writer.write(chunk)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()
        except OSError:
            # Reset on one side, as by a process that is killed with data unread: so on the other.
            writer.transport.abort()
