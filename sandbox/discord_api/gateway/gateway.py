"""The gateway: identify, dispatch by intent, heartbeats and resuming."""

import asyncio
import contextlib
import logging
import secrets
from typing import Final

import aiohttp
from aiohttp import web

from sandbox.discord_api import limits
from sandbox.discord_api.changes import ChangeNotifier
from sandbox.discord_api.gateway.protocol import (
    KNOWN_INTENTS,
    NO_INTENTS,
    PRIVILEGED,
    Close,
    Intent,
    Op,
    Refused,
    fields_of,
    parse_frame,
)
from sandbox.discord_api.gateway.session import ENCODERS, Connection, Session
from sandbox.discord_api.model.directory import Directory
from sandbox.discord_api.model.payloads import Payloads
from sandbox.discord_api.values import ChannelKind, JsonObject, Message

_log = logging.getLogger(__name__)

_CONTENT_FIELDS: Final = {"content": "", "embeds": [], "attachments": [], "components": []}
"""Fields emptied in messages of others where MESSAGE_CONTENT is not granted."""


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
        self._sessions: dict[str, Session] = {}
        self._connections: set[Connection] = set()
        self.url = ""
        self.recommended_shards = 1
        self.identify_count = 0
        self.resume_count = 0
        self.close_codes: list[int] = []
        """The codes that connections were closed with for a fault of the client."""
        self.unknown_frames: list[str] = []
        self.changes: ChangeNotifier | None = None

    @property
    def shards(self) -> set[tuple[int, int]]:
        """Which shards are connected, of how many each."""
        sessions = (connection.session for connection in self._connections)
        return {(session.shard, session.shards) for session in sessions if session is not None}

    @property
    def is_connected(self) -> bool:
        """Whether a bot is logged in and connected."""
        return any(connection.session for connection in self._connections)

    def dispatch(self, name: str, payload: JsonObject, *, intent: int = 0) -> None:
        """Send an event to every session that has its guild and the intent; 0 needs none."""
        guild_id = payload.get("guild_id")
        for session in self._sessions.values():
            is_wanted = not intent or intent & session.intents
            if is_wanted and session.has(int(guild_id) if guild_id else None):
                session.dispatch(name, payload)

    def dispatch_message(self, name: str, message: Message, referenced: Message | None) -> None:
        """Send a message event to every session whose intents cover it."""
        channel = self._directory.channels[message.channel_id]
        if channel.kind is ChannelKind.GROUP:
            return
        is_direct = channel.is_direct
        intent = Intent.DIRECT_MESSAGES if is_direct else Intent.GUILD_MESSAGES
        if name == "MESSAGE_DELETE":
            payload: JsonObject = {"id": str(message.id), "channel_id": str(message.channel_id)}
            if not is_direct:
                payload["guild_id"] = str(self._directory.guild_id)
        else:
            payload = self._payloads.message_event(message, referenced)
        bot_id = self._directory.application_id
        # Without the intent these have content as well:
        # https://docs.discord.com/developers/events/gateway#message-content-intent
        is_open = is_direct or message.author_id == bot_id or bot_id in message.mentions
        guild_id = None if is_direct else self._directory.guild_id
        for session in self._sessions.values():
            if intent not in session.intents or not session.has(guild_id):
                continue
            hidden = not is_open and Intent.MESSAGE_CONTENT not in session.intents
            concealed = _CONTENT_FIELDS if hidden and name != "MESSAGE_DELETE" else {}
            session.dispatch(name, payload | concealed)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one websocket until either side ends it."""
        query = request.query
        encoder = ENCODERS.get(query.get("compress", ""))
        if encoder is None or query.get("encoding", "json") != "json":
            _log.error("The gateway was asked for an encoding it does not have: %s", dict(query))
            raise web.HTTPBadRequest(text="This gateway speaks JSON, plain, zlib or zstd.")
        if query.get("v") != str(limits.API_VERSION):
            raise web.HTTPBadRequest(text="This gateway speaks version 10.")
        socket = web.WebSocketResponse(max_msg_size=16 * 1024)
        await socket.prepare(request)
        connection = Connection(socket, encoder())
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

    def invite_again(self) -> None:
        """Take the bot out of the guild, and let it join once more."""
        guild_id = self._directory.guild_id
        for session in self._sessions.values():
            if Intent.GUILDS in session.intents and session.has(guild_id):
                session.dispatch("GUILD_DELETE", {"id": str(guild_id)})
                guild = self._payloads.created_guild(with_members=False)
                # Clients tell a guild that is new from one that is back by this field.
                del guild["unavailable"]
                session.dispatch("GUILD_CREATE", guild)

    async def drop(self) -> None:
        """Cut every connection without a close frame; sessions can be resumed."""
        for connection in list(self._connections):
            await connection.socket.close(code=aiohttp.WSCloseCode.GOING_AWAY)

    def ask_to_reconnect(self) -> None:
        """Send op 7 to every connection."""
        for connection in self._connections:
            connection.send(Op.RECONNECT)

    async def close(self) -> None:
        """Close every connection for good."""
        self._sessions.clear()
        await self.drop()

    async def _read(self, connection: Connection) -> None:
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
            self._handle(connection, *parse_frame(frame.data))

    def _handle(self, connection: Connection, op: int, data: object) -> None:
        match op:
            case Op.HEARTBEAT:
                connection.send(Op.HEARTBEAT_ACK)
            case Op.IDENTIFY if connection.session is not None:
                raise Refused(Close.ALREADY_AUTHENTICATED, "Already authenticated.")
            case Op.IDENTIFY:
                self._identify(connection, fields_of(data))
            case Op.RESUME:
                self._resume(connection, fields_of(data))
            case _ if connection.session is None:
                raise Refused(Close.NOT_AUTHENTICATED, "Not authenticated.")
            case Op.PRESENCE:
                _log.debug("The bot set its presence")
            case Op.REQUEST_MEMBERS:
                self._send_members(connection.session, fields_of(data))
            case _:
                self.unknown_frames.append(f"op {op}")
                _log.error("The stand-in gateway does not know op %s", op)
                raise Refused(Close.UNKNOWN_OP, "Unknown opcode.")

    def _identify(self, connection: Connection, data: JsonObject) -> None:
        self.identify_count += 1
        self._check_token(data)
        intents = data.get("intents")
        if not isinstance(intents, int) or intents & ~KNOWN_INTENTS:
            raise Refused(Close.INVALID_INTENTS, "Invalid intent(s).")
        if intents & PRIVILEGED & ~self._granted:
            raise Refused(Close.DISALLOWED_INTENTS, "Disallowed intent(s).")
        match data.get("shard", [0, 1]):
            case [int(shard), int(shards)] if 0 <= shard < shards:
                session = Session(Intent(intents & int(sum(Intent))), shard, shards)
            case _:
                raise Refused(Close.INVALID_SHARD, "Invalid shard.")
        self._join(connection, session)
        session.dispatch("READY", self._ready(session))
        if Intent.GUILDS in session.intents and session.has(self._directory.guild_id):
            with_members = Intent.GUILD_MEMBERS in session.intents
            guild = self._payloads.created_guild(with_members=with_members)
            session.dispatch("GUILD_CREATE", guild)

    def _resume(self, connection: Connection, data: JsonObject) -> None:
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

    def _ready(self, session: Session) -> JsonObject:
        directory = self._directory
        guilds = [{"id": str(directory.guild_id), "unavailable": True}]
        return {
            "v": limits.API_VERSION,
            "user": self._payloads.own_user(),
            "guilds": guilds if session.has(directory.guild_id) else [],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "shard": [session.shard, session.shards],
            "application": {"id": str(directory.application_id), "flags": 0},
            "private_channels": [],
            "relationships": [],
        }

    def _send_members(self, session: Session, data: JsonObject) -> None:
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

    def _join(self, connection: Connection, session: Session) -> None:
        self._sessions[session.id] = session
        session.connection = connection
        connection.session = session
        self._notify()

    def _leave(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection.session is not None and connection.session.connection is connection:
            connection.session.connection = None
        self._notify()

    def _end_session_on_goodbye(self, connection: Connection, frame: aiohttp.WSMessage) -> None:
        goodbye = (aiohttp.WSCloseCode.OK, aiohttp.WSCloseCode.GOING_AWAY)
        is_goodbye = frame.type is aiohttp.WSMsgType.CLOSE and frame.data in goodbye
        if connection.session is not None and is_goodbye:
            self._sessions.pop(connection.session.id, None)

    def _notify(self) -> None:
        if self.changes is not None:
            self.changes.notify()
