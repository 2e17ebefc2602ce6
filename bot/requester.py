"""Conversion of an interaction's user and channel into values of the core."""

from functools import partial

import discord

from bot.permissions import guild_of
from bot.services import services_of
from generation.record import Generation
from generation.request import Actor, Requester


def actor_of(interaction: discord.Interaction) -> Actor:
    """Return who acts, and in which guild."""
    return Actor(interaction.user.id, guild_of(interaction))


def requester_of(interaction: discord.Interaction) -> Requester:
    """Build the Requester of an interaction."""
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
        is_channel_age_restricted=is_age_restricted(channel),
        category_id=_category_of(channel),
        sees=partial(_sees, interaction),
    )


async def find_visible(interaction: discord.Interaction, generation_id: str) -> Generation:
    """Find what the interacting person may see. Raises as `Derivations.find_visible` does."""
    derivations = services_of(interaction).derivations
    return await derivations.find_visible(generation_id, requester_of(interaction))


def _sees(interaction: discord.Interaction, channel_id: int, parent_id: int | None) -> bool:
    """Return whether this person can view a channel, or a thread of the channel `parent_id`.

    True for deleted channels and for guilds that the bot is not in, of which nothing is known.
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
    # Archived threads are not cached, so one that is not found may be private.
    is_open = isinstance(parent, discord.ForumChannel) or (
        isinstance(place, discord.Thread) and not place.is_private()
    )
    return granted.view_channel and (is_open or granted.manage_threads)


def _category_of(channel: object) -> int | None:
    """Return the category of a channel, or of a thread's channel, if it is known."""
    place = channel.parent if isinstance(channel, discord.Thread) else channel
    category_id = getattr(place, "category_id", None)
    return category_id if isinstance(category_id, int) else None


def is_age_restricted(channel: object) -> bool:
    """Return whether Discord shows this channel to adults only, by itself or its server.

    A thread inherits it from its channel. Direct messages are not age-restricted.
    """
    level = getattr(getattr(channel, "guild", None), "nsfw_level", None)
    if level in (discord.NSFWLevel.age_restricted, discord.NSFWLevel.explicit):
        return True
    shows_adults = getattr(channel, "is_nsfw", None)
    return bool(shows_adults and shows_adults())
