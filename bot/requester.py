"""Who presses and asks, decided from what Discord says of this very interaction."""

from functools import partial

import discord

from generation.errors import NotPermitted
from generation.request import Requester


def guild_of(interaction: discord.Interaction) -> int | None:
    """The guild that it belongs to: one that has invited the bot.

    Where somebody uses the bot that they installed for themselves, it is theirs alone, as in
    direct messages: another guild's limits, moderators and history are not concerned.
    """
    is_own = interaction.is_user_integration() and not interaction.is_guild_integration()
    return None if is_own else interaction.guild_id


def can_moderate(interaction: discord.Interaction) -> bool:
    """Whether this person may manage messages in the whole server, or the server itself.

    What somebody was granted in one channel alone, such as a room of their own, does not count:
    moderators decide on what was made anywhere in the server. In direct messages nobody may.
    """
    if guild_of(interaction) is None:
        return False
    return _manages_messages(interaction) or can_administer(interaction)


def _manages_messages(interaction: discord.Interaction) -> bool:
    guild, person = interaction.guild, interaction.user
    if guild is None or guild.default_role is None or not isinstance(person, discord.Member):
        return False
    return person.guild_permissions.manage_messages


def is_operator(interaction: discord.Interaction) -> bool:
    """Whether this person runs the bot: the application's owner, or in the team that owns it."""
    application = interaction.client.application
    if application is None:
        return False
    team = application.team
    if team is None:
        return interaction.user.id == application.owner.id
    return any(
        member.id == interaction.user.id
        and member.membership_state is discord.TeamMembershipState.accepted
        and member.role is not discord.TeamMemberRole.read_only
        for member in team.members
    )


def can_administer(interaction: discord.Interaction) -> bool:
    """Whether this person may manage this server; in direct messages only the operator may."""
    if is_operator(interaction):
        return True
    if guild_of(interaction) is None:
        return False
    owns = interaction.guild is not None and interaction.guild.owner_id == interaction.user.id
    granted = interaction.permissions
    return owns or granted.administrator or granted.manage_guild


def require_administrator(interaction: discord.Interaction) -> None:
    """Let nobody else in, whatever Discord shows them. Raises NotPermitted."""
    if not can_administer(interaction):
        raise NotPermitted("Only people who may manage this server can do that.")


def require_moderator(interaction: discord.Interaction) -> None:
    """Likewise, for those who moderate; in direct messages only the operator does.

    Raises NotPermitted.
    """
    if not (can_moderate(interaction) or can_administer(interaction)):
        raise NotPermitted("Only people who may manage messages in the whole server can do that.")


def require_operator(interaction: discord.Interaction) -> None:
    """Likewise, for what concerns every server. Raises NotPermitted."""
    if not is_operator(interaction):
        raise NotPermitted("Only the people who run this bot can do that.")


def requester_of(interaction: discord.Interaction) -> Requester:
    """The person behind an interaction, as the heart knows people."""
    user = interaction.user
    roles = frozenset(role.id for role in user.roles) if isinstance(user, discord.Member) else ()
    channel = interaction.channel
    parent = channel.parent_id if isinstance(channel, discord.Thread) else None
    return Requester(
        user_id=user.id,
        name=user.display_name,
        channel_id=interaction.channel_id or 0,
        guild_id=guild_of(interaction),
        role_ids=frozenset(roles),
        parent_channel_id=parent,
        is_channel_age_restricted=_is_age_restricted(channel),
        category_id=_category_of(channel),
        sees=partial(_sees, interaction),
    )


def _sees(interaction: discord.Interaction, channel_id: int, parent_id: int | None) -> bool:
    """Whether this person sees a channel, or a thread of the other one, as far as it is known.

    Of channels that are gone, and of servers that the bot is no member of, nothing is known.
    """
    guild, person = interaction.guild, interaction.user
    if channel_id == interaction.channel_id or guild is None or isinstance(person, discord.User):
        return True
    place = guild.get_channel_or_thread(channel_id)
    if place is not None and not isinstance(place, discord.Thread):
        return place.permissions_for(person).view_channel
    parent = guild.get_channel(parent_id or 0) if place is None else place.parent
    if parent is None:
        return True
    granted = parent.permissions_for(person)
    # An archived thread is not known any more: it may have been a private one.
    is_open = isinstance(parent, discord.ForumChannel) or (
        isinstance(place, discord.Thread) and not place.is_private()
    )
    return granted.view_channel and (is_open or granted.manage_threads)


def _category_of(channel: object) -> int | None:
    """What a channel, or a thread's channel, is sorted under, as far as it is known."""
    place = channel.parent if isinstance(channel, discord.Thread) else channel
    found = getattr(place, "category_id", None)
    return found if isinstance(found, int) else None


def _is_age_restricted(channel: object) -> bool:
    """Whether Discord shows the channel to adults alone; a thread is as its channel is."""
    shows_adults = getattr(channel, "is_nsfw", None)
    return bool(shows_adults and shows_adults())
