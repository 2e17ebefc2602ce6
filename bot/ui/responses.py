"""Private answers to what was acknowledged."""

from collections.abc import Sequence
from typing import Any

import discord
from discord import ui

THINKING = discord.InteractionResponseType.deferred_channel_message

_ANSWERED = "answered"


async def respond(
    interaction: discord.Interaction,
    content: str | None = None,
    *,
    embeds: Sequence[discord.Embed] = (),
    view: ui.View | None = None,
    files: Sequence[discord.File] = (),
) -> None:
    """Fill the place of "thinking…", or send one more message that nobody else sees; pings nobody.

    Of messages, Discord was seen to take 30 a minute for a whole channel, whoever asks; filling a
    place is none: https://github.com/discord/discord-api-docs/issues/3763. Raises what discord.py
    raises.
    """
    parts: dict[str, Any] = {"allowed_mentions": discord.AllowedMentions.none()}
    if content is not None:
        parts["content"] = content
    if embeds:
        parts["embeds"] = list(embeds)
    if view is not None:
        parts["view"] = view
    if interaction.response.type is THINKING and _ANSWERED not in interaction.extras:
        interaction.extras[_ANSWERED] = True
        await interaction.edit_original_response(**parts, attachments=list(files))
    else:
        await interaction.followup.send(**parts, files=list(files), ephemeral=True)
