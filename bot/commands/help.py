"""`/help`: how to use the bot."""

import discord
from discord import app_commands

from bot.i18n.language import _, mark
from bot.requester import requester_of
from bot.tree import SlashCommand
from bot.ui.limits import EMBED_FIELD_CHARACTERS
from bot.ui.text import harmless, lines_within
from generation.service import GenerationService

GUIDE = mark(
    """\
Type `/imagine` and say in `prompt` what the picture shows. That is all it needs.

**From a picture** · attach it as `image`; `strength` says how far to leave it behind.
**Inside a mask** · attach `image` and `mask`, white where it is to be painted anew.
**Only for you** · `private` · **Behind a click** · `spoiler`

`/queue` what waits and runs · `/cancel` end one of yours
`/history` what you made · `/show` a result once more · `/quota` what is left today
`/settings` your defaults · `/presets` options under a name

A failure costs nothing. The same `seed` with the same options makes the same picture.\
"""
)


def help_command(service: GenerationService) -> SlashCommand:
    """Build `/help` with its service."""

    @app_commands.command(name="help", description="How to make pictures here")
    async def show_help(interaction: discord.Interaction) -> None:
        embed = discord.Embed(
            title=_("Make pictures"), description=_(GUIDE), colour=discord.Colour.blurple()
        )
        usable = service.workflows(requester_of(interaction))
        lines = [f"`{workflow.name}` {harmless(_(workflow.title), 100)}" for workflow in usable]
        if lines:
            workflows = lines_within(lines, EMBED_FIELD_CHARACTERS)
            embed.add_field(name=_("Workflows"), value=workflows, inline=False)
        await interaction.response.send_message(embed=embed, ephemeral=True)

    return show_help
