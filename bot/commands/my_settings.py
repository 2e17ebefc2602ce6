"""`/settings`: a person's defaults for omitted options, as a private panel."""

from collections.abc import Mapping, Sequence

import discord
from discord import app_commands, ui

from bot.commands.choices import complete_workflow
from bot.i18n.language import _
from bot.requester import requester_of
from bot.services import services_of
from bot.ui.components import PersistentItem, chosen_in, menu_options
from bot.ui.layout import panel, row
from bot.ui.modals import ModalInput, handles_modal, open_modal, text_field
from bot.ui.options import ASPECTS
from bot.ui.responses import (
    acknowledge,
    acknowledge_press,
    before_deadline,
    replace_message,
    respond,
)
from bot.ui.text import harmless
from generation.library.summaries import WorkflowSummary
from generation.people.preferences import LONG_WAIT_S, Defaults
from generation.request import Layout
from generation.requests.selection import unknown_workflow
from generation.requests.values import MAX_PROMPT_CHARACTERS

ANY = "any"
"""Menu value that leaves the choice to the workflow."""

NEGATIVE_FORM = "s:negative"
NEGATIVE_CHARACTERS = 400
COUNTS = (1, 2, 3, 4)

CALLS: Mapping[str, int | None] = {"never": None, "30": 30, "120": LONG_WAIT_S, "always": 0}
"""Seconds after which a person is notified of a finished request, by the menu's values."""

Workflows = Sequence[WorkflowSummary]


class SettingsMenu(PersistentItem, template=r"s:(?P<name>workflow|aspect|count|call)"):
    """Stores one default."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        name = self.match["name"]
        if name == "call":
            chosen = CALLS.get(chosen_in(interaction), LONG_WAIT_S)
            await _change(interaction, call_after_s=chosen)
            return
        workflows = services_of(interaction).generations.workflows()
        offered: dict[str, Sequence[str | int]] = {
            "workflow": [workflow.name for workflow in workflows],
            "aspect": ASPECTS,
            "count": COUNTS,
        }
        known = {str(option): option for option in offered[name]}
        await _change(interaction, **{name: known.get(chosen_in(interaction))})


class SettingsButton(
    PersistentItem, template=r"s:(?P<name>private|spoiler|layout|metadata|direct|negative|reset)"
):
    """Toggles a default, opens the text form, or resets all."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        preferences, user_id = services_of(interaction).preferences, interaction.user.id
        name = self.match["name"]
        if name == "negative":
            await _open_negative(
                interaction, await before_deadline(interaction, preferences.defaults(user_id))
            )
            return
        await acknowledge_press(interaction)
        if name == "reset":
            await _show(interaction, await preferences.reset(user_id))
            return
        turned = _turned(name, await preferences.defaults(user_id))
        await _show(interaction, await preferences.change(user_id, **turned))


@app_commands.command(name="settings", description="Set your defaults")
@app_commands.describe(workflow="Your default workflow")
@app_commands.autocomplete(workflow=complete_workflow)
async def settings_command(interaction: discord.Interaction, workflow: str | None = None) -> None:
    await acknowledge(interaction)
    preferences, user_id = services_of(interaction).preferences, interaction.user.id
    if workflow is None:
        defaults = await preferences.defaults(user_id)
    else:
        known = {summary.name for summary in services_of(interaction).generations.workflows()}
        if workflow not in known:
            raise unknown_workflow(known)
        defaults = await preferences.change(user_id, workflow=workflow)
    await respond(interaction, view=build_panel(defaults, _listed(interaction, defaults)))


def build_panel(defaults: Defaults, workflows: Workflows) -> ui.LayoutView:
    """Build the settings panel."""
    lines = [_("Used whenever you leave an option out, in every server.")]
    if defaults.negative:
        avoided = harmless(defaults.negative, NEGATIVE_CHARACTERS)
        lines.append(_("**Things to avoid** {avoided}", avoided=avoided))
    toggles = [
        _toggle("private", is_on=defaults.private),
        _toggle("spoiler", is_on=defaults.spoiler),
        _toggle("layout", is_on=defaults.layout is Layout.GRID),
        _toggle("metadata", is_on=defaults.keeps_metadata),
        _toggle("direct", is_on=defaults.calls_directly),
    ]
    styles = discord.ButtonStyle
    others = [_button("negative", styles.secondary), _button("reset", styles.danger)]
    menus = [
        _menu("workflow", _workflow_options(defaults, workflows)),
        _menu("aspect", _plain_options(_("Aspect"), ASPECTS, defaults.aspect)),
        _menu("count", _plain_options(_("Pictures"), COUNTS, defaults.count)),
        _menu("call", _call_options(defaults.call_after_s)),
    ]
    rows = [*map(row, menus), row(*toggles), row(*others)]
    return panel(_("Your settings"), lines, rows=rows)


@handles_modal(NEGATIVE_FORM)
async def _take_negative(interaction: discord.Interaction, answer: ModalInput) -> None:
    await _change(interaction, negative=answer.texts.get("negative", "").strip() or None)


async def _open_negative(interaction: discord.Interaction, before: Defaults) -> None:
    field = text_field(
        "negative",
        _("Things to avoid"),
        before.negative or "",
        long=True,
        longest=MAX_PROMPT_CHARACTERS,
    )
    await open_modal(interaction, NEGATIVE_FORM, _("Your settings"), field)


async def _change(interaction: discord.Interaction, **changes: object) -> None:
    await acknowledge_press(interaction)
    preferences = services_of(interaction).preferences
    await _show(interaction, await preferences.change(interaction.user.id, **changes))


async def _show(interaction: discord.Interaction, defaults: Defaults) -> None:
    view = build_panel(defaults, _listed(interaction, defaults))
    await replace_message(interaction, view)


def _listed(interaction: discord.Interaction, defaults: Defaults) -> Workflows:
    """Return the workflows this person may use here, and the default chosen elsewhere."""
    service = services_of(interaction).generations
    usable = service.workflows(requester_of(interaction))
    chosen = (workflow for workflow in service.workflows() if workflow.name == defaults.workflow)
    return list(dict.fromkeys((*usable, *chosen)))


def _turned(name: str, before: Defaults) -> dict[str, object]:
    if name == "layout":
        is_grid = before.layout is Layout.GRID
        return {name: Layout.SEPARATE if is_grid else Layout.GRID}
    field = {"direct": "calls_directly", "metadata": "keeps_metadata"}.get(name, name)
    return {field: not getattr(before, field)}


def _menu(name: str, options: list[discord.SelectOption]) -> ui.Select[ui.LayoutView]:
    return ui.Select(custom_id=f"s:{name}", options=options)


def _toggle(name: str, *, is_on: bool) -> ui.Button[ui.LayoutView]:
    button = _button(name, discord.ButtonStyle.success if is_on else discord.ButtonStyle.secondary)
    button.label = _setting(str(button.label), _("On") if is_on else _("Off"))
    return button


def _button(name: str, style: discord.ButtonStyle) -> ui.Button[ui.LayoutView]:
    label = {
        "private": _("Private"),
        "spoiler": _("Spoiler"),
        "layout": _("Grid"),
        "metadata": _("Keep metadata"),
        "direct": _("Notify by DM"),
        "negative": _("Things to avoid…"),
        "reset": _("Reset all"),
    }[name]
    return ui.Button(label=label, style=style, custom_id=f"s:{name}")


def _workflow_options(defaults: Defaults, workflows: Workflows) -> list[discord.SelectOption]:
    """Return at most 25 menu options, always including the chosen workflow."""
    chosen = [workflow for workflow in workflows if workflow.name == defaults.workflow]
    listed = [*chosen, *(workflow for workflow in workflows if workflow.name != defaults.workflow)]
    titles = {workflow.name: _(workflow.title) for workflow in listed}
    return _options(_("Workflow"), titles, defaults.workflow if chosen else None)


def _plain_options(
    what: str, values: Sequence[object], chosen: object
) -> list[discord.SelectOption]:
    shown = {str(value): str(value) for value in values}
    return _options(what, shown, None if chosen is None else str(chosen))


def _options(what: str, shown: Mapping[str, str], chosen: str | None) -> list[discord.SelectOption]:
    """Build the entries of a default's menu; None leaves the choice to the workflow."""
    entries = {ANY: _("Automatic"), **shown}
    labels = {value: _setting(what, label) for value, label in entries.items()}
    return menu_options(labels, ANY if chosen is None else chosen)


def _call_options(after_s: int | None) -> list[discord.SelectOption]:
    labels = {
        "never": _("Notify me: Never"),
        "30": _("Notify me: Over 30 s"),
        "120": _("Notify me: Over 2 min"),
        "always": _("Notify me: Always"),
    }
    chosen = next((value for value, seconds in CALLS.items() if seconds == after_s), None)
    return menu_options(labels, chosen)


def _setting(name: str, value: object) -> str:
    return _("{setting}: {state}", setting=name, state=value)
