"""`/help`: how to use the bot."""

import re
from collections.abc import Mapping, Sequence

import discord
from discord import app_commands, ui

from bot.commands.workflows import sort_kinds
from bot.i18n.language import _, mark
from bot.requester import requester_of
from bot.tree import CommandTree, SlashCommand
from bot.ui.layout import panel, text
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
        workflows = service.workflows(requester_of(interaction))
        kinds = sort_kinds({workflow.kind for workflow in workflows})
        view = build_help(kinds, ids_of(interaction))
        await interaction.response.send_message(view=view, ephemeral=True)

    return show_help


def build_help(kinds: Sequence[str], command_ids: Mapping[str, int]) -> ui.LayoutView:
    """The guide, with what can be made here, and links for the commands whose ids are known."""
    made = harmless(" · ".join(kinds), MAKEABLE_CHARACTERS)
    sections = [link_commands(_(section), command_ids) for section in SECTIONS]
    if made:
        sections.append(_("**You can make**\n{kinds}", kinds=made))
    note = _("Failed requests cost nothing. Same seed, same options: same picture.")
    return panel(_("Make pictures"), (), *map(text, sections), footer=note)


def link_commands(text: str, command_ids: Mapping[str, int]) -> str:
    """Turn `/command` in a text into a link that opens the command."""

    def link(match: re.Match[str]) -> str:
        command_id = command_ids.get(match[1].partition(" ")[0])
        return f"</{match[1]}:{command_id}>" if command_id else match[0]

    return _COMMAND.sub(link, text)


def ids_of(interaction: discord.Interaction) -> Mapping[str, int]:
    """Ids of the registered commands by name, as far as they are known."""
    tree = getattr(interaction.client, "tree", None)
    return tree.command_ids if isinstance(tree, CommandTree) else {}
