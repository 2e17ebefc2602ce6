"""The stand-in Discord: one HTTP server on loopback, and its controls for tests."""

import base64
import re
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Self, TypeVar

from aiohttp import web

from sandbox.discord_api import limits
from sandbox.discord_api.changes import ChangeNotifier
from sandbox.discord_api.clock import Clock, Snowflakes
from sandbox.discord_api.errors import ApiError
from sandbox.discord_api.faults import Fault, FaultKind, Faults, Hold
from sandbox.discord_api.files import Files
from sandbox.discord_api.gateway.gateway import Gateway
from sandbox.discord_api.gateway.protocol import NO_INTENTS, Intent
from sandbox.discord_api.model.broadcast import Broadcast
from sandbox.discord_api.model.commands import Commands
from sandbox.discord_api.model.directory import Directory
from sandbox.discord_api.model.interactions import Interactions
from sandbox.discord_api.model.messages import Messages
from sandbox.discord_api.model.payloads import Payloads
from sandbox.discord_api.people.actions import UserActions
from sandbox.discord_api.people.page_api import PageApi
from sandbox.discord_api.rate_limits import RateLimits
from sandbox.discord_api.rest.message_routes import ChannelRoutes, InteractionRoutes
from sandbox.discord_api.rest.router import PREFIX, Observer, Rest
from sandbox.discord_api.rest.routes import AccountRoutes, CommandRoutes, GuildRoutes
from sandbox.discord_api.values import (
    Channel,
    FailedInteraction,
    JsonObject,
    Member,
    Permission,
    Ping,
)

T = TypeVar("T")

HOST: Final = "127.0.0.1"
BODY_BYTES: Final = 128 * 1024 * 1024
"""Bytes of a body that are read, so that too large ones are refused and not cut off."""


@dataclass(frozen=True, slots=True)
class Address:
    """Addresses and token that a bot needs for this Discord."""

    api_base: str
    gateway_url: str
    attachment_hosts: frozenset[str]


class DiscordStandIn:
    """A Discord with one guild, one application and a few people; `async with` runs it.

    `routes` are further routes for the same server, such as a page's files. `port` 0 takes a free
    one. The bot logs in with `token`.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        response_seconds: float = limits.RESPONSE_SECONDS,
        granted_intents: Intent = NO_INTENTS,
        heartbeat_seconds: float = limits.HEARTBEAT_SECONDS,
        routes: Iterable[web.AbstractRouteDef] = (),
    ) -> None:
        self.token = _new_bot_token()
        self.clock = Clock()
        snowflakes = Snowflakes(self.clock)
        self.directory = Directory(snowflakes)
        self.files = Files(self.clock, snowflakes)
        self.payloads = Payloads(self.directory, self.files)
        self.gateway = Gateway(
            self.directory,
            self.payloads,
            self.token,
            granted=granted_intents,
            heartbeat_seconds=heartbeat_seconds,
        )
        self.broadcast = Broadcast(self.directory, self.payloads, self.gateway)
        self.gateway.changes = self.broadcast.changes
        self.messages = Messages(self.directory, self.files, self.broadcast, self.clock, snowflakes)
        self.commands = Commands(self.directory, self.clock, snowflakes)
        self.interactions = Interactions(
            directory=self.directory,
            payloads=self.payloads,
            messages=self.messages,
            broadcast=self.broadcast,
            clock=self.clock,
            snowflakes=snowflakes,
            response_seconds=response_seconds,
        )
        self.actions = UserActions(
            directory=self.directory,
            payloads=self.payloads,
            commands=self.commands,
            messages=self.messages,
            interactions=self.interactions,
            files=self.files,
            gateway=self.gateway,
            broadcast=self.broadcast,
        )
        self.rate_limits = RateLimits()
        self.faults = Faults()
        self.response_seconds = response_seconds
        self._rest = Rest(self.token, self.rate_limits, self.faults)
        self._extra_routes = tuple(routes)
        self._wanted_port = port
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def __aenter__(self) -> Self:
        """Start serving on loopback."""
        self._runner = web.AppRunner(self._build_app(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._wanted_port).start()
        self.port = self._runner.addresses[0][1]
        self.files.host = self.url
        self.gateway.url = self.gateway_url
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop serving."""
        await self.close()

    async def close(self) -> None:
        """Close every connection and stop; closing twice is safe."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        self.interactions.close()
        self.broadcast.close()
        await self.gateway.close()
        await runner.cleanup()

    @property
    def url(self) -> str:
        """The server's root, where attachments and /sandbox are."""
        return f"http://{HOST}:{self.port}"

    @property
    def api_url(self) -> str:
        """The base of REST v10."""
        return self.url + PREFIX

    @property
    def gateway_url(self) -> str:
        """The gateway's websocket address."""
        return f"ws://{HOST}:{self.port}/gateway"

    @property
    def address(self) -> Address:
        """Addresses for a bot that connects here instead of to Discord."""
        return Address(self.api_url, self.gateway_url, frozenset({f"{HOST}:{self.port}"}))

    @property
    def application_id(self) -> int:
        """The bot's application, and its user's id."""
        return self.directory.application_id

    @property
    def guild_id(self) -> int:
        """The one guild."""
        return self.directory.guild_id

    @property
    def changes(self) -> ChangeNotifier:
        """Wakes tasks at every change of state."""
        return self.broadcast.changes

    def observe_requests(self, observer: Observer) -> None:
        """Have this called with the method, path and body of each request from now on."""
        self._rest.observe = observer

    @property
    def unknown_requests(self) -> list[str]:
        """Requests of the bot that the stand-in does not implement; empty in a good test."""
        return self._rest.unknown_requests + self.gateway.unknown_frames

    @property
    def rate_limit_hits(self) -> int:
        """How many requests were answered 429; 0 for a well-behaved bot."""
        return len(self.rate_limits.hits)

    @property
    def pings(self) -> list[Ping]:
        """Everybody who was notified by a message, in order."""
        return self.messages.pings

    @property
    def failed_interactions(self) -> list[FailedInteraction]:
        """The interactions the bot did not answer in time."""
        return self.interactions.failed

    @property
    def attachment_size_limit(self) -> int:
        """Bytes one file may have; settable."""
        return self.messages.attachment_size_limit

    @attachment_size_limit.setter
    def attachment_size_limit(self, size: int) -> None:
        self.messages.attachment_size_limit = size

    def member(self, who: int | str) -> Member:
        """Return a member by name or id."""
        return self.directory.member(who)

    def channel(self, which: int | str) -> Channel:
        """Return a channel by name or id."""
        return self.directory.channel(which)

    def open_group(self, *people: str) -> Channel:
        """Open a channel between people, in which the bot is not."""
        return self.directory.open_group(*(self.member(person) for person in people))

    def advance(self, minutes: float) -> None:
        """Advance the clock, to expire tokens and signed URLs."""
        self.clock.advance(timedelta(minutes=minutes))
        self.interactions.check_ages()
        self.changes.notify()

    def deny_bot(self, channel: int | str, permissions: Permission) -> None:
        """Take permissions from the bot in a channel; `Permission(0)` gives them back."""
        place = self.directory.channel(channel)
        self.directory.set_overwrite(place, self.application_id, deny=permissions)
        self.broadcast.channel_changed(place)

    def fail_next(
        self,
        method: str,
        path: str,
        status: int,
        code: int = 0,
        *,
        message: str = "A fault that was asked for",
        times: int = 1,
    ) -> None:
        """Refuse the next requests whose path matches the regular expression; `*` is any method."""
        error = ApiError(status, code, message)
        self.faults.add(Fault(FaultKind.REFUSE, method, re.compile(path), times, error=error))

    def delay_next(self, method: str, path: str, seconds: float, *, times: int = 1) -> None:
        """Hold the next matching requests back before they are handled."""
        self.faults.add(Fault(FaultKind.DELAY, method, re.compile(path), times, seconds))

    def hold_next(self, method: str, path: str) -> Hold:
        """Hold the next matching request back until it is released, before it is handled."""
        hold = Hold()
        self.faults.add(Fault(FaultKind.HOLD, method, re.compile(path), hold=hold))
        return hold

    def lose_next_request(self, method: str, path: str, *, times: int = 1) -> None:
        """Cut the connection of the next matching requests, which are not handled."""
        self.faults.add(Fault(FaultKind.LOSE_REQUEST, method, re.compile(path), times))

    def lose_next_answer(self, method: str, path: str, *, times: int = 1) -> None:
        """Handle the next matching requests, but cut the connection before they are answered."""
        self.faults.add(Fault(FaultKind.LOSE_ANSWER, method, re.compile(path), times))

    async def wait_until_connected(self, timeout: float = 10.0) -> None:
        """Return once a bot is logged in at the gateway."""
        await self.wait_for(lambda: self.gateway.is_connected, timeout)

    async def wait_for(self, find: Callable[[], T], timeout: float = 10.0) -> T:
        """Return what `find` returns once that is truthy, looking at every change."""
        return await self.changes.wait_for(find, timeout)

    def _build_app(self) -> web.Application:
        app = web.Application(client_max_size=BODY_BYTES)
        commands = CommandRoutes(self.directory, self.commands, self.broadcast)
        routes = [
            *AccountRoutes(self.directory, self.payloads, self.gateway).routes(),
            *GuildRoutes(self.directory, self.payloads).routes(),
            *commands.routes(),
            *InteractionRoutes(
                self.interactions, self.messages, self.payloads, self.rate_limits
            ).routes(),
            *ChannelRoutes(self.directory, self.messages, self.payloads, self.broadcast).routes(),
        ]
        self._rest.add_to(app, routes)
        app.router.add_get("/gateway", self.gateway.serve)
        app.router.add_get("/attachments/{rest:.*}", self._serve_file)
        app.router.add_get("/ephemeral-attachments/{rest:.*}", self._serve_file)
        PageApi(
            directory=self.directory,
            payloads=self.payloads,
            commands=self.commands,
            messages=self.messages,
            broadcast=self.broadcast,
            actions=self.actions,
            response_seconds=self.response_seconds,
        ).add_to(app)
        app.add_routes(self._extra_routes)
        return app

    async def _serve_file(self, request: web.Request) -> web.StreamResponse:
        file = self.files.open(request.path, request.query)
        if file is None:
            return web.Response(status=404, text="This content is no longer available.")
        headers = {
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=3600",
            # Attachments are served from the page's origin here, and must not run as scripts of it.
            "Content-Security-Policy": "sandbox",
        }
        kind = file.content_type or "application/octet-stream"
        return web.Response(body=file.content, content_type=kind, headers=headers)


def _new_bot_token() -> str:
    """Return a token in Discord's format, valid for this stand-in only."""
    user = base64.urlsafe_b64encode(str(secrets.randbelow(10**18)).encode()).decode().rstrip("=")
    return f"{user}.{secrets.token_urlsafe(4)}.{secrets.token_urlsafe(28)}"


def summary(world: DiscordStandIn) -> JsonObject:
    """Return the environment variables for a program that uses a running stand-in."""
    facts: dict[str, Any] = {
        "api": world.api_url,
        "gateway": world.gateway_url,
        "token": world.token,
        "application": str(world.application_id),
        "guild": str(world.guild_id),
        "state": f"{world.url}/sandbox/state?member=ana",
    }
    return facts
