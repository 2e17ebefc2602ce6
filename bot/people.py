"""Who presses and asks, decided from what Discord says of this very interaction."""

import discord

from generation.request import Requester


def can_moderate(interaction: discord.Interaction) -> bool:
    """Whether this person may manage messages in this channel; nobody does in direct messages."""
    return interaction.guild_id is not None and interaction.permissions.manage_messages


def requester_of(interaction: discord.Interaction) -> Requester:
    """The person behind an interaction, as the heart knows people."""
    user = interaction.user
    roles = frozenset(role.id for role in user.roles) if isinstance(user, discord.Member) else ()
    return Requester(
        user_id=user.id,
        name=user.display_name,
        channel_id=interaction.channel_id or 0,
        guild_id=interaction.guild_id,
        role_ids=frozenset(roles),
        is_moderator=can_moderate(interaction),
    )
