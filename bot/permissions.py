"""Permissions of the interacting user, from what Discord says of this very interaction."""

import logging

import discord

from bot.i18n.language import speak
from bot.network import NETWORK_ERRORS
from generation.errors import FailureKind, NotPermitted, RequestRefused

_log = logging.getLogger(__name__)


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
    return _granted(interaction).manage_messages or can_administer(interaction)


def _granted(interaction: discord.Interaction) -> discord.Permissions:
    """What Discord grants this person in the whole server; nothing where it is not known."""
    guild, person = interaction.guild, interaction.user
    if guild is None or guild.default_role is None or not isinstance(person, discord.Member):
        return discord.Permissions.none()
    return person.guild_permissions


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
    """Whether this person may manage this server; in direct messages only the operator may.

    As with `can_moderate`, what is granted in one channel alone does not count.
    """
    if is_operator(interaction):
        return True
    if guild_of(interaction) is None:
        return False
    return _owns(interaction, interaction.user) or _manages(_granted(interaction))


def _owns(interaction: discord.Interaction, person: discord.abc.User) -> bool:
    return interaction.guild is not None and interaction.guild.owner_id == person.id


def _manages(granted: discord.Permissions) -> bool:
    return granted.administrator or granted.manage_guild


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


async def require_may_block(interaction: discord.Interaction, user_id: int) -> None:
    """Let moderators block nobody who stands above them, as far as Discord tells.

    Those are the server's owner, whoever may manage it, unless it is one of them who blocks, and
    members with a higher role. Raises RequestRefused.
    """
    if user_id == interaction.user.id:
        raise RequestRefused(
            FailureKind.INVALID_OPTION, "You cannot block yourself: choose somebody else."
        )
    guild, moderator = interaction.guild, interaction.user
    if guild_of(interaction) is None or guild is None or _owns(interaction, moderator):
        return
    member = await _find_member(guild, user_id)
    is_above = guild.owner_id == user_id
    if member is not None and isinstance(moderator, discord.Member):
        manages = _manages(member.guild_permissions)
        is_above |= manages and not can_administer(interaction)
        is_above |= member.top_role > moderator.top_role
    if is_above:
        raise RequestRefused(
            FailureKind.INVALID_OPTION,
            "This person stands above you in this server, so you cannot block them.",
        )


async def _find_member(guild: discord.Guild, user_id: int) -> discord.Member | None:
    """Whoever it is in this guild; None for those who are not in it, or while nobody can tell."""
    if guild.default_role is None:
        return None
    try:
        return guild.get_member(user_id) or await guild.fetch_member(user_id)
    except discord.NotFound:
        return None
    except (discord.HTTPException, *NETWORK_ERRORS) as error:
        _log.warning("Member %s of %s cannot be looked up: %s", user_id, guild.id, error)
        return None


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
