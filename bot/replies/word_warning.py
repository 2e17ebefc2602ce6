"""Tells people in private that moderators watch for words as they wrote them."""

import asyncio
import logging

import discord

from bot.i18n.language import _
from bot.network import NETWORK_ERRORS
from bot.services import services_of
from generation.errors import ServiceUnavailable
from generation.record import Generation

_LOOKS = 10
_PAUSE_S = 1.0

_log = logging.getLogger(__name__)


async def warn(interaction: discord.Interaction, generation: Generation) -> None:
    """Follow up on an accepted request, if anything in it asks for that. Never raises."""
    try:
        if await services_of(interaction).moderation.asks_for_warning(generation.id):
            await _wait_until_filled(interaction)
            await interaction.followup.send(
                _(
                    "Moderators of this place watch for words such as yours, and see this "
                    "request. It is made all the same; please mind the rules here."
                ),
                ephemeral=True,
            )
    except (discord.HTTPException, ServiceUnavailable, *NETWORK_ERRORS) as error:
        _log.warning("Somebody could not be warned of a word: %s", type(error).__name__)


async def _wait_until_filled(interaction: discord.Interaction) -> None:
    """A follow-up would fill the message that waits, and be seen by whoever sees that."""
    original: discord.Message = await interaction.original_response()
    for _attempt in range(_LOOKS):
        if not original.flags.loading:
            return
        await asyncio.sleep(_PAUSE_S)
        original = await interaction.followup.fetch_message(original.id)
