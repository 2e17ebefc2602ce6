"""`/quota`: what is left, and when more comes."""

import discord
from discord import app_commands

from bot.people import requester_of
from bot.text import relative
from bot.tree import SlashCommand
from generation.service import GenerationService


def quota_command(service: GenerationService) -> SlashCommand:
    """`/quota`, bound to a service."""

    @app_commands.command(description="See what is left for you today, and when more comes")
    async def quota(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        status = await service.quota(requester_of(interaction))
        embed = discord.Embed(title="Your quota", colour=discord.Colour.blurple())
        left = f"**{status.left}** of {status.limit} pictures left"
        embed.add_field(name="Today", value=f"{left}\nmore {relative(status.resets_at)}")
        embed.add_field(name="Running", value=f"{status.running} of {status.max_running}")
        embed.add_field(name="Waiting", value=f"{status.waiting} of {status.max_waiting}")
        if status.next_request_at is not None:
            embed.add_field(name="Next request", value=relative(status.next_request_at))
        await interaction.followup.send(embed=embed, ephemeral=True)

    return quota
