"""`/workflows`: list the workflows that can be used here."""

import re
from collections.abc import Sequence
from typing import Self

import discord
from discord import app_commands, ui

from bot.i18n.language import _
from bot.permissions import can_administer
from bot.requester import requester_of
from bot.services import services_of
from bot.tree import SlashCommand
from bot.ui.components import PersistentItem
from bot.ui.limits import EMBED_DESCRIPTION_CHARACTERS, EMBED_FIELD_CHARACTERS
from bot.ui.text import harmless, lines_within
from generation.library.library import Library
from generation.library.models import WantedModel

_LINKABLE = re.compile(r"https?://[^\s()<>]{1,400}")
"""Addresses that Markdown takes as they are."""

PAGE = 10
"""Workflows per page, at two lines each."""


class WorkflowsButton(PersistentItem[ui.Button[ui.View]], template=r"w:page:(?P<page>[0-9]{1,4})"):
    """Persistent page button of `/workflows`."""

    def __init__(self, page: int, label: str = "…", *, disabled: bool = False) -> None:
        self.page = page
        super().__init__(
            ui.Button(
                label=label,
                style=discord.ButtonStyle.secondary,
                custom_id=f"w:page:{page}",
                disabled=disabled,
            )
        )

    @classmethod
    def read(cls, match: re.Match[str], /) -> Self:
        """Parse the page from the custom id."""
        return cls(int(match["page"]))

    async def answer(self, interaction: discord.Interaction, /) -> None:
        """Show the page in the same message."""
        embed, view = _page(interaction, services_of(interaction).library, self.page)
        await interaction.response.edit_message(embed=embed, view=view)


def workflows_command(library: Library) -> SlashCommand:
    """Build `/workflows` with its service."""

    @app_commands.command(description="See what can be made here; only you see the answer")
    async def workflows(interaction: discord.Interaction) -> None:
        embed, view = _page(interaction, library, 0)
        await interaction.response.send_message(embed=embed, view=view, ephemeral=True)

    return workflows


def _page(
    interaction: discord.Interaction, library: Library, page: int
) -> tuple[discord.Embed, ui.View]:
    workflows = library.offered_to(requester_of(interaction))
    pages = max(1, -(-len(workflows) // PAGE))
    page = min(page, pages - 1)
    lines = []
    for workflow in workflows[page * PAGE : (page + 1) * PAGE]:
        command = f" · /{workflow.command}" if workflow.command else ""
        lines.append(f"**{harmless(_(workflow.title), 100)}** `{workflow.name}`{command}")
        if workflow.description:
            lines.append(harmless(_(workflow.description), 200))
    embed = discord.Embed(
        title=_("What can be made here"),
        description=lines_within(lines, EMBED_DESCRIPTION_CHARACTERS) or _("Nothing yet."),
        colour=discord.Colour.blurple(),
    )
    embed.set_footer(text=_("Page {page} of {pages}", page=page + 1, pages=pages))
    if can_administer(interaction) and (missing := library.missing_models()):
        embed.add_field(name=_("Missing models"), value=_list_missing(missing), inline=False)
    view = ui.View(timeout=None)
    if pages > 1:
        view.add_item(WorkflowsButton(max(page - 1, 0), _("Back"), disabled=page == 0))
        view.add_item(WorkflowsButton(page + 1, _("Next"), disabled=page == pages - 1))
    return embed, view


def _list_missing(missing: Sequence[WantedModel]) -> str:
    """The files that no backend has, as links where it is known where to get them."""
    return lines_within([_link(model) for model in missing], EMBED_FIELD_CHARACTERS)


def _link(model: WantedModel) -> str:
    name = harmless(model.name, 100)
    is_known = model.source is not None and _LINKABLE.fullmatch(model.source.url)
    return f"[{name}]({model.source.url})" if model.source and is_known else name
