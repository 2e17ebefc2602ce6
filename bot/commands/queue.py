"""`/queue` and `/cancel`: list waiting and running requests, and cancel them."""

from datetime import UTC, datetime

import discord
from discord import app_commands

from bot.commands.choices import in_time
from bot.i18n.language import _
from bot.permissions import can_moderate
from bot.replies.buttons import cancel as cancel_generation
from bot.replies.buttons import queue_view
from bot.tree import SlashCommand
from bot.ui.embeds import choice_label, waiting_parts
from bot.ui.limits import EMBED_DESCRIPTION_CHARACTERS
from bot.ui.options import Choices, matching
from bot.ui.responses import acknowledged, respond
from bot.ui.text import clock_time, harmless, lines_within
from generation.events import Waiting
from generation.ids import normalise_id
from generation.line.positions import LineView
from generation.service import GenerationService

LISTED = 15
"""Entries listed in a message, each with a Cancel button; the rest is only counted."""

LISTED_PROMPT_CHARACTERS = 60


def queue_command(service: GenerationService) -> SlashCommand:
    """Build `/queue` with its service."""

    @app_commands.command(description="See what waits and runs, your own first")
    async def queue(interaction: discord.Interaction) -> None:
        actor, moderates = await acknowledged(interaction), can_moderate(interaction)
        view = await service.line(actor.guild_id, actor.user_id, sees_all=moderates, limit=LISTED)
        lines = [_line(entry, names_people=moderates) for entry in view.entries]
        if view.hidden:
            lines.insert(0, _hidden(view, moderates=moderates))
        embed = discord.Embed(
            title=_("The line"),
            description=lines_within(lines, EMBED_DESCRIPTION_CHARACTERS)
            or _("Nothing waits and nothing runs."),
            colour=discord.Colour.blurple(),
        )
        buttons = queue_view([entry.generation for entry in view.entries])
        await respond(interaction, embeds=[embed], view=buttons)

    return queue


def cancel_command(service: GenerationService) -> SlashCommand:
    """Build `/cancel` with its service."""

    @app_commands.command(description="Cancel something that you asked for")
    @app_commands.describe(generation="Its id, as the message shows it")
    async def cancel(interaction: discord.Interaction, generation: str) -> None:
        # A person may send the whole label of a choice as text; it begins with the id.
        generation_id = normalise_id(generation.partition("·")[0])
        await cancel_generation(interaction, service, generation_id)

    @cancel.autocomplete("generation")
    async def complete(interaction: discord.Interaction, typed: str) -> Choices:
        unfinished = await in_time(interaction, service.unfinished(interaction.user.id)) or ()
        return matching(
            ((choice_label(generation), generation.id) for generation in unfinished), typed
        )

    return cancel


def _line(entry: Waiting, *, names_people: bool) -> str:
    generation = entry.generation
    prompt = harmless(generation.prompt, LISTED_PROMPT_CHARACTERS) or generation.workflow
    parts = [f"`{generation.id}` **{prompt}**"]
    if names_people:
        parts.append(f"<@{generation.user_id}>")
    if entry.is_paused or entry.position:
        # A clock time: nobody updates this message, and a countdown would go on into the past.
        parts += waiting_parts(entry, datetime.now(UTC), clock_time)
    else:
        parts.append(_("running"))
    return " · ".join(parts)


def _hidden(view: LineView, *, moderates: bool) -> str:
    if moderates or view.hides_own:
        return _("{count} more, not shown here.", count=view.hidden)
    return _("{count} of other people, not shown here.", count=view.hidden)
