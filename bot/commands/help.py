"""`/help`: how to use the bot."""

import re
from collections.abc import Mapping, Sequence

import discord
from discord import app_commands, ui

from bot.commands.workflows import sort_kinds
from bot.i18n.language import _, mark
from bot.replies.submission import CommandInput, submit
from bot.requester import requester_of
from bot.services import services_of
from bot.tree import CommandTree
from bot.ui.components import PersistentItem
from bot.ui.layout import panel, row, text
from bot.ui.modals import ModalInput, handles_modal, open_modal, prompt_field
from bot.ui.text import harmless

TRY_FORM = "h:try"

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
"""Sections of the guide; commands in them are shown as links."""

_COMMAND = re.compile(r"`/([a-z ]+)`")


class TryButton(PersistentItem, template=r"help:try"):
    """Asks for a prompt."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        prompt = prompt_field(placeholder=_("a fox in the snow under a red sunset"))
        await open_modal(interaction, TRY_FORM, _("Make a picture"), prompt)


@handles_modal(TRY_FORM)
async def _take_try(interaction: discord.Interaction, answer: ModalInput) -> None:
    await submit(interaction, CommandInput(answer.texts.get("prompt", "")))


@app_commands.command(name="help", description="How to make pictures here")
async def help_command(interaction: discord.Interaction) -> None:
    workflows = services_of(interaction).generations.workflows(requester_of(interaction))
    kinds = sort_kinds({workflow.kind for workflow in workflows})
    view = build_help(kinds, ids_of(interaction))
    await interaction.response.send_message(view=view, ephemeral=True)


def build_help(kinds: Sequence[str], command_ids: Mapping[str, int]) -> ui.LayoutView:
    """Build the guide, with available kinds of results and links for commands with known ids."""
    made = harmless(" · ".join(kinds), MAKEABLE_CHARACTERS)
    sections = [link_commands(_(section), command_ids) for section in SECTIONS]
    if made:
        sections.append(_("**You can make**\n{kinds}", kinds=made))
    note = _("Failed requests cost nothing. Same seed, same options: same picture.")
    style = discord.ButtonStyle.primary
    buttons = row(ui.Button(label=_("Try it"), style=style, custom_id="help:try"))
    return panel(_("Make pictures"), (), *map(text, sections), footer=note, rows=[buttons])


def link_commands(text: str, command_ids: Mapping[str, int]) -> str:
    """Turn `/command` in a text into a link that opens the command."""

    def link(match: re.Match[str]) -> str:
        command_id = command_ids.get(match[1].partition(" ")[0])
        return f"</{match[1]}:{command_id}>" if command_id else match[0]

    return _COMMAND.sub(link, text)


def ids_of(interaction: discord.Interaction) -> Mapping[str, int]:
    """Return the known ids of registered commands by name."""
    tree = getattr(interaction.client, "tree", None)
    return tree.command_ids if isinstance(tree, CommandTree) else {}
