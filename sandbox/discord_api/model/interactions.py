"""Interactions: tokens, the first response, and follow-up messages."""

import asyncio
import base64
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from sandbox.discord_api import limits
from sandbox.discord_api.clock import Clock, Snowflakes
from sandbox.discord_api.errors import ApiError, Refusal
from sandbox.discord_api.model.broadcast import Broadcast
from sandbox.discord_api.model.commands import check_choice_list
from sandbox.discord_api.model.directory import Directory
from sandbox.discord_api.model.forms import Form, refuse_field
from sandbox.discord_api.model.mentions import USERS_ONLY
from sandbox.discord_api.model.messages import Messages
from sandbox.discord_api.model.modals import check_modal
from sandbox.discord_api.model.payloads import Payloads
from sandbox.discord_api.values import (
    CallbackKind,
    Channel,
    ChannelKind,
    FailedInteraction,
    Interaction,
    InteractionKind,
    JsonObject,
    Member,
    Message,
    MessageFlag,
    MessageKind,
    Upload,
)

FAILURES: Final = {
    InteractionKind.COMMAND: "The application did not respond",
    InteractionKind.COMPONENT: "This interaction failed",
    InteractionKind.AUTOCOMPLETE: "Loading options failed",
    InteractionKind.MODAL: "Something went wrong. Try again.",
}
"""Texts of the client when no response came in time."""
_TOKEN_LIFE: Final = timedelta(minutes=limits.TOKEN_MINUTES)


class Interactions:
    """All interactions, by id and by token."""

    def __init__(
        self,
        *,
        directory: Directory,
        payloads: Payloads,
        messages: Messages,
        broadcast: Broadcast,
        clock: Clock,
        snowflakes: Snowflakes,
        response_seconds: float,
    ) -> None:
        self._directory = directory
        self._payloads = payloads
        self._messages = messages
        self._broadcast = broadcast
        self._clock = clock
        self._snowflakes = snowflakes
        self._response_seconds = response_seconds
        self._by_id: dict[int, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self.failed: list[FailedInteraction] = []

    def open(
        self,
        kind: InteractionKind,
        member: Member,
        channel: Channel,
        *,
        name: str,
        message_kind: MessageKind = MessageKind.REPLY,
        source: Message | None = None,
        about: JsonObject | None = None,
    ) -> Interaction:
        """Create an interaction and start its response deadline."""
        interaction_id = self._snowflakes.take()
        metadata: JsonObject = {
            "id": str(interaction_id),
            "type": int(kind),
            "user": self._payloads.user(member),
            "authorizing_integration_owners": self._owners(channel, member),
            **(about or {}),
        }
        loop = asyncio.get_running_loop()
        interaction = Interaction(
            interaction_id,
            _new_token(interaction_id),
            kind,
            member.id,
            channel.id,
            self._clock.now(),
            loop.time() + self._response_seconds,
            metadata,
            name,
            message_kind,
            source.id if source else None,
        )
        self._by_id[interaction_id] = interaction
        self._by_token[interaction.token] = interaction
        self._timers[interaction_id] = loop.call_later(
            self._response_seconds, self._expire, interaction
        )
        return interaction

    def payload(self, interaction: Interaction, data: JsonObject) -> JsonObject:
        """Return INTERACTION_CREATE for an interaction."""
        directory = self._directory
        member = directory.members[interaction.member_id]
        channel = directory.channels[interaction.channel_id]
        payload: JsonObject = {
            "id": str(interaction.id),
            "application_id": str(directory.application_id),
            "type": int(interaction.kind),
            "token": interaction.token,
            "version": 1,
            "data": data,
            "channel_id": str(channel.id),
            "channel": self._payloads.channel(channel, member),
            "app_permissions": str(int(directory.permissions(directory.bot, channel))),
            "locale": member.locale,
            "entitlements": [],
            "entitlement_sku_ids": [],
            "authorizing_integration_owners": self._owners(channel, member),
            "context": channel.context,
            "attachment_size_limit": self._messages.attachment_size_limit,
        }
        source = self._messages.get(interaction.source_message_id)
        if source is not None:
            referenced = self._messages.referenced(source)
            payload["message"] = self._payloads.message(source, referenced)
        if channel.is_direct:
            return payload | {"user": self._payloads.user(member)}
        return payload | {
            "guild_id": str(directory.guild_id),
            "guild": {
                "id": str(directory.guild_id),
                "locale": directory.guild_locale,
                "features": [],
            },
            "guild_locale": directory.guild_locale,
            "member": self._payloads.member(member, channel),
        }

    def get(self, interaction_id: int) -> Interaction | None:
        """Return an interaction."""
        return self._by_id.get(interaction_id)

    def answer(
        self, interaction_id: int, token: str, body: JsonObject, uploads: Mapping[int, Upload]
    ) -> JsonObject:
        """Accept the first response; return the body for `with_response`."""
        interaction = self._by_id.get(interaction_id)
        if interaction is None or interaction.token != token or interaction.is_dead:
            raise ApiError.of(Refusal.UNKNOWN_INTERACTION)
        if interaction.is_answered:
            raise ApiError.of(Refusal.ALREADY_ACKNOWLEDGED)
        # The timer may be late on a busy machine: the time decides.
        if asyncio.get_running_loop().time() > interaction.deadline:
            raise ApiError.of(Refusal.UNKNOWN_INTERACTION)
        callback = _callback_kind(interaction, body)
        message = self._perform(interaction, callback, body.get("data") or {}, uploads)
        interaction.is_answered, interaction.answer = True, callback
        self._stop_timer(interaction)
        success = {"type": "interaction_success", "interaction_id": str(interaction.id)}
        self._broadcast.tell(interaction.member_id, success)
        return self._callback_response(interaction, callback, message)

    def by_token(self, application_id: int, token: str) -> Interaction:
        """Return the answered interaction of a webhook token, or refuse as Discord does."""
        interaction = self._by_token.get(token)
        if interaction is None or application_id != self._directory.application_id:
            raise ApiError.of(Refusal.UNKNOWN_WEBHOOK)
        if self._is_out_of_date(interaction):
            raise ApiError.of(Refusal.INVALID_WEBHOOK_TOKEN)
        if not interaction.is_answered:
            raise ApiError.of(Refusal.UNKNOWN_WEBHOOK)
        return interaction

    def message(self, interaction: Interaction, message_id: int | None) -> Message:
        """Return a message this token reaches; None is @original."""
        wanted = interaction.original_message_id if message_id is None else message_id
        message = self._messages.find(wanted)
        mine = (message.interaction_metadata or {}).get("id") == str(interaction.id)
        if not mine and message.id != interaction.original_message_id:
            raise ApiError.of(Refusal.UNKNOWN_MESSAGE)
        return message

    def follow_up(
        self, interaction: Interaction, body: JsonObject, uploads: Mapping[int, Upload]
    ) -> Message:
        """Post a follow-up; the first one after a defer fills the loading message."""
        original = self._messages.get(interaction.original_message_id)
        if original is not None and MessageFlag.LOADING in original.flags:
            allowed = int(body.get("flags") or 0) & ~int(MessageFlag.EPHEMERAL)
            return self._messages.edit(original, {**body, "flags": allowed}, uploads, USERS_ONLY)
        message = self._new_message(interaction, body.get("flags") or 0)
        message.kind = MessageKind.REPLY
        message.reference_id = interaction.original_message_id
        if interaction.original_message_id is not None:
            message.interaction_metadata = {
                **interaction.metadata,
                "original_response_message_id": str(interaction.original_message_id),
            }
        return self._messages.post(message, body, uploads, USERS_ONLY)

    def check_ages(self) -> None:
        """Expire unanswered interactions after the clock was advanced."""
        for interaction in list(self._by_id.values()):
            age = self._clock.now() - interaction.created_at
            if not interaction.is_answered and age > timedelta(seconds=self._response_seconds):
                self._expire(interaction)
            original = self._messages.get(interaction.original_message_id)
            is_loading = original is not None and MessageFlag.LOADING in original.flags
            if is_loading and self._is_out_of_date(interaction) and not interaction.is_dead:
                interaction.is_dead = True
                self._fail(interaction)

    def close(self) -> None:
        """Stop every running deadline."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _perform(
        self,
        interaction: Interaction,
        callback: CallbackKind,
        data: JsonObject,
        uploads: Mapping[int, Upload],
    ) -> Message | None:
        match callback:
            case CallbackKind.MESSAGE:
                message = self._new_message(interaction, data.get("flags") or 0)
                self._messages.post(message, data, uploads, USERS_ONLY)
                return self._become_original(interaction, message)
            case CallbackKind.DEFER_MESSAGE:
                return self._defer(interaction, data)
            case CallbackKind.DEFER_UPDATE | CallbackKind.UPDATE:
                source = self._messages.find(interaction.source_message_id)
                if callback is CallbackKind.UPDATE:
                    self._messages.edit(source, data, uploads, USERS_ONLY)
                return self._become_original(interaction, source)
            case CallbackKind.CHOICES:
                self._complete(interaction, data)
            case CallbackKind.MODAL:
                self._open_modal(interaction, data)
        return None

    def _defer(self, interaction: Interaction, data: JsonObject) -> Message:
        flags = data.get("flags") or 0
        if flags & ~int(MessageFlag.EPHEMERAL):
            raise refuse_field("data.flags", "BASE_TYPE_CHOICES", "A defer sets only EPHEMERAL.")
        message = self._new_message(interaction, flags)
        message.flags |= MessageFlag.LOADING
        self._messages.publish(message)
        return self._become_original(interaction, message)

    def _complete(self, interaction: Interaction, data: JsonObject) -> None:
        form = Form()
        check_choice_list(form, "data.choices", data.get("choices"))
        form.refuse_if_wrong()
        interaction.choices = tuple(data.get("choices") or ())

    def _open_modal(self, interaction: Interaction, data: JsonObject) -> None:
        form = Form()
        interaction.modal = check_modal(form, data)
        form.refuse_if_wrong()
        event = {
            "type": "modal",
            "interaction_id": str(interaction.id),
            "channel_id": str(interaction.channel_id),
            "modal": interaction.modal,
        }
        self._broadcast.tell(interaction.member_id, event)

    def _new_message(self, interaction: Interaction, flags: int) -> Message:
        message = self._messages.new(interaction.channel_id, self._directory.bot)
        message.kind = interaction.message_kind
        message.is_from_interaction = True
        message.interaction_metadata = dict(interaction.metadata)
        if interaction.kind is InteractionKind.COMMAND:
            user = interaction.metadata["user"]
            message.interaction = {
                "id": str(interaction.id),
                "type": int(interaction.kind),
                "name": interaction.name,
                "user": user,
            }
        elif interaction.source_message_id is not None:
            message.reference_id = interaction.source_message_id
        if flags & MessageFlag.EPHEMERAL:
            message.only_for = interaction.member_id
            message.flags |= MessageFlag.EPHEMERAL
        return message

    def _become_original(self, interaction: Interaction, message: Message) -> Message:
        interaction.original_message_id = message.id
        interaction.only_for = message.only_for
        return message

    def _callback_response(
        self, interaction: Interaction, callback: CallbackKind, message: Message | None
    ) -> JsonObject:
        about: JsonObject = {
            "id": str(interaction.id),
            "type": int(interaction.kind),
            "channel_id": str(interaction.channel_id),
        }
        if not self._directory.channels[interaction.channel_id].is_direct:
            about["guild_id"] = str(self._directory.guild_id)
        if message is None:
            return {"interaction": about}
        about["response_message_id"] = str(message.id)
        about["response_message_loading"] = MessageFlag.LOADING in message.flags
        about["response_message_ephemeral"] = message.only_for is not None
        if callback not in (CallbackKind.MESSAGE, CallbackKind.UPDATE):
            return {"interaction": about}
        shown = self._payloads.message(message, self._messages.referenced(message))
        return {"interaction": about, "resource": {"type": int(callback), "message": shown}}

    def _owners(self, channel: Channel, member: Member) -> JsonObject:
        """Return who installed the application where it is used: a guild, or the person."""
        if channel.kind is ChannelKind.GROUP:
            return {"1": str(member.id)}
        return {"0": "0" if channel.is_direct else str(self._directory.guild_id)}

    def _is_out_of_date(self, interaction: Interaction) -> bool:
        return self._clock.now() - interaction.created_at >= _TOKEN_LIFE

    def _expire(self, interaction: Interaction) -> None:
        self._stop_timer(interaction)
        if interaction.is_answered or interaction.is_dead:
            return
        interaction.is_dead = True
        self._fail(interaction)

    def _stop_timer(self, interaction: Interaction) -> None:
        timer = self._timers.pop(interaction.id, None)
        if timer is not None:
            timer.cancel()

    def _fail(self, interaction: Interaction) -> None:
        sentence = FAILURES[interaction.kind]
        self.failed.append(
            FailedInteraction(
                interaction.id, interaction.member_id, interaction.channel_id, sentence
            )
        )
        event = {
            "type": "interaction_failed",
            "interaction_id": str(interaction.id),
            "channel_id": str(interaction.channel_id),
            "message": sentence,
        }
        self._broadcast.tell(interaction.member_id, event)


def _callback_kind(interaction: Interaction, body: JsonObject) -> CallbackKind:
    """Return the kind of response, refusing those that the interaction does not allow."""
    try:
        callback = CallbackKind(body.get("type", 0))
    except ValueError:
        sentence = "The stand-in plays the types 4 to 9."
        raise refuse_field("type", "BASE_TYPE_CHOICES", sentence) from None
    completes = interaction.kind is InteractionKind.AUTOCOMPLETE
    updates = callback in (CallbackKind.DEFER_UPDATE, CallbackKind.UPDATE)
    problem = ""
    if completes != (callback is CallbackKind.CHOICES):
        problem = "An autocompletion is answered with choices, and nothing else is."
    elif updates and interaction.source_message_id is None:
        problem = "Only components, and modals opened from one, can update a message."
    elif callback is CallbackKind.MODAL and interaction.kind is InteractionKind.MODAL:
        problem = "A modal cannot be answered with a modal."
    if problem:
        raise refuse_field("type", "INTERACTION_CALLBACK_TYPE_INVALID", problem)
    return callback


def _new_token(interaction_id: int) -> str:
    text = f"interaction:{interaction_id}:{secrets.token_hex(48)}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
