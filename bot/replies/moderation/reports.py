"""The modal that reports a result to the moderators."""

import discord

from bot.i18n.language import _
from bot.permissions import guild_of
from bot.requester import find_visible, requester_of
from bot.services import services_of
from bot.ui.modals import (
    GENERATION_ID,
    ModalInput,
    handles_modal,
    open_modal,
    radio_field,
    text_field,
)
from bot.ui.reasons import OTHER, join_reason, reason_names
from bot.ui.responses import acknowledge, before_deadline, respond
from generation.errors import NotAllowedHere
from generation.moderation.review import MAX_REPORT_CHARACTERS
from generation.record import Generation

DETAILS_CHARACTERS = MAX_REPORT_CHARACTERS - 20
"""Characters of the person's own words; the kind of report stands before them."""


async def open_report(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """Open the modal for a result that the person can see."""
    generation = await before_deadline(interaction, find_visible(interaction, generation_id))
    await ask_for_report(interaction, generation)


async def ask_for_report(interaction: discord.Interaction, generation: Generation) -> None:
    """Open the modal for a generation already loaded. Raises RequestRefused."""
    if generation.guild_id is None or generation.guild_id != guild_of(interaction):
        raise NotAllowedHere("There are no moderators here. Delete it instead.")
    kind = radio_field("kind", _("What is wrong with it?"), reason_names())
    reason = text_field("reason", _("Details (optional)"), long=True, longest=DETAILS_CHARACTERS)
    await open_modal(interaction, f"r:{generation.id}:report", _("Report"), kind, reason)


@handles_modal(rf"r:{GENERATION_ID}:report")
async def _take_report(interaction: discord.Interaction, answer: ModalInput) -> None:
    await acknowledge(interaction)
    reason = join_reason(answer.texts.get("kind", ""), answer.texts.get("reason", "")) or OTHER
    reviews = services_of(interaction).reviews
    await reviews.report(answer.match["id"], requester_of(interaction), reason)
    await respond(interaction, _("Thanks. The moderators will take a look."))
