"""Messages: validation, files on edits, and mentions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sandbox.discord_api import limits
from sandbox.discord_api.clock import Clock, Snowflakes
from sandbox.discord_api.errors import ApiError, Refusal
from sandbox.discord_api.files import Files, check_sizes, sanitise
from sandbox.discord_api.model.broadcast import Broadcast
from sandbox.discord_api.model.components import check_components
from sandbox.discord_api.model.directory import Directory
from sandbox.discord_api.model.embeds import (
    ATTACHMENT_SCHEME,
    SHOWN_SUFFIXES,
    attachment_names,
    check_embeds,
    picture_places,
)
from sandbox.discord_api.model.forms import Form
from sandbox.discord_api.model.layouts import check_layout, map_media, shown_names, texts_of
from sandbox.discord_api.model.mentions import Mentions, check_allowed_mentions, parse_mentions
from sandbox.discord_api.values import (
    JsonObject,
    Member,
    Message,
    MessageFlag,
    Permission,
    Ping,
    StoredFile,
    Upload,
)

SETTABLE: Final = (
    MessageFlag.SUPPRESS_EMBEDS
    | MessageFlag.EPHEMERAL
    | MessageFlag.SUPPRESS_NOTIFICATIONS
    | MessageFlag.COMPONENTS_V2
)
"""The flags a request may set."""
_NOT_PLAYED: Final = ("poll", "sticker_ids", "thread_name", "username", "avatar_url")


@dataclass(frozen=True, slots=True)
class _NewFile:
    """An upload with its entry in the body's `attachments`."""

    upload: Upload
    filename: str
    description: str | None


@dataclass(frozen=True, slots=True)
class _Draft:
    """A validated body, merged with the existing message."""

    content: str
    embeds: tuple[JsonObject, ...]
    components: tuple[JsonObject, ...]
    kept: tuple[StoredFile, ...]
    added: tuple[_NewFile, ...]
    flags: MessageFlag


class Messages:
    """All messages, including ephemeral ones, which only their reader can see."""

    def __init__(
        self,
        directory: Directory,
        files: Files,
        broadcast: Broadcast,
        clock: Clock,
        snowflakes: Snowflakes,
    ) -> None:
        self._directory = directory
        self._files = files
        self._broadcast = broadcast
        self._clock = clock
        self._snowflakes = snowflakes
        self._kept: dict[int, Message] = {}
        self.pings: list[Ping] = []
        self.attachment_size_limit = limits.FILE_BYTES

    def new(self, channel_id: int, author: Member) -> Message:
        """Return an empty message that is not posted yet."""
        return Message(self._snowflakes.take(), channel_id, author.id, self._clock.now())

    def post(
        self,
        message: Message,
        body: JsonObject,
        uploads: Mapping[int, Upload],
        default_parse: frozenset[str],
    ) -> Message:
        """Fill a new message from a body and post it."""
        draft = self._draft(message, body, uploads)
        self._apply(message, draft)
        self._mention(message, body, default_parse, notify=True)
        return self.publish(message)

    def publish(self, message: Message) -> Message:
        """Post a message that is complete already."""
        self._kept[message.id] = message
        self._broadcast.message("create", message, self.referenced(message))
        return message

    def edit(
        self,
        message: Message,
        body: JsonObject,
        uploads: Mapping[int, Upload],
        default_parse: frozenset[str],
    ) -> Message:
        """Change the fields in the body; filling a deferred message does not count as an edit."""
        draft = self._draft(message, body, uploads)
        is_filling = MessageFlag.LOADING in message.flags
        self._apply(message, draft)
        if not is_filling:
            message.edited_at = self._clock.now()
        if {"content", "components", "allowed_mentions"} & body.keys():
            self._mention(message, body, default_parse, notify=is_filling)
        self._broadcast.message("update", message, self.referenced(message))
        return message

    def delete(self, message: Message) -> None:
        """Delete a message and its files."""
        del self._kept[message.id]
        for file in message.files:
            self._files.drop(file)
        self._broadcast.message("delete", message)

    def get(self, message_id: int | None) -> Message | None:
        """Return a message of any visibility."""
        return self._kept.get(message_id) if message_id is not None else None

    def find(self, message_id: int | None) -> Message:
        """Return a message of any visibility; 10008 when there is none."""
        message = self.get(message_id)
        if message is None:
            raise ApiError.of(Refusal.UNKNOWN_MESSAGE)
        return message

    def find_public(self, channel_id: int, message_id: int) -> Message:
        """Find a message through a channel route, which never reaches ephemeral ones."""
        message = self.find(message_id)
        if message.channel_id != channel_id or message.only_for is not None:
            raise ApiError.of(Refusal.UNKNOWN_MESSAGE)
        return message

    def in_channel(self, channel_id: int) -> list[Message]:
        """Return every message of a channel, oldest first."""
        return [message for message in self._kept.values() if message.channel_id == channel_id]

    def visible_to(self, member: Member) -> list[Message]:
        """Return every message a person can see, oldest first."""
        return self._broadcast.seen_by(member, self._kept.values())

    def referenced(self, message: Message) -> Message | None:
        """Return the message that this one replies to."""
        return self.get(message.reference_id)

    def _draft(self, message: Message, body: JsonObject, uploads: Mapping[int, Upload]) -> _Draft:
        check_sizes(uploads, self.attachment_size_limit)
        form = Form()
        _check_unplayed(form, body)
        content = message.content
        if "content" in body and form.text("content", body["content"], limits.CONTENT_LENGTH):
            content = body["content"] or ""
        embeds = check_embeds(form, body["embeds"]) if "embeds" in body else message.embeds
        flags = _new_flags(form, message, body)
        components = message.components
        if "components" in body:
            is_layout = MessageFlag.COMPONENTS_V2 in flags
            check = check_layout if is_layout else check_components
            components = check(form, body["components"])
        check_allowed_mentions(form, body.get("allowed_mentions"))
        kept, added = _choose_files(form, message, body, uploads)
        embeds = self._own_addresses(embeds, kept)
        components = map_media(components, lambda media: self._own_media(media, kept))
        names = [file.filename for file in kept] + [file.filename for file in added]
        if "embeds" in body:
            _check_references(form, embeds, names)
        if "components" in body:
            _check_shown_files(form, components, names)
        if MessageFlag.COMPONENTS_V2 in flags:
            _check_layout_alone(form, content, embeds)
        form.refuse_if_wrong()
        draft = _Draft(content, embeds, components, kept, added, flags | _ephemeral(message))
        if not (content.strip() or embeds or components or kept or added):
            raise ApiError.of(Refusal.EMPTY_MESSAGE)
        return draft

    def _apply(self, message: Message, draft: _Draft) -> None:
        for file in message.files:
            if file not in draft.kept:
                self._files.drop(file)
        added = tuple(
            self._files.store(
                new.upload,
                message.channel_id,
                filename=new.filename,
                description=new.description,
                is_ephemeral=message.only_for is not None,
            )
            for new in draft.added
        )
        message.content, message.embeds = draft.content, draft.embeds
        message.components, message.flags = draft.components, draft.flags
        message.files = draft.kept + added

    def _own_addresses(
        self, embeds: tuple[JsonObject, ...], kept: tuple[StoredFile, ...]
    ) -> tuple[JsonObject, ...]:
        """Turn addresses of the message's own files back into references to them."""
        return tuple(self._own_embed(embed, kept) for embed in embeds)

    def _own_embed(self, embed: JsonObject, kept: tuple[StoredFile, ...]) -> JsonObject:
        own = dict(embed)
        for part, key in picture_places():
            place = own.get(part) or {}
            file = self._files.find_by_url(place.get(key) or "")
            if file is not None and file in kept:
                own[part] = {**place, key: f"{ATTACHMENT_SCHEME}{file.filename}"}
        return own

    def _own_media(self, media: JsonObject, kept: tuple[StoredFile, ...]) -> JsonObject:
        file = self._files.find_by_url(str(media.get("url") or ""))
        if file is None or file not in kept:
            return media
        return {"url": f"{ATTACHMENT_SCHEME}{file.filename}"}

    def _mention(
        self, message: Message, body: JsonObject, default_parse: frozenset[str], *, notify: bool
    ) -> None:
        channel = self._directory.channels[message.channel_id]
        author = self._directory.members[message.author_id]
        may_ping_everyone = Permission.MENTION_EVERYONE in self._directory.permissions(
            author, channel
        )
        found = parse_mentions(
            message.content + texts_of(message.components),
            body.get("allowed_mentions"),
            default_parse,
            may_ping_everyone=may_ping_everyone,
        )
        message.mentions, message.mention_roles = found.user_ids, found.role_ids
        message.mention_everyone = found.everyone
        if notify:
            self.pings += self._pings(message, found)

    def _pings(self, message: Message, found: Mentions) -> Iterable[Ping]:
        for member in self._directory.members.values():
            if not self._broadcast.may_see(member, message) or member.is_bot:
                continue
            by = "everyone" if found.everyone else ""
            by = "role" if set(found.role_ids) & set(member.role_ids) else by
            by = "user" if member.id in found.user_ids else by
            if by:
                yield Ping(member.id, message.channel_id, message.id, by)


def _check_unplayed(form: Form, body: JsonObject) -> None:
    for key in _NOT_PLAYED:
        if body.get(key):
            form.wrong(key, "NOT_PLAYED", f"The stand-in does not play {key}.")
    flags = body.get("flags") or 0
    if not isinstance(flags, int) or flags & ~int(SETTABLE):
        form.wrong("flags", "NOT_PLAYED", "The stand-in does not play one of these flags.")


def _new_flags(form: Form, message: Message, body: JsonObject) -> MessageFlag:
    """Return the flags after a request, which may add the one of layouts but not remove it."""
    flags = message.flags & ~MessageFlag.LOADING
    if isinstance(body.get("flags"), int):
        flags = MessageFlag(body["flags"]) & ~MessageFlag.EPHEMERAL
    if MessageFlag.COMPONENTS_V2 in message.flags & ~flags:
        sentence = "A message keeps the flag IS_COMPONENTS_V2."
        form.wrong("flags", "MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG", sentence)
    return flags


def _check_layout_alone(form: Form, content: str, embeds: tuple[JsonObject, ...]) -> None:
    """Refuse what a message with layout components cannot have, also from before an edit."""
    for key, value in (("content", content), ("embeds", embeds)):
        if value:
            sentence = f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            form.wrong(key, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", sentence)


def _check_shown_files(form: Form, components: Iterable[JsonObject], names: Sequence[str]) -> None:
    for name in shown_names(components):
        if name not in names:
            sentence = f"No uploaded file is called {name}."
            code = "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"
            form.wrong("components", code, sentence)


def _ephemeral(message: Message) -> MessageFlag:
    return MessageFlag.EPHEMERAL if message.only_for is not None else MessageFlag(0)


def _choose_files(
    form: Form, message: Message, body: JsonObject, uploads: Mapping[int, Upload]
) -> tuple[tuple[StoredFile, ...], tuple[_NewFile, ...]]:
    """Return which files stay and which come, by the `attachments` list when there is one."""
    described = body.get("attachments")
    if described is None:
        kept = message.files if "attachments" not in body else ()
        added = [_NewFile(upload, upload.filename, None) for upload in uploads.values()]
    else:
        kept, added = _listed_files(form, message, described, uploads)
    if len(kept) + len(added) > limits.FILES:
        form.wrong("attachments", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    return kept, tuple(replace(new, filename=sanitise(new.filename)) for new in added)


def _listed_files(
    form: Form, message: Message, described: object, uploads: Mapping[int, Upload]
) -> tuple[tuple[StoredFile, ...], list[_NewFile]]:
    existing = {file.id: file for file in message.files}
    kept, added = [], []
    for index, raw in enumerate(form.items("attachments", described, limits.FILES)):
        place = f"attachments.{index}"
        entry = form.mapping(place, raw)
        form.text(f"{place}.description", entry.get("description"), limits.FILE_DESCRIPTION)
        try:
            file_id = int(entry.get("id", ""))
        except (TypeError, ValueError):
            form.wrong(f"{place}.id", "NUMBER_TYPE_COERCE", "Value is not snowflake.")
            continue
        if file_id in existing:
            kept.append(existing[file_id])
        elif file_id in uploads:
            upload = uploads[file_id]
            filename = entry.get("filename") or upload.filename
            added.append(_NewFile(upload, filename, entry.get("description")))
        else:
            form.wrong(place, "ATTACHMENT_NOT_FOUND", "Attachment data not found")
    return tuple(kept), added


def _check_references(form: Form, embeds: Iterable[JsonObject], names: list[str]) -> None:
    for name in attachment_names(embeds):
        if name not in names:
            sentence = f"No uploaded file is called {name}."
            form.wrong("embeds", "ATTACHMENT_NOT_FOUND", sentence)
        elif not name.lower().endswith(SHOWN_SUFFIXES):
            sentence = f"An embed cannot show {name}: only jpg, png, webp and gif."
            form.wrong("embeds", "ATTACHMENT_NOT_SHOWN", sentence)
