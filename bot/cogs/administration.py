"""`/limner`: what the people who manage a server set and ask.

Discord shows the group to those with Manage Server; the gate in `bot.tree` decides who gets in.
"""

import discord
from discord import app_commands

from bot.language import _
from bot.people import guild_of
from generation.administration import Administration


def administration_group(administration: Administration) -> app_commands.Group:
    """`/limner`, bound to its services."""
    group = app_commands.Group(
        name="limner",
        description="Set up this bot for your server",
        default_permissions=discord.Permissions(manage_guild=True),
    )

    @group.command(description="Let nothing new start here: what was asked for waits")
    async def pause(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        changed = await administration.pause(guild_of(interaction), actor_id=interaction.user.id)
        text = _("Paused. What waits here keeps its place, and what runs is finished.")
        if not changed:
            text = _("It is paused already.")
        await interaction.followup.send(text, ephemeral=True)

    @group.command(description="Let the line go on after a pause")
    async def resume(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        changed = await administration.resume(guild_of(interaction), actor_id=interaction.user.id)
        text = _("Resumed: the line goes on.") if changed else _("It was not paused.")
        await interaction.followup.send(text, ephemeral=True)

    @group.command(description="See how things stand here")
    async def status(interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await administration.status(guild_of(interaction))
        embed = discord.Embed(title=_("Status"), colour=discord.Colour.blurple())
        line = _("paused: nothing new starts") if found.is_paused else _("open")
        embed.add_field(name=_("Line"), value=line)
        embed.add_field(name=_("Running"), value=str(found.running))
        embed.add_field(name=_("Waiting"), value=str(found.waiting))
        embed.add_field(name=_("Clock"), value=found.timezone)
        await interaction.followup.send(embed=embed, ephemeral=True)

    return group
