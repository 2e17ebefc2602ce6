"""`/queue` and `/cancel`: what waits and runs, and an end to one's own."""

import discord
from discord import app_commands

from bot.buttons import queue_view
from bot.cogs.imagine import Choices, matching
from bot.people import can_moderate
from bot.text import harmless, ordinal, relative
from bot.tree import SlashCommand
from generation.board import QueueEntry
from generation.service import GenerationService

LISTED = 15
"""Entries of others that a message lists; the rest is counted."""


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
            lines.append(
                f"{hidden} more of other people." if lines else f"{hidden} of other people."
            )
        embed = discord.Embed(
            title="The line",
            description="\n".join(lines) or "Nothing waits and nothing runs.",
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
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await service.cancel(
            generation.strip().lower(),
            user_id=interaction.user.id,
            is_moderator=can_moderate(interaction),
        )
        ended = found.state.is_final
        text = "It had ended already." if ended else f"Cancelling `{found.id}`."
        await interaction.followup.send(text, ephemeral=True)

    @cancel.autocomplete("generation")
    async def complete(interaction: discord.Interaction, typed: str) -> Choices:
        unfinished = await service.unfinished(interaction.user.id)
        named = ((f"{one.id} · {one.prompt}"[:100], one.id) for one in unfinished)
        return matching(named, typed)

    return cancel


def _line(entry: QueueEntry, *, names_people: bool) -> str:
    generation = entry.generation
    parts = [f"`{generation.id}` **{harmless(generation.prompt, 60) or generation.workflow}**"]
    if names_people:
        parts.append(f"<@{generation.user_id}>")
    if entry.position == 0:
        parts.append("running")
    else:
        parts.append(f"about {ordinal(entry.position)} of {entry.length}")
        if entry.starts_at is not None:
            parts.append(f"starts {relative(entry.starts_at)}")
    return " · ".join(parts)
