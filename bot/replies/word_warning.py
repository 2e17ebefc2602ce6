"""Private warning to people whose prompt contains watched words."""

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
    """Send the warning for an accepted request, if it needs one. Never raises."""
    try:
        if await services_of(interaction).moderation.needs_warning(generation):
            await _wait_until_filled(interaction)
            await interaction.followup.send(
                _("Heads-up: moderators can see this request; its wording is watched."),
                ephemeral=True,
            )
    except (discord.HTTPException, ServiceUnavailable, *NETWORK_ERRORS) as error:
        _log.warning("Somebody could not be warned of a word: %s", type(error).__name__)


async def _wait_until_filled(interaction: discord.Interaction) -> None:
    """Wait until the deferred message is edited: a public follow-up would fill it."""
    original: discord.Message = await interaction.original_response()
    for _attempt in range(_LOOKS):
        if not original.flags.loading:
            return
        await asyncio.sleep(_PAUSE_S)
        original = await interaction.followup.fetch_message(original.id)
