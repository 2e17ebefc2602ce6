"""The guild, its channels, roles and members, and the application."""

from typing import Final

from sandbox.discord_api.clock import Snowflakes
from sandbox.discord_api.errors import ApiError, Refusal
from sandbox.discord_api.values import (
    NO_PERMISSION,
    Channel,
    ChannelKind,
    Member,
    Overwrite,
    Permission,
    Role,
)

GUILD_ID: Final = 1183920475812345856
APPLICATION_ID: Final = 1290114832045019187
BOT_ROLE_ID: Final = 1290115001234980917
MODERATOR_ROLE_ID: Final = 1183921002349711360
ADMINISTRATOR_ROLE_ID: Final = 1183920913004232704

EVERYONE: Final = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.ADD_REACTIONS
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.USE_EXTERNAL_APPS
)
ALL: Final = Permission(sum(Permission))
IN_DIRECT_MESSAGES: Final = EVERYONE


class Directory:
    """The guild and the people in it, found by id or by name."""

    def __init__(self, snowflakes: Snowflakes) -> None:
        self._snowflakes = snowflakes
        self.guild_id = GUILD_ID
        self.guild_name = "Limner's Studio"
        self.guild_locale = "en-US"
        self.application_id = APPLICATION_ID
        self.application_name = "Limner"
        self.roles = {role.id: role for role in _roles()}
        self.members = {member.id: member for member in _members()}
        self.channels = {channel.id: channel for channel in _channels()}
        self.operator = self.owner
        """The application's owner."""

    @property
    def bot(self) -> Member:
        """The application's bot user."""
        return self.members[self.application_id]

    @property
    def owner(self) -> Member:
        """The guild's owner."""
        return self.member("ada")

    def member(self, who: int | str) -> Member:
        """Return a member by id or name, whatever its case; `ApiError` when there is none."""
        wanted = who.lower() if isinstance(who, str) else who
        for member in self.members.values():
            if wanted in (member.id, member.name.lower(), str(member.id)):
                return member
        raise ApiError.of(Refusal.UNKNOWN_MEMBER)

    def channel(self, which: int | str) -> Channel:
        """Return a channel by id or name; `ApiError` when there is none."""
        for channel in self.channels.values():
            if which in (channel.id, str(channel.id)) or (channel.name and which == channel.name):
                return channel
        raise ApiError.of(Refusal.UNKNOWN_CHANNEL)

    def guild_channels(self) -> list[Channel]:
        """Return the guild's text channels in order."""
        channels = (channel for channel in self.channels.values() if not channel.is_direct)
        return sorted(channels, key=lambda channel: channel.position)

    def direct_channel(self, member: Member) -> Channel:
        """Return the channel between the bot and a person, opening it when there is none."""
        for channel in self.channels.values():
            if channel.recipient_id == member.id:
                return channel
        opened = Channel(self._snowflakes.take(), ChannelKind.DIRECT, recipient_id=member.id)
        self.channels[opened.id] = opened
        return opened

    def open_group(self, *members: Member) -> Channel:
        """Open a channel between people, without the bot."""
        ids = frozenset(member.id for member in members)
        opened = Channel(self._snowflakes.take(), ChannelKind.GROUP, group_ids=ids)
        self.channels[opened.id] = opened
        return opened

    def permissions(self, member: Member, channel: Channel | None = None) -> Permission:
        """Return what a member may do, in a channel or in the guild as a whole."""
        if channel is not None and channel.kind is ChannelKind.GROUP:
            return IN_DIRECT_MESSAGES if member.id in channel.group_ids else Permission(0)
        if channel is not None and channel.is_direct:
            mine = channel.recipient_id == member.id or member.is_bot
            return IN_DIRECT_MESSAGES if mine else Permission(0)
        granted = self.roles[self.guild_id].permissions
        for role_id in member.role_ids:
            granted |= self.roles[role_id].permissions
        if member == self.owner or Permission.ADMINISTRATOR in granted:
            return ALL
        return granted if channel is None else self._in_channel(member, channel, granted)

    def can_see(self, member: Member, channel: Channel) -> bool:
        """Say whether a member sees a channel at all."""
        return Permission.VIEW_CHANNEL in self.permissions(member, channel)

    def set_overwrite(
        self,
        channel: Channel,
        target_id: int,
        *,
        allow: Permission = NO_PERMISSION,
        deny: Permission = NO_PERMISSION,
    ) -> None:
        """Replace what a channel allows or denies a role or member."""
        kept = tuple(entry for entry in channel.overwrites if entry.target_id != target_id)
        is_member = target_id in self.members
        channel.overwrites = (*kept, Overwrite(target_id, is_member, allow, deny))

    def _in_channel(self, member: Member, channel: Channel, granted: Permission) -> Permission:
        layers = (
            [entry for entry in channel.overwrites if entry.target_id == self.guild_id],
            [entry for entry in channel.overwrites if entry.target_id in member.role_ids],
            [entry for entry in channel.overwrites if entry.target_id == member.id],
        )
        for layer in layers:
            for entry in layer:
                granted &= ~entry.deny
            for entry in layer:
                granted |= entry.allow
        return granted if Permission.VIEW_CHANNEL in granted else Permission(0)


def _roles() -> list[Role]:
    moderator = EVERYONE | Permission.MANAGE_MESSAGES
    return [
        Role(GUILD_ID, "@everyone", EVERYONE, 0),
        Role(MODERATOR_ROLE_ID, "Moderator", moderator, 1, 0x2ECC71),
        Role(BOT_ROLE_ID, "Limner", EVERYONE, 2),
        Role(ADMINISTRATOR_ROLE_ID, "Administrator", Permission.ADMINISTRATOR, 3, 0xE74C3C),
    ]


def _members() -> list[Member]:
    return [
        Member(1172603318894231552, "ana", "Ana", (), "#d9822b"),
        Member(1174029471190446080, "ben", "Ben", (), "#3b7dd8"),
        Member(1168842057341730816, "mo", "Mo", (MODERATOR_ROLE_ID,), "#2f9e6e"),
        Member(1151377460023590912, "ada", "Ada", (ADMINISTRATOR_ROLE_ID,), "#b5446e"),
        Member(APPLICATION_ID, "Limner", "Limner", (BOT_ROLE_ID,), "#5b5bd6", "en-US", is_bot=True),
    ]


def _channels() -> list[Channel]:
    view = Permission.VIEW_CHANNEL
    nothing = Permission(0)
    for_moderators = (
        Overwrite(GUILD_ID, is_member=False, allow=nothing, deny=view),
        Overwrite(MODERATOR_ROLE_ID, is_member=False, allow=view, deny=nothing),
        Overwrite(BOT_ROLE_ID, is_member=False, allow=view, deny=nothing),
    )
    text = ChannelKind.TEXT
    return [
        Channel(1183920476479238144, text, "general", "Talk about anything", 0),
        Channel(1183920640396099584, text, "pictures", "Where pictures are made", 1),
        Channel(
            1183921187444310016, text, "moderators", "For moderators", 2, overwrites=for_moderators
        ),
        Channel(1183921340599304192, text, "after-dark", "Age-restricted", 3, nsfw=True),
    ]
