"""The gateway: sessions, their events by intent, heartbeats, resuming, and compression."""

import asyncio
import collections
import contextlib
import enum
import json
import logging
import secrets
import time
import zlib
from typing import Final, Protocol

import aiohttp
import zstandard
from aiohttp import web

from sandbox.discord_server import limits
from sandbox.discord_server.directory import Directory
from sandbox.discord_server.payloads import Payloads
from sandbox.discord_server.pulse import Pulse
from sandbox.discord_server.values import JsonObject, Message

_log = logging.getLogger(__name__)


class Op(enum.IntEnum):
    """Gateway opcodes."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class Close(enum.IntEnum):
    """Gateway close codes."""

    UNKNOWN_ERROR = 4000
    UNKNOWN_OP = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    INVALID_SEQUENCE = 4007
    RATE_LIMITED = 4008
    SESSION_TIMED_OUT = 4009
    INVALID_SHARD = 4010
    INVALID_INTENTS = 4013
    DISALLOWED_INTENTS = 4014


class Intent(enum.IntFlag):
    """The intents the stand-in looks at."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    DIRECT_MESSAGES = 1 << 12
    MESSAGE_CONTENT = 1 << 15


NO_INTENTS: Final = Intent(0)
PRIVILEGED: Final = Intent.GUILD_MEMBERS | Intent.GUILD_PRESENCES | Intent.MESSAGE_CONTENT
KNOWN_INTENTS: Final = (1 << 26) - 1
_CONTENT_FIELDS: Final = {"content": "", "embeds": [], "attachments": [], "components": []}


class Refused(Exception):
    """A client did what the gateway closes connections for."""

    def __init__(self, code: Close, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Encoder(Protocol):
    def encode(self, text: str) -> str | bytes:
        """Return what goes on the wire."""


class _Plain:
    def encode(self, text: str) -> str | bytes:
        return text


class _ZlibStream:
    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def encode(self, text: str) -> str | bytes:
        return self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class _ZstdStream:
    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor().compressobj()

    def encode(self, text: str) -> str | bytes:
        packed = self._stream.compress(text.encode())
        return packed + self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)


_ENCODERS: Final[dict[str, type[_Plain] | type[_ZlibStream] | type[_ZstdStream]]] = {
    "": _Plain,
    "zlib-stream": _ZlibStream,
    "zstd-stream": _ZstdStream,
}


class _Connection:
    """One websocket: what is queued for it, and how often its client sends."""

    def __init__(self, socket: web.WebSocketResponse, encoder: _Encoder) -> None:
        self.socket = socket
        self._encoder = encoder
        self._outgoing: asyncio.Queue[str | None] = asyncio.Queue()
        self._sent_at: collections.deque[float] = collections.deque()
        self.session: _Session | None = None

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


class _Session:
    """What outlives a connection: the sequence and the events to replay."""

    def __init__(self, intents: Intent) -> None:
        self.id = secrets.token_hex(16)
        self.intents = intents
        self.sequence = 0
        self.connection: _Connection | None = None
        self._events: collections.deque[tuple[int, str, JsonObject | None]] = collections.deque(
            maxlen=limits.REPLAY_EVENTS
        )

    def dispatch(self, name: str, payload: JsonObject | None) -> None:
        """Send an event, or keep it for a resume."""
        self.sequence += 1
        self._events.append((self.sequence, name, payload))
        if self.connection is not None:
            self.connection.send(Op.DISPATCH, payload, self.sequence, name)

    def replay(self, after: int) -> None:
        """Send again what came after a sequence number."""
        if self.connection is None:
            return
        for sequence, name, payload in self._events:
            if sequence > after:
                self.connection.send(Op.DISPATCH, payload, sequence, name)


class Gateway:
    """Accepts the bot's websocket and sends it what its intents cover."""

    def __init__(
        self,
        directory: Directory,
        payloads: Payloads,
        token: str,
        *,
        granted: Intent = NO_INTENTS,
        heartbeat_seconds: float = limits.HEARTBEAT_SECONDS,
    ) -> None:
        self._directory = directory
        self._payloads = payloads
        self._token = token
        self._granted = granted
        self._heartbeat_seconds = heartbeat_seconds
        self._sessions: dict[str, _Session] = {}
        self._connections: set[_Connection] = set()
        self.url = ""
        self.identify_count = 0
        self.resume_count = 0
        self.close_codes: list[int] = []
        """The codes that connections were closed with for a fault of the client."""
        self.unknown_frames: list[str] = []
        self.pulse: Pulse | None = None

    @property
    def is_connected(self) -> bool:
        """Whether a bot is logged in and connected."""
        return any(connection.session for connection in self._connections)

    def dispatch(self, name: str, payload: JsonObject, *, intent: int = 0) -> None:
        """Send an event to every session that has the intent; 0 needs none."""
        for session in self._sessions.values():
            if not intent or intent & session.intents:
                session.dispatch(name, payload)

    def dispatch_message(self, name: str, message: Message, referenced: Message | None) -> None:
        """Send a message event to every session whose intents cover it."""
        is_direct = self._directory.channels[message.channel_id].is_direct
        intent = Intent.DIRECT_MESSAGES if is_direct else Intent.GUILD_MESSAGES
        if name == "MESSAGE_DELETE":
            payload: JsonObject = {"id": str(message.id), "channel_id": str(message.channel_id)}
            if not is_direct:
                payload["guild_id"] = str(self._directory.guild_id)
        else:
            payload = self._payloads.message_event(message, referenced)
        bot_id = self._directory.application_id
        is_open = is_direct or message.author_id == bot_id or bot_id in message.mentions
        for session in self._sessions.values():
            if intent not in session.intents:
                continue
            hidden = not is_open and Intent.MESSAGE_CONTENT not in session.intents
            concealed = _CONTENT_FIELDS if hidden and name != "MESSAGE_DELETE" else {}
            session.dispatch(name, payload | concealed)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one websocket until either side ends it."""
        query = request.query
        encoder = _ENCODERS.get(query.get("compress", ""))
        if encoder is None or query.get("encoding", "json") != "json":
            _log.error("The gateway was asked for an encoding it does not have: %s", dict(query))
            raise web.HTTPBadRequest(text="This gateway speaks JSON, plain, zlib or zstd.")
        if query.get("v") != str(limits.API_VERSION):
            raise web.HTTPBadRequest(text="This gateway speaks version 10.")
        socket = web.WebSocketResponse(max_msg_size=16 * 1024)
        await socket.prepare(request)
        connection = _Connection(socket, encoder())
        self._connections.add(connection)
        writer = asyncio.create_task(connection.write())
        try:
            interval = {"heartbeat_interval": round(self._heartbeat_seconds * 1000)}
            connection.send(Op.HELLO, interval)
            await self._read(connection)
        except Refused as refusal:
            self.close_codes.append(int(refusal.code))
            connection.finish()
            await writer
            await socket.close(code=int(refusal.code), message=refusal.reason.encode())
        finally:
            self._leave(connection)
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
        return socket

    async def drop(self) -> None:
        """Cut every connection as a failing network does; sessions can be resumed."""
        for connection in list(self._connections):
            await connection.socket.close(code=aiohttp.WSCloseCode.GOING_AWAY)

    def ask_to_reconnect(self) -> None:
        """Send op 7 to every connection."""
        for connection in self._connections:
            connection.send(Op.RECONNECT)

    def invalidate_sessions(self) -> None:
        """Send op 9: sessions are over and cannot be resumed."""
        self._sessions.clear()
        for connection in self._connections:
            connection.session = None
            connection.send(Op.INVALID_SESSION, data=False)

    async def close(self) -> None:
        """Close every connection for good."""
        self._sessions.clear()
        await self.drop()

    async def _read(self, connection: _Connection) -> None:
        patience = self._heartbeat_seconds * 1.5
        while True:
            try:
                frame = await connection.socket.receive(timeout=patience)
            except TimeoutError:
                raise Refused(Close.SESSION_TIMED_OUT, "Session timed out.") from None
            if frame.type is not aiohttp.WSMsgType.TEXT:
                self._end_session_on_goodbye(connection, frame)
                return
            connection.count_send()
            self._handle(connection, *_parse(frame.data))

    def _handle(self, connection: _Connection, op: int, data: object) -> None:
        match op:
            case Op.HEARTBEAT:
                connection.send(Op.HEARTBEAT_ACK)
            case Op.IDENTIFY if connection.session is not None:
                raise Refused(Close.ALREADY_AUTHENTICATED, "Already authenticated.")
            case Op.IDENTIFY:
                self._identify(connection, _fields(data))
            case Op.RESUME:
                self._resume(connection, _fields(data))
            case _ if connection.session is None:
                raise Refused(Close.NOT_AUTHENTICATED, "Not authenticated.")
            case Op.PRESENCE:
                _log.debug("The bot set its presence")
            case Op.REQUEST_MEMBERS:
                self._send_members(connection.session, _fields(data))
            case _:
                self.unknown_frames.append(f"op {op}")
                _log.error("The stand-in gateway does not know op %s", op)
                raise Refused(Close.UNKNOWN_OP, "Unknown opcode.")

    def _identify(self, connection: _Connection, data: JsonObject) -> None:
        self.identify_count += 1
        self._check_token(data)
        intents = data.get("intents")
        if not isinstance(intents, int) or intents & ~KNOWN_INTENTS:
            raise Refused(Close.INVALID_INTENTS, "Invalid intent(s).")
        if intents & PRIVILEGED & ~self._granted:
            raise Refused(Close.DISALLOWED_INTENTS, "Disallowed intent(s).")
        if data.get("shard", [0, 1]) != [0, 1]:
            raise Refused(Close.INVALID_SHARD, "Invalid shard.")
        session = _Session(Intent(intents & int(sum(Intent))))
        self._join(connection, session)
        session.dispatch("READY", self._ready(session))
        if Intent.GUILDS in session.intents:
            with_members = Intent.GUILD_MEMBERS in session.intents
            guild = self._payloads.created_guild(with_members=with_members)
            session.dispatch("GUILD_CREATE", guild)

    def _resume(self, connection: _Connection, data: JsonObject) -> None:
        self._check_token(data)
        session = self._sessions.get(str(data.get("session_id")))
        if session is None:
            connection.send(Op.INVALID_SESSION, data=False)
            return
        sequence = data.get("seq")
        if not isinstance(sequence, int) or sequence > session.sequence:
            raise Refused(Close.INVALID_SEQUENCE, "Invalid seq.")
        self.resume_count += 1
        self._join(connection, session)
        session.replay(sequence)
        session.dispatch("RESUMED", {"_trace": []})

    def _ready(self, session: _Session) -> JsonObject:
        directory = self._directory
        return {
            "v": limits.API_VERSION,
            "user": self._payloads.own_user(),
            "guilds": [{"id": str(directory.guild_id), "unavailable": True}],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "shard": [0, 1],
            "application": {"id": str(directory.application_id), "flags": 0},
            "private_channels": [],
            "relationships": [],
        }

    def _send_members(self, session: _Session, data: JsonObject) -> None:
        wanted = {str(user_id) for user_id in data.get("user_ids") or ()}
        query = data.get("query")
        members = [
            self._payloads.member(member)
            for member in self._directory.members.values()
            if str(member.id) in wanted or (query is not None and member.name.startswith(query))
        ]
        chunk: JsonObject = {
            "guild_id": str(self._directory.guild_id),
            "members": members,
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": [],
        }
        if "nonce" in data:
            chunk["nonce"] = data["nonce"]
        session.dispatch("GUILD_MEMBERS_CHUNK", chunk)

    def _check_token(self, data: JsonObject) -> None:
        token = str(data.get("token")).removeprefix("Bot ")
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            raise Refused(Close.AUTHENTICATION_FAILED, "Authentication failed.")

    def _join(self, connection: _Connection, session: _Session) -> None:
        self._sessions[session.id] = session
        session.connection = connection
        connection.session = session
        self._notify()

    def _leave(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        if connection.session is not None and connection.session.connection is connection:
            connection.session.connection = None
        self._notify()

    def _end_session_on_goodbye(self, connection: _Connection, frame: aiohttp.WSMessage) -> None:
        goodbye = (aiohttp.WSCloseCode.OK, aiohttp.WSCloseCode.GOING_AWAY)
        is_goodbye = frame.type is aiohttp.WSMsgType.CLOSE and frame.data in goodbye
        if connection.session is not None and is_goodbye:
            self._sessions.pop(connection.session.id, None)

    def _notify(self) -> None:
        if self.pulse is not None:
            self.pulse.beat()


def _parse(text: str) -> tuple[int, object]:
    try:
        frame = json.loads(text)
        return int(frame["op"]), frame.get("d")
    except (ValueError, KeyError, TypeError):
        raise Refused(Close.DECODE_ERROR, "Error while decoding payload.") from None


def _fields(data: object) -> JsonObject:
    if not isinstance(data, dict):
        raise Refused(Close.DECODE_ERROR, "Error while decoding payload.")
    return data
