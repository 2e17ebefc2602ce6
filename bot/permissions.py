"""Permissions of the interacting user."""

import logging

import discord

from bot.i18n.language import _, speak
from bot.network import NETWORK_ERRORS
from generation.errors import InvalidOption, NotAllowedHere, NotPermitted

_log = logging.getLogger(__name__)


def guild_of(interaction: discord.Interaction) -> int | None:
    """Return the guild of the interaction, if the bot is installed there.

    None for a user-installed app, as in direct messages: the limits, moderators and history of a
    guild that has not invited the bot do not apply.
    """
    is_own = interaction.is_user_integration() and not interaction.is_guild_integration()
    return None if is_own else interaction.guild_id


def can_moderate(interaction: discord.Interaction) -> bool:
    """Return whether this person may manage messages server-wide, or the server.

    Channel overwrites do not count, because moderators decide on results of the whole server;
    `Interaction.permissions` includes them and is therefore not used. False in direct messages.
    """
    if guild_of(interaction) is None:
        return False
    return _granted(interaction).manage_messages or can_administer(interaction)


def _granted(interaction: discord.Interaction) -> discord.Permissions:
    """Return the person's guild-wide permissions; none if the guild's roles are unknown."""
    guild, person = interaction.guild, interaction.user
    if guild is None or guild.default_role is None or not isinstance(person, discord.Member):
        return discord.Permissions.none()
    return person.guild_permissions


def is_operator(interaction: discord.Interaction) -> bool:
    """Return whether this person runs the bot: its owner, or a member of the owning team."""
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
    """Return whether this person may manage this server; in DMs only the operator may.

    As with `can_moderate`, channel overwrites do not count.
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
    """Require an administrator, independent of command permissions. Raises NotPermitted."""
    if not can_administer(interaction):
        raise NotPermitted("You need Manage Server to do that.")


def can_change_workflows(interaction: discord.Interaction) -> bool:
    """Return whether this person may change the workflows, which all guilds share.

    Where the bot is in several guilds, only operators may.
    """
    if is_operator(interaction):
        return True
    return can_administer(interaction) and _is_in_one_server(interaction.client)


def _is_in_one_server(client: discord.Client) -> bool:
    """Return whether the bot is in a single guild; False with several shard processes."""
    connected = getattr(client, "shard_ids", None)
    has_all_shards = connected is None or len(connected) >= (client.shard_count or 1)
    return has_all_shards and client.is_ready() and len(client.guilds) <= 1


def require_moderator(interaction: discord.Interaction) -> None:
    """Require a moderator; in direct messages, an operator.

    Raises NotPermitted.
    """
    if not (can_moderate(interaction) or can_administer(interaction)):
        raise NotPermitted("You need Manage Messages in the whole server to do that.")


def require_operator(interaction: discord.Interaction) -> None:
    """Require an operator, for actions that concern every guild. Raises NotPermitted."""
    if not is_operator(interaction):
        raise NotPermitted("Only the people who run this bot can do that.")


def require_can_post(channel: discord.TextChannel) -> None:
    """Require permission to post pictures in the channel. Raises RequestRefused."""
    granted = channel.permissions_for(channel.guild.me)
    needed = {
        _("View Channel"): granted.view_channel,
        _("Send Messages"): granted.send_messages,
        _("Embed Links"): granted.embed_links,
        _("Attach Files"): granted.attach_files,
    }
    missing = [name for name, is_granted in needed.items() if not is_granted]
    if missing:
        raise InvalidOption(
            "I'm missing permissions in {channel}: {missing}. Grant them, then try again.",
            {"channel": f"#{channel.name}", "missing": ", ".join(missing)},
        )


async def require_may_block(interaction: discord.Interaction, user_id: int) -> None:
    """Require that the target does not rank above the moderator. Raises RequestRefused.

    Ranking above are the guild's owner, members with a higher top role, and, for moderators who
    may not manage the guild, everybody who may. A member who cannot be fetched counts as below.
    """
    if user_id == interaction.user.id:
        raise InvalidOption("You can't block yourself.")
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
        raise InvalidOption("You can't block someone with a higher role.")


async def _find_member(guild: discord.Guild, user_id: int) -> discord.Member | None:
    """Return a member, cached or over REST; None if absent or Discord is unreachable."""
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
    """Require a served guild. Raises RequestRefused.

    Also sets the current language to that of the person's client, as the first step of every
    command, button and modal.
    """
    speak(str(interaction.locale))
    served: frozenset[int] = getattr(interaction.client, "served_guilds", frozenset())
    if served and interaction.guild_id is not None and interaction.guild_id not in served:
        raise NotAllowedHere("This bot isn't set up for this server. Ask the people who run it.")
