"""`/help`: how to use the bot."""

import re
from collections.abc import Mapping

import discord
from discord import app_commands, ui

from bot.commands.workflows import kind_name
from bot.i18n.language import _, mark
from bot.requester import requester_of
from bot.tree import CommandTree, SlashCommand
from bot.ui.layout import panel, small
from bot.ui.text import harmless
from generation.service import GenerationService

MAKEABLE_CHARACTERS = 600

SECTIONS = (
    mark("**Make a picture**\nType `/imagine` and describe what you want to see."),
    mark(
        "**Start from a picture**\nAdd it as `image`. `strength` says how much changes. With a "
        "`mask`, only its white areas are repainted."
    ),
    mark(
        "**Go on from a result**\nU makes a picture larger, V varies it, 🔁 tries again, "
        "⋯ has the rest."
    ),
    mark("**Keep track**\n`/queue` · `/cancel` · `/history` · `/show` · `/quota`"),
    mark("**Make it yours**\n`/settings` · `/presets list` · `/mydata export`"),
    mark("**Keep it to yourself**\nTurn on `private` or `spoiler`."),
)
"""Sections of the guide; a command in it is shown as a link that opens it."""

_COMMAND = re.compile(r"`/([a-z ]+)`")


def help_command(service: GenerationService) -> SlashCommand:
    """Build `/help` with its service."""

    @app_commands.command(name="help", description="How to make pictures here")
    async def show_help(interaction: discord.Interaction) -> None:
        kinds = dict.fromkeys(
            kind_name(workflow.kind) for workflow in service.workflows(requester_of(interaction))
        )
        view = build_help(kinds, _ids(interaction))
        await interaction.response.send_message(view=view, ephemeral=True)

    return show_help


def build_help(kinds: Mapping[str, None], command_ids: Mapping[str, int]) -> ui.LayoutView:
    """The guide, with what can be made here, and links for the commands whose ids are known."""
    made = harmless(" · ".join(kinds), MAKEABLE_CHARACTERS)
    lines = [link_commands(_(section), command_ids) for section in SECTIONS]
    if made:
        lines.append(_("**You can make**\n{kinds}", kinds=made))
    lines.append(small(_("Failed requests cost nothing. Same seed, same options: same picture.")))
    return panel(_("Make pictures"), lines)


def link_commands(text: str, command_ids: Mapping[str, int]) -> str:
    """Turn `/command` in a text into a link that opens the command."""

    def link(match: re.Match[str]) -> str:
        command_id = command_ids.get(match[1].partition(" ")[0])
        return f"</{match[1]}:{command_id}>" if command_id else match[0]

    return _COMMAND.sub(link, text)


def _ids(interaction: discord.Interaction) -> Mapping[str, int]:
    tree = getattr(interaction.client, "tree", None)
    return tree.command_ids if isinstance(tree, CommandTree) else {}
