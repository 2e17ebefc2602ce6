"""The REST routes of messages: by an interaction's token, and by the bot's own."""

from sandbox.discord_api import limits
from sandbox.discord_api.errors import ApiError, Refusal
from sandbox.discord_api.model.broadcast import Broadcast
from sandbox.discord_api.model.directory import Directory
from sandbox.discord_api.model.forms import Form
from sandbox.discord_api.model.interactions import Interactions
from sandbox.discord_api.model.mentions import EVERYTHING, USERS_ONLY
from sandbox.discord_api.model.messages import Messages
from sandbox.discord_api.model.payloads import Payloads
from sandbox.discord_api.rate_limits import (
    CHANNEL_EDITS,
    CHANNEL_MESSAGES,
    WEBHOOK_POSTS,
    WEBHOOK_TOKEN,
    RateLimits,
)
from sandbox.discord_api.rest.router import NOTHING, Answer, Call, Route
from sandbox.discord_api.values import (
    NO_PERMISSION,
    Channel,
    JsonObject,
    Member,
    Message,
    MessageFlag,
    MessageKind,
    Permission,
)


class InteractionRoutes:
    """The interaction callback, and the webhook of an interaction's token."""

    def __init__(
        self,
        interactions: Interactions,
        messages: Messages,
        payloads: Payloads,
        rate_limits: RateLimits,
    ) -> None:
        self._interactions = interactions
        self._messages = messages
        self._payloads = payloads
        self._rate_limits = rate_limits

    def routes(self) -> list[Route]:
        """Return the routes; none of them needs or takes the bot's token."""
        hook = "/webhooks/{application_id}/{token}"
        rule = WEBHOOK_TOKEN
        found = [
            Route(
                "POST",
                "/interactions/{interaction_id}/{token}/callback",
                self._callback,
                None,
                needs_token=False,
            ),
            Route("POST", hook, self._follow_up, rule, needs_token=False),
        ]
        for name in ("@original", "{message_id}"):
            path = f"{hook}/messages/{name}"
            found += [
                Route("GET", path, self._get, rule, needs_token=False),
                Route("PATCH", path, self._edit, rule, needs_token=False),
                Route("DELETE", path, self._delete, rule, needs_token=False),
            ]
        return found

    def _callback(self, call: Call) -> Answer:
        response = self._interactions.answer(
            call.number("interaction_id"), call.path["token"], call.fields(), call.uploads
        )
        if call.query.get("with_response") in ("1", "true"):
            return Answer(response)
        return NOTHING

    def _follow_up(self, call: Call) -> Answer:
        interaction = self._interactions.by_token(call.number("application_id"), call.path["token"])
        self._rate_limits.take(WEBHOOK_POSTS, str(interaction.channel_id))
        message = self._interactions.follow_up(interaction, call.fields(), call.uploads)
        return Answer(self._shown(message))

    def _get(self, call: Call) -> Answer:
        return Answer(self._shown(self._message(call)))

    def _edit(self, call: Call) -> Answer:
        message = self._message(call)
        self._messages.edit(message, call.fields(), call.uploads, USERS_ONLY)
        return Answer(self._shown(message))

    def _delete(self, call: Call) -> Answer:
        self._messages.delete(self._message(call))
        return NOTHING

    def _message(self, call: Call) -> Message:
        interaction = self._interactions.by_token(call.number("application_id"), call.path["token"])
        message_id = call.number("message_id") if "message_id" in call.path else None
        return self._interactions.message(interaction, message_id)

    def _shown(self, message: Message) -> JsonObject:
        return self._payloads.message(message, self._messages.referenced(message))


class ChannelRoutes:
    """Messages in channels, by the bot's own token; ephemeral ones cannot be reached."""

    def __init__(
        self,
        directory: Directory,
        messages: Messages,
        payloads: Payloads,
        broadcast: Broadcast,
    ) -> None:
        self._directory = directory
        self._messages = messages
        self._payloads = payloads
        self._broadcast = broadcast
        self._by_nonce: dict[tuple[int, str], int] = {}

    def routes(self) -> list[Route]:
        """Return the routes."""
        every = "/channels/{channel_id}/messages"
        single = f"{every}/{{message_id}}"
        return [
            Route("GET", "/channels/{channel_id}", self._channel),
            Route("POST", "/channels/{channel_id}/typing", self._typing),
            Route("GET", every, self._list),
            Route("POST", every, self._post, CHANNEL_MESSAGES),
            Route("GET", single, self._get),
            Route("PATCH", single, self._edit, CHANNEL_EDITS),
            Route("DELETE", single, self._delete),
        ]

    def _channel(self, call: Call) -> Answer:
        return Answer(self._payloads.channel(self._open(call)))

    def _typing(self, call: Call) -> Answer:
        channel = self._open(call, Permission.SEND_MESSAGES)
        user = self._payloads.user(self._directory.bot)
        event = {"type": "typing", "channel_id": str(channel.id), "user": user}
        self._broadcast.tell_channel(channel, event)
        return NOTHING

    def _list(self, call: Call) -> Answer:
        channel = self._open(call)
        limit = call.query.get("limit", "50")
        if not limit.isdigit() or not 1 <= int(limit) <= limits.MESSAGES_PAGE:
            raise ApiError(400, 50035, "limit is from 1 to 100.")
        if Permission.READ_MESSAGE_HISTORY not in self._may(channel):
            return Answer([])
        listed = [
            message for message in self._messages.in_channel(channel.id) if message.only_for is None
        ]
        return Answer([self._shown(message) for message in _page(listed, call, int(limit))])

    def _get(self, call: Call) -> Answer:
        self._open(call, Permission.READ_MESSAGE_HISTORY)
        return Answer(self._shown(self._message(call)))

    def _post(self, call: Call) -> Answer:
        channel = self._open(call, Permission.SEND_MESSAGES)
        body = call.fields()
        self._check_sending(channel, body, has_files=bool(call.uploads))
        nonce = self._nonce(body)
        known = self._by_nonce.get((channel.id, nonce or ""))
        if known is not None and body.get("enforce_nonce") and self._messages.get(known):
            return Answer(self._shown(self._messages.find(known)))
        message = self._messages.new(channel.id, self._directory.bot)
        message.nonce = nonce
        self._refer(message, body)
        self._messages.post(message, body, call.uploads, EVERYTHING)
        if nonce is not None:
            self._by_nonce[channel.id, nonce] = message.id
        return Answer(self._shown(message))

    def _edit(self, call: Call) -> Answer:
        channel = self._open(call)
        message = self._message(call)
        if message.author_id != self._directory.application_id:
            raise ApiError.of(Refusal.NOT_THE_AUTHOR)
        if call.uploads and Permission.ATTACH_FILES not in self._may(channel):
            raise ApiError.of(Refusal.MISSING_PERMISSIONS)
        parse = USERS_ONLY if message.is_from_interaction else EVERYTHING
        self._messages.edit(message, call.fields(), call.uploads, parse)
        return Answer(self._shown(message))

    def _delete(self, call: Call) -> Answer:
        channel = self._open(call)
        message = self._message(call)
        is_own = message.author_id == self._directory.application_id
        if not is_own and Permission.MANAGE_MESSAGES not in self._may(channel):
            raise ApiError.of(Refusal.MISSING_PERMISSIONS)
        self._messages.delete(message)
        return NOTHING

    def _open(self, call: Call, needed: Permission = NO_PERMISSION) -> Channel:
        channel = self._directory.channel(call.number("channel_id"))
        may = self._may(channel)
        if Permission.VIEW_CHANNEL not in may:
            raise ApiError.of(Refusal.MISSING_ACCESS)
        if needed not in may:
            raise ApiError.of(Refusal.MISSING_PERMISSIONS)
        return channel

    def _check_sending(self, channel: Channel, body: JsonObject, *, has_files: bool) -> None:
        recipient = self._recipient(channel)
        if recipient is not None and not recipient.accepts_direct_messages:
            raise ApiError.of(Refusal.CANNOT_SEND_TO_USER)
        may = self._may(channel)
        lacks_files = has_files and Permission.ATTACH_FILES not in may
        lacks_embeds = bool(body.get("embeds")) and Permission.EMBED_LINKS not in may
        if lacks_files or lacks_embeds:
            raise ApiError.of(Refusal.MISSING_PERMISSIONS)
        if int(body.get("flags") or 0) & MessageFlag.EPHEMERAL:
            raise ApiError(400, 50035, "Channel messages cannot be ephemeral.")

    def _nonce(self, body: JsonObject) -> str | None:
        nonce = body.get("nonce")
        form = Form()
        if nonce is not None:
            form.text("nonce", str(nonce), limits.NONCE)
        form.refuse_if_wrong()
        return None if nonce is None else str(nonce)

    def _refer(self, message: Message, body: JsonObject) -> None:
        reference = body.get("message_reference")
        if not reference:
            return
        referenced = self._messages.get(int(reference["message_id"]))
        is_here = referenced is not None and referenced.channel_id == message.channel_id
        if not is_here:
            if reference.get("fail_if_not_exists", True):
                raise ApiError(400, 50035, "Unknown message in message_reference.")
            return
        message.kind = MessageKind.REPLY
        message.reference_id = int(reference["message_id"])

    def _message(self, call: Call) -> Message:
        return self._messages.find_public(call.number("channel_id"), call.number("message_id"))

    def _recipient(self, channel: Channel) -> Member | None:
        if channel.recipient_id is None:
            return None
        return self._directory.members[channel.recipient_id]

    def _may(self, channel: Channel) -> Permission:
        return self._directory.permissions(self._directory.bot, channel)

    def _shown(self, message: Message) -> JsonObject:
        return self._payloads.message(message, self._messages.referenced(message))


def _page(listed: list[Message], call: Call, limit: int) -> list[Message]:
    """Return the asked part of a channel, newest first."""
    if (after := call.query.get("after")) is not None:
        return [message for message in listed if message.id > int(after)][:limit][::-1]
    if (before := call.query.get("before")) is not None:
        listed = [message for message in listed if message.id < int(before)]
    elif (around := call.query.get("around")) is not None:
        earlier = [message for message in listed if message.id <= int(around)]
        later = [message for message in listed if message.id > int(around)]
        listed = earlier[-(limit - limit // 2) :] + later[: limit // 2]
    return listed[-limit:][::-1]
