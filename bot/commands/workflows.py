"""`/workflows`: list the workflows that can be used here."""

from collections.abc import Iterable, Mapping

import discord
from discord import app_commands, ui

from bot.commands.choices import access_of
from bot.i18n.language import _, mark
from bot.permissions import can_administer
from bot.requester import requester_of
from bot.services import services_of
from bot.ui.components import PersistentItem
from bot.ui.layout import panel, row, small
from bot.ui.responses import acknowledge_press, replace_message
from bot.ui.text import harmless
from bot.ui.workflow_report import model_line

PAGE = 10
"""Workflows per page, at three lines each."""


class WorkflowsButton(PersistentItem, template=r"w:page:(?P<page>[0-9]{1,4})"):
    """Shows a page of `/workflows`."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        view = await _page(interaction, int(self.match["page"]))
        await acknowledge_press(interaction)
        await replace_message(interaction, view)


@app_commands.command(name="workflows", description="Show what you can make here")
async def workflows_command(interaction: discord.Interaction) -> None:
    view = await _page(interaction, 0)
    await interaction.response.send_message(view=view, ephemeral=True)


async def _page(interaction: discord.Interaction, page: int) -> ui.LayoutView:
    library, access = services_of(interaction).library, await access_of(interaction)
    workflows = library.offered_to(requester_of(interaction), access)
    by_kind = sorted(workflows, key=lambda workflow: (kind_rank(workflow.kind), workflow.title))
    pages = max(1, -(-len(by_kind) // PAGE))
    page = min(page, pages - 1)
    lines, kind = [], ""
    for workflow in by_kind[page * PAGE : (page + 1) * PAGE]:
        if kind_name(workflow.kind) != kind:
            kind = kind_name(workflow.kind)
            lines.append(f"**{kind}**")
        command = f"/{workflow.command}" if workflow.command else ""
        lines.append(f"{harmless(_(workflow.title), 100)} {command}".strip())
        lines.append(small(f"`{workflow.name}`", harmless(_(workflow.description), 200)))
    if can_administer(interaction) and (missing := library.missing_models()):
        lines += ["**" + _("Missing models") + "**", *map(model_line, missing)]
    buttons = []
    if pages > 1:
        buttons = [
            _page_button(max(page - 1, 0), _("Back"), disabled=page == 0),
            _page_button(page + 1, _("Next"), disabled=page == pages - 1),
        ]
    footer = _("Page {page} of {pages}", page=page + 1, pages=pages) if pages > 1 else ""
    lines = lines or [_("Nothing yet.")]
    return panel(_("What you can make here"), lines, footer=footer, rows=[row(*buttons)])


def _page_button(page: int, label: str, *, disabled: bool) -> ui.Button[ui.LayoutView]:
    return ui.Button(label=label, custom_id=f"w:page:{page}", disabled=disabled)


def sort_kinds(kinds: Iterable[str]) -> list[str]:
    """Return the results of these kinds, such as "Pictures", without repetitions."""
    return list(dict.fromkeys(map(kind_name, sorted(kinds, key=kind_rank))))


def kind_rank(kind: str) -> int:
    """Return the sort key of a kind: the most requested first."""
    return list(_KINDS).index(kind) if kind in _KINDS else len(_KINDS)


def kind_name(kind: str) -> str:
    """Return the results of a kind, such as "Pictures"; other kinds are one group."""
    return _(_KINDS[kind]) if kind in _KINDS else _("Other")


_KINDS: Mapping[str, str] = {
    "txt2img": mark("Pictures"),
    "img2img": mark("Picture to picture"),
    "edit": mark("Edit"),
    "inpaint": mark("Repaint a part"),
    "outpaint": mark("Extend"),
    "upscale": mark("Upscale"),
    "txt2vid": mark("Video"),
    "img2vid": mark("Video from a picture"),
    "audio": mark("Sound"),
    "3d": mark("3D"),
    "describe": mark("Describe a picture"),
    "enhance": mark("Prompts"),
}
"""Results by kind, in the order in which they are listed."""
