"""Permissions of the interacting user, from what Discord says of this very interaction."""

import discord

from bot.i18n.language import speak
from generation.errors import FailureKind, NotPermitted, RequestRefused


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


def require_served(interaction: discord.Interaction) -> None:
    """The gate for commands and buttons. Raises RequestRefused in guilds that are not served.

    From here on, whoever acted is spoken to in the language of their Discord.
    """
    speak(str(interaction.locale))
    served: frozenset[int] = getattr(interaction.client, "served_guilds", frozenset())
    if served and interaction.guild_id is not None and interaction.guild_id not in served:
        raise RequestRefused(
            FailureKind.NOT_ALLOWED_HERE,
            "This bot does not serve this server. Ask the people who run it.",
        )
