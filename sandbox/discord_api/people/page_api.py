"""The HTTP API under /sandbox, through which a page lets people act.

Every answer is JSON. An act that Discord's client would not offer is 400 `{"error": sentence}`.

GET  /sandbox/state?member=ID
    `{guild, channels, members, me, application, commands, messages}` as this member's client has
    it: channels they can see (type 0; the last is type 1, the direct messages with the bot, which
    has `recipients` and no name), members with `avatar_color`, commands they may use in the guild,
    and `messages` by channel id, oldest first. A message only they can see carries
    `ephemeral: true`.
GET  /sandbox/events?member=ID
    text/event-stream; each `data:` is one of
    `{type: "message_create" | "message_update", channel_id, message}`,
    `{type: "message_delete", channel_id, message_id}`,
    `{type: "commands", commands}`,
    `{type: "modal", interaction_id, channel_id, modal: {custom_id, title, components}}`,
    `{type: "interaction_success", interaction_id}` once the bot has answered,
    `{type: "interaction_failed", interaction_id, channel_id, message}`,
    `{type: "typing", channel_id, user}`.
POST /sandbox/interactions/command
    multipart: `payload` = JSON `{member, channel_id, command_id, options: [{name, type, value}]}`,
    and files named after their option. A sub-command is an option with `options` of its own.
    200 `{interaction_id}`.
POST /sandbox/interactions/autocomplete
    JSON `{member, channel_id, command_id, options}`, one option with `focused: true`.
    200 `{choices: [{name, value}]}`, or `{error}` when no answer came in time.
POST /sandbox/interactions/component
    JSON `{member, message_id, custom_id, values?}`. 200 `{interaction_id}`.
POST /sandbox/interactions/modal
    multipart: `payload` = JSON `{member, interaction_id, custom_id, fields: {custom_id: value}}`,
    where `interaction_id` is the one of the modal event, and files named after their field.
    200 `{interaction_id}`.
POST /sandbox/interactions/context
    JSON `{member, command_id, target_message_id}`. 200 `{interaction_id}`.
POST /sandbox/locale
    JSON `{member, locale}`: the language of their client, such as "de". 200 `{}`.
POST /sandbox/messages
    JSON `{member, channel_id, content}`: an ordinary message. 200 `{message_id}`.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import discord
from aiohttp import BodyPartReader, web

from sandbox.discord_api.errors import ApiError, NotPossible
from sandbox.discord_api.model.broadcast import Broadcast
from sandbox.discord_api.model.commands import Commands
from sandbox.discord_api.model.directory import Directory
from sandbox.discord_api.model.interactions import FAILURES
from sandbox.discord_api.model.messages import Messages
from sandbox.discord_api.model.payloads import Payloads
from sandbox.discord_api.people.actions import UserActions
from sandbox.discord_api.values import (
    Channel,
    Interaction,
    InteractionKind,
    JsonObject,
    Member,
    Upload,
)

Responder: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

LOCALES: Final = frozenset(str(locale) for locale in discord.Locale)

SILENCE_SECONDS: Final = 15.0
"""A comment is sent after this much silence, so that a vanished page is noticed."""


class PageApi:
    """Serves people's clients over HTTP."""

    def __init__(
        self,
        *,
        directory: Directory,
        payloads: Payloads,
        commands: Commands,
        messages: Messages,
        broadcast: Broadcast,
        actions: UserActions,
        response_seconds: float,
    ) -> None:
        self._directory = directory
        self._payloads = payloads
        self._commands = commands
        self._messages = messages
        self._broadcast = broadcast
        self._acts = actions
        self._response_seconds = response_seconds

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        actions = "/sandbox/interactions"
        app.router.add_get("/sandbox/state", _guarded(self._state))
        app.router.add_get("/sandbox/events", _guarded(self._events))
        app.router.add_post(f"{actions}/command", _guarded(self._command))
        app.router.add_post(f"{actions}/autocomplete", _guarded(self._autocomplete))
        app.router.add_post(f"{actions}/component", _guarded(self._component))
        app.router.add_post(f"{actions}/modal", _guarded(self._modal))
        app.router.add_post(f"{actions}/context", _guarded(self._context))
        app.router.add_post("/sandbox/messages", _guarded(self._say))
        app.router.add_post("/sandbox/locale", _guarded(self._set_locale))

    async def _state(self, request: web.Request) -> web.StreamResponse:
        member = self._directory.member(request.query.get("member", ""))
        self._directory.direct_channel(member)  # a client can always write to the bot
        channels = self._channels(member)
        messages: dict[str, list[JsonObject]] = {str(channel.id): [] for channel in channels}
        for message in self._messages.visible_to(member):
            referenced = self._messages.referenced(message)
            view = self._broadcast.view_of(message, referenced)
            messages[str(message.channel_id)].append(view)
        state = {
            "guild": self._payloads.guild(),
            "channels": [self._payloads.channel(channel, member) for channel in channels],
            "members": [self._shown(entry) for entry in self._directory.members.values()],
            "me": self._shown(member),
            "application": self._payloads.application(),
            "commands": self._commands.offered(member),
            "messages": messages,
        }
        return web.json_response(state)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        member = self._directory.member(request.query.get("member", ""))
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        with self._broadcast.view(member) as queue, contextlib.suppress(ConnectionError):
            await response.prepare(request)
            await response.write(b": connected\n\n")
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), SILENCE_SECONDS)
                except TimeoutError:
                    await response.write(b": still here\n\n")
                    continue
                if event is None:
                    break
                await response.write(f"data: {json.dumps(event)}\n\n".encode())
        return response

    async def _command(self, request: web.Request) -> web.StreamResponse:
        payload, uploads = await _read_form(request)
        member, channel = self._who_and_where(payload)
        interaction = self._acts.command(
            member,
            channel,
            _number(payload, "command_id"),
            payload.get("options") or [],
            {name: files[-1] for name, files in uploads.items()},
        )
        return _begun(interaction)

    async def _autocomplete(self, request: web.Request) -> web.StreamResponse:
        payload = await _read_json(request)
        member, channel = self._who_and_where(payload)
        command_id, options = _number(payload, "command_id"), payload.get("options") or []
        interaction = self._acts.autocomplete(member, channel, command_id, options)
        patience = self._response_seconds + 1  # its own deadline ends it first
        await self._broadcast.changes.wait_for(
            lambda: interaction.is_answered or interaction.is_dead, patience
        )
        if interaction.choices is None:
            return web.json_response({"error": FAILURES[InteractionKind.AUTOCOMPLETE]})
        return web.json_response({"choices": list(interaction.choices)})

    async def _component(self, request: web.Request) -> web.StreamResponse:
        payload = await _read_json(request)
        member = self._directory.member(str(payload.get("member", "")))
        message_id, custom_id = _number(payload, "message_id"), str(payload.get("custom_id", ""))
        return _begun(self._acts.component(member, message_id, custom_id, payload.get("values")))

    async def _modal(self, request: web.Request) -> web.StreamResponse:
        payload, uploads = await _read_form(request)
        member = self._directory.member(str(payload.get("member", "")))
        interaction = self._acts.modal(
            member,
            _number(payload, "interaction_id"),
            str(payload.get("custom_id", "")),
            {**(payload.get("fields") or {}), **uploads},
        )
        return _begun(interaction)

    async def _context(self, request: web.Request) -> web.StreamResponse:
        payload = await _read_json(request)
        member = self._directory.member(str(payload.get("member", "")))
        command_id = _number(payload, "command_id")
        target_id = _number(payload, "target_message_id")
        return _begun(self._acts.context(member, command_id, target_id))

    async def _say(self, request: web.Request) -> web.StreamResponse:
        payload = await _read_json(request)
        member, channel = self._who_and_where(payload)
        message = self._acts.say(member, channel, str(payload.get("content", "")))
        return web.json_response({"message_id": str(message.id)})

    async def _set_locale(self, request: web.Request) -> web.StreamResponse:
        payload = await _read_json(request)
        locale = str(payload.get("locale", ""))
        if locale not in LOCALES:
            raise NotPossible(f"Discord has no language {locale}.")
        self._directory.member(str(payload.get("member", ""))).locale = locale
        return web.json_response({})

    def _who_and_where(self, payload: JsonObject) -> tuple[Member, Channel]:
        member = self._directory.member(str(payload.get("member", "")))
        return member, self._directory.channel(str(payload.get("channel_id", "")))

    def _channels(self, member: Member) -> list[Channel]:
        channels = (
            channel
            for channel in self._directory.channels.values()
            if self._directory.can_see(member, channel)
        )
        return sorted(channels, key=lambda channel: (channel.kind, channel.position))

    def _shown(self, member: Member) -> JsonObject:
        shown = self._payloads.member(member)
        name = {"avatar_color": member.avatar_color, "display_name": member.display_name}
        own = {"id": str(member.id), "is_bot": member.is_bot, "locale": member.locale}
        return {**own, **shown, **name}


def _guarded(handler: Responder) -> Responder:
    """Turn refusals into 400 with a sentence, and keep strangers' pages out."""

    async def respond(request: web.Request) -> web.StreamResponse:
        if not _is_local(request):
            return web.json_response({"error": "Only pages of this machine may ask."}, status=403)
        try:
            return await handler(request)
        except (NotPossible, ApiError) as error:
            return web.json_response({"error": str(error)}, status=400)

    return respond


def _is_local(request: web.Request) -> bool:
    """Say whether a request was addressed here by name and comes from a page of ours."""
    host = request.url.host
    origin = request.headers.get("Origin")
    if host not in ("127.0.0.1", "localhost"):
        return False
    return origin is None or origin == f"{request.scheme}://{request.host}"


def _begun(interaction: Interaction) -> web.Response:
    return web.json_response({"interaction_id": str(interaction.id)})


async def _read_json(request: web.Request) -> JsonObject:
    try:
        payload = await request.json()
    except ValueError:
        raise NotPossible("That is not JSON.") from None
    if not isinstance(payload, dict):
        raise NotPossible("That is not a JSON object.")
    return payload


async def _read_form(request: web.Request) -> tuple[JsonObject, dict[str, list[Upload]]]:
    if request.content_type != "multipart/form-data":
        return await _read_json(request), {}
    payload: JsonObject | None = None
    uploads: dict[str, list[Upload]] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise NotPossible("That is no form.")
        content = bytes(await part.read())
        if part.name == "payload":
            payload = _parse_payload(content)
        elif part.name is not None:
            uploads.setdefault(part.name, []).append(Upload(part.filename or "unnamed", content))
    if payload is None:
        raise NotPossible("The field payload is missing.")
    return payload, uploads


def _parse_payload(content: bytes) -> JsonObject:
    try:
        payload = json.loads(content)
    except ValueError:
        raise NotPossible("The field payload is not JSON.") from None
    if not isinstance(payload, dict):
        raise NotPossible("The field payload is not a JSON object.")
    return payload


def _number(payload: JsonObject, name: str) -> int:
    text = str(payload.get(name, ""))
    if not text.isdigit():
        raise NotPossible(f"{name} is not an id.")
    return int(text)
