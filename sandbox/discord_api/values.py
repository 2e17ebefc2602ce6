"""The values that the stand-in stores; `payloads` renders them as JSON."""

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, TypeAlias

JsonObject: TypeAlias = dict[str, Any]


class Permission(enum.IntFlag):
    """The permissions the stand-in looks at, by Discord's bit numbers."""

    ADMINISTRATOR = 1 << 3
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    USE_APPLICATION_COMMANDS = 1 << 31
    SEND_MESSAGES_IN_THREADS = 1 << 38
    USE_EXTERNAL_APPS = 1 << 50


class ChannelKind(enum.IntEnum):
    """The kinds of channel there are here."""

    TEXT = 0
    DIRECT = 1
    GROUP = 3


class MessageFlag(enum.IntFlag):
    """The message flags the stand-in knows."""

    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    COMPONENTS_V2 = 1 << 15


NO_PERMISSION: Final = Permission(0)
"""No permission at all."""
NO_FLAGS: Final = MessageFlag(0)


class MessageKind(enum.IntEnum):
    """The message types the stand-in produces."""

    DEFAULT = 0
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    CONTEXT_MENU_COMMAND = 23


class InteractionKind(enum.IntEnum):
    """Types of interactions, by Discord's numbers."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class CallbackKind(enum.IntEnum):
    """The first answers to an interaction that the stand-in accepts."""

    MESSAGE = 4
    DEFER_MESSAGE = 5
    DEFER_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


@dataclass(frozen=True, slots=True)
class Role:
    """A role of the guild; `id` of @everyone is the guild's own."""

    id: int
    name: str
    permissions: Permission
    position: int
    color: int = 0


@dataclass(slots=True)
class Member:
    """A person (or the bot) in the guild."""

    id: int
    name: str
    display_name: str
    role_ids: tuple[int, ...]
    avatar_color: str
    locale: str = "en-US"
    is_bot: bool = False
    accepts_direct_messages: bool = True


@dataclass(frozen=True, slots=True)
class Overwrite:
    """Permission overwrite of a channel for a role or a member."""

    target_id: int
    is_member: bool
    allow: Permission
    deny: Permission


@dataclass(slots=True)
class Channel:
    """A text channel of the guild, a direct-message channel with `recipient_id`, or a group's.

    The bot is in no group: there it works as a user-installed app, by interactions only.
    """

    id: int
    kind: ChannelKind
    name: str = ""
    topic: str = ""
    position: int = 0
    nsfw: bool = False
    overwrites: tuple[Overwrite, ...] = ()
    recipient_id: int | None = None
    group_ids: frozenset[int] = frozenset()

    @property
    def is_direct(self) -> bool:
        """Whether this is outside of the guild."""
        return self.kind is not ChannelKind.TEXT

    @property
    def context(self) -> int:
        """Discord's number for where a command is used: guild, the bot's own, between people."""
        return {ChannelKind.TEXT: 0, ChannelKind.DIRECT: 1, ChannelKind.GROUP: 2}[self.kind]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a message or of a command option, as the attachment host keeps it."""

    id: int
    channel_id: int
    filename: str
    content: bytes = field(repr=False)
    content_type: str | None
    width: int | None = None
    height: int | None = None
    description: str | None = None
    is_ephemeral: bool = False


@dataclass(slots=True)
class Message:
    """A message; `only_for` names the one person who can see it when it is ephemeral."""

    id: int
    channel_id: int
    author_id: int
    created_at: datetime
    kind: MessageKind = MessageKind.DEFAULT
    content: str = ""
    embeds: tuple[JsonObject, ...] = ()
    components: tuple[JsonObject, ...] = ()
    files: tuple[StoredFile, ...] = ()
    flags: MessageFlag = NO_FLAGS
    mentions: tuple[int, ...] = ()
    mention_roles: tuple[int, ...] = ()
    mention_everyone: bool = False
    edited_at: datetime | None = None
    nonce: str | None = None
    interaction: JsonObject | None = None
    interaction_metadata: JsonObject | None = None
    is_from_interaction: bool = False
    reference_id: int | None = None
    only_for: int | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came in a request."""

    filename: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ping:
    """One person who was notified by one message."""

    user_id: int
    channel_id: int
    message_id: int
    by: str


@dataclass(frozen=True, slots=True)
class FailedInteraction:
    """An interaction that no answer came to in time, and what the person read."""

    interaction_id: int
    member_id: int
    channel_id: int
    sentence: str


@dataclass(slots=True)
class Interaction:
    """An interaction and the state of its response."""

    id: int
    token: str = field(repr=False)
    kind: InteractionKind
    member_id: int
    channel_id: int
    created_at: datetime
    deadline: float
    metadata: JsonObject
    name: str
    message_kind: MessageKind
    source_message_id: int | None = None
    is_answered: bool = False
    is_dead: bool = False
    answer: CallbackKind | None = None
    original_message_id: int | None = None
    only_for: int | None = None
    choices: tuple[JsonObject, ...] | None = None
    modal: JsonObject | None = None
