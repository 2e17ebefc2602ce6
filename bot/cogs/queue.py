"""`/queue` and `/cancel`: what waits and runs, and an end to one's own."""

import asyncio
import logging

import discord
from discord import app_commands

from bot.buttons import cancel as cancel_generation
from bot.buttons import queue_view
from bot.embeds import DESCRIPTION_CHARACTERS
from bot.options import Choices, matching
from bot.people import can_moderate
from bot.text import harmless, lines_within, ordinal, relative, visible
from bot.tree import SlashCommand
from generation.acceptance import normalise_id
from generation.board import QueueEntry
from generation.errors import GenerationError
from generation.record import Generation
from generation.service import GenerationService

LISTED = 15
"""Entries that a message lists, each with its button; the rest is counted."""

LISTED_PROMPT_CHARACTERS = 60

CHOICES_TIMEOUT_S = 2.0
"""Choices cannot be deferred, and after three seconds nobody waits for them any more."""

_log = logging.getLogger(__name__)


def queue_command(service: GenerationService) -> SlashCommand:
    """`/queue`, bound to a service."""

    @app_commands.command(description="See what waits and runs, your own first")
    async def queue(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        entries = await service.line(interaction.guild_id)
        own = [one for one in entries if one.generation.user_id == interaction.user.id]
        others = [one for one in entries if one.generation.user_id != interaction.user.id]
        moderates = can_moderate(interaction)
        shown = [*own, *(others if moderates else ())][:LISTED]
        lines = [_line(one, names_people=moderates) for one in shown]
        hidden = len(entries) - len(shown)
        if hidden:
            whose = "more" if moderates or len(own) > len(shown) else "of other people"
            lines.insert(0, f"{hidden} {whose}, not shown here.")
        embed = discord.Embed(
            title="The line",
            description=lines_within(lines, DESCRIPTION_CHARACTERS)
            or "Nothing waits and nothing runs.",
            colour=discord.Colour.blurple(),
        )
        view = queue_view([one.generation for one in shown])
        await interaction.followup.send(embed=embed, view=view, ephemeral=True)

    return queue


def cancel_command(service: GenerationService) -> SlashCommand:
    """`/cancel`, bound to a service."""

    @app_commands.command(description="Cancel something that you asked for")
    @app_commands.describe(generation="Its id, as the message shows it")
    async def cancel(interaction: discord.Interaction, generation: str) -> None:
        # What is typed may be a whole choice's label: the id comes first in it.
        wanted = normalise_id(generation.partition("·")[0])
        await cancel_generation(interaction, service, wanted)

    @cancel.autocomplete("generation")
    async def complete(interaction: discord.Interaction, typed: str) -> Choices:
        try:
            async with asyncio.timeout(CHOICES_TIMEOUT_S):
                unfinished = await service.unfinished(interaction.user.id)
        except (TimeoutError, GenerationError) as error:
            _log.warning("No choices for /cancel just now: %s", error or "the records are slow")
            return []
        return matching(((_label(one), one.id) for one in unfinished), typed)

    return cancel


def _label(generation: Generation) -> str:
    """Plain text, where nothing needs to be escaped."""
    prompt = " ".join(visible(generation.prompt).split()) or generation.workflow
    return f"{generation.id} · {prompt}"


def _line(entry: QueueEntry, *, names_people: bool) -> str:
    generation = entry.generation
    prompt = harmless(generation.prompt, LISTED_PROMPT_CHARACTERS) or generation.workflow
    parts = [f"`{generation.id}` **{prompt}**"]
    if names_people:
        parts.append(f"<@{generation.user_id}>")
    if entry.position == 0:
        parts.append("running")
    else:
        parts.append(f"{ordinal(entry.position)} of {entry.length}")
        if entry.starts_at is not None:
            parts.append(f"starts {relative(entry.starts_at)}")
    return " · ".join(parts)
