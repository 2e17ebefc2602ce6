"""A WebSocket connection of the bot, its compression, and the session that outlives it."""

import asyncio
import collections
import contextlib
import json
import secrets
import sys
import time
import zlib
from typing import Final, Protocol

import aiohttp
from aiohttp import web

from sandbox.discord_api import limits
from sandbox.discord_api.gateway.protocol import Close, Intent, Op, Refused
from sandbox.discord_api.values import JsonObject

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class Encoder(Protocol):
    """Compression of frames."""

    def encode(self, text: str) -> str | bytes:
        """Return the bytes or text to send."""


class _Plain:
    def encode(self, text: str) -> str | bytes:
        return text


class _ZlibStream:
    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def encode(self, text: str) -> str | bytes:
        # One stream for the whole connection, flushed after each message:
        # https://docs.discord.com/developers/events/gateway#transport-compression
        return self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class _ZstdStream:
    def __init__(self) -> None:
        self._stream = zstd.ZstdCompressor()

    def encode(self, text: str) -> str | bytes:
        return self._stream.compress(text.encode(), zstd.ZstdCompressor.FLUSH_BLOCK)


ENCODERS: Final[dict[str, type[_Plain] | type[_ZlibStream] | type[_ZstdStream]]] = {
    "": _Plain,
    "zlib-stream": _ZlibStream,
    "zstd-stream": _ZstdStream,
}


class Connection:
    """A WebSocket with its send queue and the rate of its client's frames."""

    def __init__(self, socket: web.WebSocketResponse, encoder: Encoder) -> None:
        self.socket = socket
        self._encoder = encoder
        self._outgoing: asyncio.Queue[str | None] = asyncio.Queue()
        self._sent_at: collections.deque[float] = collections.deque()
        self.session: Session | None = None

    def send(
        self, op: Op, data: object = None, sequence: int | None = None, name: str = ""
    ) -> None:
        """Queue one frame; frames leave in order."""
        frame = {"op": int(op), "d": data, "s": sequence, "t": name or None}
        self._outgoing.put_nowait(json.dumps(frame))

    async def write(self) -> None:
        """Send what is queued until `finish`."""
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            while (text := await self._outgoing.get()) is not None:
                frame = self._encoder.encode(text)
                if isinstance(frame, bytes):
                    await self.socket.send_bytes(frame)
                else:
                    await self.socket.send_str(frame)

    def finish(self) -> None:
        """End `write` once all is sent."""
        self._outgoing.put_nowait(None)

    def count_send(self) -> None:
        """Count one frame of the client; refuse when they are too many."""
        now = time.monotonic()
        self._sent_at.append(now)
        while now - self._sent_at[0] > limits.GATEWAY_WINDOW_SECONDS:
            self._sent_at.popleft()
        if len(self._sent_at) > limits.GATEWAY_SENDS:
            raise Refused(Close.RATE_LIMITED, "You are being rate limited.")


class Session:
    """A resumable session: sequence number and events to replay."""

    def __init__(self, intents: Intent, shard: int = 0, shards: int = 1) -> None:
        self.id = secrets.token_hex(16)
        self.intents = intents
        self.shard = shard
        self.shards = shards
        self.sequence = 0
        self.connection: Connection | None = None
        self._events: collections.deque[tuple[int, str, JsonObject | None]] = collections.deque(
            maxlen=limits.REPLAY_EVENTS
        )

    def has(self, guild_id: int | None) -> bool:
        """Whether a guild's events are this shard's; direct messages are the first one's.

        https://docs.discord.com/developers/events/gateway#sharding
        """
        return self.shard == ((guild_id or 0) >> 22) % self.shards

    def dispatch(self, name: str, payload: JsonObject | None) -> None:
        """Send an event, or keep it for a resume."""
        self.sequence += 1
        self._events.append((self.sequence, name, payload))
        if self.connection is not None:
            self.connection.send(Op.DISPATCH, payload, self.sequence, name)

    def replay(self, after: int) -> None:
        """Send the events after a sequence number again."""
        if self.connection is None:
            return
        for sequence, name, payload in self._events:
            if sequence > after:
                self.connection.send(Op.DISPATCH, payload, sequence, name)
