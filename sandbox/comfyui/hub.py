"""The open WebSockets and the single loop that sends to them in order."""

import asyncio
import contextlib
import json
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

PREVIEW: Final = 1
TEXT: Final = 3
PREVIEW_WITH_METADATA: Final = 4
JPEG: Final = 1
PNG: Final = 2

_Frame = tuple[str | bytes, str | None]


@dataclass(eq=False)
class Client:
    """A socket and its feature flags."""

    socket: web.WebSocketResponse
    request: web.Request
    flags: Mapping[str, Any] = field(default_factory=dict)


class Hub:
    """Sends messages to sockets by client id.

    As in ComfyUI, a single loop awaits every send, so a client that does not read delays all
    others, and a closing socket removes its client id even if a newer socket uses it.
    """

    def __init__(self) -> None:
        self._clients: dict[str, Client] = {}
        self._open: set[Client] = set()
        self._frames: asyncio.Queue[_Frame] = asyncio.Queue()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start sending."""
        self._loop = asyncio.create_task(self._publish(), name="stand-in ComfyUI: publish loop")

    async def stop(self) -> None:
        """Stop sending and drop all queued messages."""
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop
            self._loop = None
        self._clients.clear()
        self._open.clear()
        self._frames = asyncio.Queue()

    @property
    def connected(self) -> int:
        """How many sockets are open."""
        return len(self._open)

    def join(self, client_id: str, client: Client) -> str:
        """Register a socket under its id, or under a new one; returns the id."""
        client_id = client_id or uuid.uuid4().hex
        self._clients[client_id] = client
        self._open.add(client)
        return client_id

    def leave(self, client_id: str, client: Client) -> None:
        """Forget an id because one of its sockets closed, whichever that was."""
        self._clients.pop(client_id, None)
        self._open.discard(client)

    def announce(self, client_id: str, flags: Mapping[str, Any]) -> None:
        """Keep the feature flags a client sent."""
        client = self._clients.get(client_id)
        if client is not None:
            client.flags = flags

    def wants_metadata(self, client_id: str | None) -> bool:
        """Say whether this client gets its previews with node and prompt id."""
        client = self._clients.get(client_id) if client_id is not None else None
        return client is not None and client.flags.get("supports_preview_metadata") is True

    def send(self, kind: str, data: Mapping[str, Any], client_id: str | None) -> None:
        """Queue a message for one client, or for all when the id is None."""
        self.send_raw(json.dumps({"type": kind, "data": data}), client_id)

    def send_picture(self, image_type: int, content: bytes, client_id: str | None) -> None:
        """Queue a picture without metadata."""
        self.send_raw(struct.pack(">II", PREVIEW, image_type) + content, client_id)

    def send_picture_with_metadata(
        self, metadata: Mapping[str, Any], content: bytes, client_id: str | None
    ) -> None:
        """Queue a picture that says which node of which prompt it belongs to."""
        facts = json.dumps(metadata).encode()
        header = struct.pack(">II", PREVIEW_WITH_METADATA, len(facts))
        self.send_raw(header + facts + content, client_id)

    def send_text(self, node_id: str, text: str) -> None:
        """Queue a text about a node; everybody gets it."""
        name = node_id.encode()
        self.send_raw(struct.pack(">II", TEXT, len(name)) + name + text.encode(), None)

    def send_raw(self, content: str | bytes, client_id: str | None) -> None:
        """Queue a frame exactly as given."""
        self._frames.put_nowait((content, client_id))

    async def flushed(self) -> None:
        """Wait until everything queued so far was handed to the sockets."""
        await self._frames.join()

    def cut_all(self) -> None:
        """Cut every socket without a close frame."""
        for client in self._open:
            if client.request.transport is not None:
                client.request.transport.abort()

    def silence_all(self, *, answers_pings: bool) -> None:
        """Stop sending to the sockets open now, without closing them."""
        # The sockets stay open, and aiohttp answers their pings.
        self._clients.clear()
        if not answers_pings:
            for client in self._open:
                transport = client.request.transport
                if isinstance(transport, asyncio.ReadTransport):
                    transport.pause_reading()

    async def _publish(self) -> None:
        while True:
            content, client_id = await self._frames.get()
            if client_id is None:
                receivers = list(self._clients.values())
            else:
                receivers = [self._clients[client_id]] if client_id in self._clients else []
            for client in receivers:
                with contextlib.suppress(ConnectionError, RuntimeError):
                    if isinstance(content, str):
                        await client.socket.send_str(content)
                    else:
                        await client.socket.send_bytes(content)
            self._frames.task_done()
