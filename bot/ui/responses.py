"""Acknowledging interactions, and private responses to those that are acknowledged."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import discord
from discord import ui

from generation.errors import ServiceUnavailable

LOOKUP_S = 1.5
"""Of the three seconds that Discord gives for a first answer."""

THINKING = discord.InteractionResponseType.deferred_channel_message

_ANSWERED = "answered"
_IN_PUBLIC = "waits in public"

T = TypeVar("T")


async def acknowledge(
    interaction: discord.Interaction, *, private: bool
) -> discord.InteractionCallbackResponse[discord.Client] | None:
    """Show "thinking…" in place of the response that follows. Raises what discord.py raises."""
    callback = await interaction.response.defer(ephemeral=private, thinking=True)
    interaction.extras[_IN_PUBLIC] = not private
    return callback


def waits_in_public(interaction: discord.Interaction) -> bool:
    """Whether everybody sees that its response is awaited."""
    return bool(interaction.extras.get(_IN_PUBLIC))


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


async def soon(awaited: Awaitable[T]) -> T:
    """The result while there is still time to answer. Raises ServiceUnavailable."""
    try:
        async with asyncio.timeout(LOOKUP_S):
            return await awaited
    except TimeoutError as error:
        raise ServiceUnavailable("The records are slow just now. Try again in a minute.") from error
