"""`/limner workflows`: management of the workflow library."""

import io
from dataclasses import replace

import discord
from discord import app_commands, ui

from bot.commands.admin.setup import TEST_PROMPT
from bot.commands.workflows import kind_name
from bot.i18n.language import _
from bot.permissions import can_change_workflows, is_operator, require_administrator
from bot.replies.inputs import fetch_file
from bot.replies.submission import CommandInput, submit
from bot.requester import actor_of
from bot.services import services_of
from bot.ui.components import PersistentItem, chosen_in
from bot.ui.layout import AMBER, GREEN, RED, panel, row, small
from bot.ui.modals import (
    ModalInput,
    handles_modal,
    open_modal,
    prompt_field,
    read_number,
    text_field,
    upload_field,
)
from bot.ui.options import Choices, matching, shown_name
from bot.ui.responses import (
    acknowledge,
    acknowledge_press,
    acknowledged,
    before_deadline,
    replace_message,
    respond,
    respond_lines,
)
from bot.ui.text import harmless
from bot.ui.workflow_report import TYPES, card_lines, report_lines
from generation.errors import NotPermitted
from generation.library.inspection import Inspection
from generation.library.library import MAX_TITLE_CHARACTERS, Library, LibraryEntry
from generation.request import Actor

_NAME = r"(?P<name>[a-z0-9_-]{1,32})"


_MEDIA = frozenset({"image", "mask", "video", "audio"})
"""Types of inputs that are given as files."""


class LibraryButton(PersistentItem, template=rf"w:(?P<action>enable|try|rename):{_NAME}"):
    """Enables or tries an uploaded workflow, or asks for its title."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        act = {"enable": _enable, "try": _open_trial, "rename": _open_rename}[self.match["action"]]
        await act(interaction, self.match["name"])


class EnableMenu(PersistentItem, template=rf"w:role:{_NAME}"):
    """Enables an uploaded workflow for one role."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        role_id = read_number(chosen_in(interaction))
        await _enable(interaction, self.match["name"], role_id=role_id)


def _button(action: str, name: str) -> ui.Button[ui.LayoutView]:
    label = {"enable": _("Enable"), "try": _("Try it"), "rename": _("Rename…")}[action]
    styles = discord.ButtonStyle
    style = styles.success if action == "enable" else styles.secondary
    return ui.Button(label=label, style=style, custom_id=f"w:{action}:{name}")


async def _enable(
    interaction: discord.Interaction, name: str, *, role_id: int | None = None
) -> None:
    """Enable a workflow, name the command that uses it, and offer a private test."""
    require_library_keeper(interaction)
    await acknowledge_press(interaction)
    library = services_of(interaction).library
    report = await library.enable(actor_of(interaction), name, role_id=role_id)
    lines = [_enabled(report)]
    if role_id is not None:
        lines.append(_("Only {role} may use it.", role=f"<@&{role_id}>"))
    rows = [row(_button("try", name))]
    await replace_message(interaction, panel("", lines, colour=GREEN, rows=rows))


async def _open_trial(interaction: discord.Interaction, name: str) -> None:
    """Ask for a prompt and the files that the workflow requires."""
    require_library_keeper(interaction)
    report = await before_deadline(interaction, services_of(interaction).library.inspect(name))
    fields = []
    for input_ in report.inputs:
        if input_.is_hidden:
            continue
        if input_.name == "prompt":
            fields.append(prompt_field(TEST_PROMPT, required=input_.required))
        elif input_.type in _MEDIA and input_.required:
            label = f"{_(TYPES[input_.type])} ({shown_name(input_.name)})"
            fields.append(upload_field(input_.name, label, required=True))
    text = "" if fields else _("This workflow asks for nothing.")
    await open_modal(interaction, f"w:try:{name}", _("Try it"), *fields, text=text)


@handles_modal(rf"w:try:{_NAME}")
async def _take_trial(interaction: discord.Interaction, answer: ModalInput) -> None:
    """Make a private result with the workflow, also before it is enabled."""
    require_library_keeper(interaction)
    services, name = services_of(interaction), answer.match["name"]
    report = await before_deadline(interaction, services.library.inspect(name))
    media = {one.name: one.type for one in report.inputs if one.type in {"video", "audio"}}
    command_input = CommandInput(
        answer.texts.get("prompt", ""),
        name,
        attachments={field: files[0] for field, files in answer.files.items() if files},
        private=True,
        media=media,
        is_trial=True,
    )
    await submit(interaction, command_input)


async def _open_rename(interaction: discord.Interaction, name: str) -> None:
    require_library_keeper(interaction)
    library = services_of(interaction).library
    report = await before_deadline(interaction, library.inspect(name))
    description = ""
    if report.command:
        description = _("Its command stays /{command}.", command=report.command)
    title = text_field(
        "title",
        _("Title"),
        report.title,
        required=True,
        longest=MAX_TITLE_CHARACTERS,
        description=description,
    )
    await open_modal(interaction, f"w:rename:{name}", _("Rename"), title)


@handles_modal(rf"w:rename:{_NAME}")
async def _take_rename(interaction: discord.Interaction, answer: ModalInput) -> None:
    require_library_keeper(interaction)
    await acknowledge_press(interaction)
    library, title = services_of(interaction).library, answer.texts.get("title", "")
    report = await library.rename(actor_of(interaction), answer.match["name"], title)
    view, files = _draft_report(interaction, report, None, can_be_enabled=True)
    await replace_message(interaction, view, files)


def require_library_keeper(interaction: discord.Interaction) -> None:
    """Require permission to change the workflows. Raises NotPermitted."""
    require_administrator(interaction)
    if not can_change_workflows(interaction):
        raise NotPermitted(
            "Workflows are the same in every server that this bot is in: "
            "only the people who run it can change them."
        )


class LibraryGroup(app_commands.Group, name="workflows", description="Manage workflows"):
    """`/limner workflows`."""

    def __init__(self, library: Library) -> None:
        super().__init__()
        self._library = library

    @app_commands.command(description="Add a workflow file and check it")
    @app_commands.describe(
        file="A ComfyUI export, or a picture or video made by it",
        name="Name of its command (the file's name if empty)",
    )
    async def add(
        self,
        interaction: discord.Interaction,
        file: discord.Attachment,
        name: app_commands.Range[str, 1, 32] | None = None,
    ) -> None:
        actor = await _acknowledged_keeper(interaction)
        content = await fetch_file("file", file)
        report = await self._library.stage(actor, content, name or file.filename)
        view, files = _draft_report(interaction, report, None, can_be_enabled=True)
        await respond(interaction, view=view, files=files)

    @app_commands.command(description="Show the options of a workflow, and what is missing")
    @app_commands.describe(workflow="Which workflow")
    async def inspect(self, interaction: discord.Interaction, workflow: str) -> None:
        await acknowledge(interaction)
        report = await self._library.inspect(workflow)
        seconds = await self._library.seconds(workflow)
        states = {entry.name: entry.state for entry in self._library.entries()}
        state = states.get(workflow, "on")
        view, files = _draft_report(
            interaction, report, seconds, can_be_enabled=state != "on", can_be_tried=state != "off"
        )
        await respond(interaction, view=view, files=files)

    @app_commands.command(name="list", description="Show every workflow and its problems")
    async def list_(self, interaction: discord.Interaction) -> None:
        await acknowledge(interaction)
        # Problems come first: what does not fit into a message is cut off at its end.
        lines = [harmless(problem) for problem in self._library.problems()]
        lines += [
            f"{_listed_title(entry)}`{entry.name}` · {_(entry.state)}"
            + (f" · /{entry.command}" if entry.command else "")
            for entry in self._library.entries()
        ]
        await respond_lines(interaction, _("Workflows"), lines)

    @app_commands.command(description="Enable a workflow")
    @app_commands.describe(
        workflow="Which workflow",
        cost="Pictures that one of its results counts for",
        role="Who may use it; left out: everyone",
    )
    async def enable(
        self,
        interaction: discord.Interaction,
        workflow: str,
        cost: app_commands.Range[int, 0, 1000] | None = None,
        role: discord.Role | None = None,
    ) -> None:
        actor = await _acknowledged_keeper(interaction)
        role_id = role.id if role else None
        report = await self._library.enable(actor, workflow, cost=cost, role_id=role_id)
        await respond(interaction, _enabled(report))

    @app_commands.command(description="Disable a workflow")
    @app_commands.describe(workflow="Which workflow")
    async def disable(self, interaction: discord.Interaction, workflow: str) -> None:
        await self._library.disable(await _acknowledged_keeper(interaction), workflow)
        text = _("Disabled {workflow}.", workflow=harmless(workflow))
        await respond(interaction, text)

    @app_commands.command(description="Delete an added workflow")
    @app_commands.describe(workflow="Which workflow")
    async def remove(self, interaction: discord.Interaction, workflow: str) -> None:
        await self._library.remove(await _acknowledged_keeper(interaction), workflow)
        await respond(interaction, _("Deleted {workflow}.", workflow=harmless(workflow)))

    @app_commands.command(description="Reload all workflow files")
    async def reload(self, interaction: discord.Interaction) -> None:
        await _acknowledged_keeper(interaction)
        await self._library.reload()
        count = sum(entry.state == "on" for entry in self._library.entries())
        await respond(interaction, _("Reloaded. Usable workflows: {count}.", count=count))

    @inspect.autocomplete("workflow")
    @enable.autocomplete("workflow")
    @disable.autocomplete("workflow")
    @remove.autocomplete("workflow")
    async def complete(self, _interaction: discord.Interaction, typed: str) -> Choices:
        """Offer the names."""
        return matching(((entry.name, entry.name) for entry in self._library.entries()), typed)


async def _acknowledged_keeper(interaction: discord.Interaction) -> Actor:
    require_library_keeper(interaction)
    return await acknowledged(interaction)


def _draft_report(
    interaction: discord.Interaction,
    report: Inspection,
    seconds: float | None,
    *,
    can_be_enabled: bool,
    can_be_tried: bool = True,
) -> tuple[ui.LayoutView, list[discord.File]]:
    """Build the inputs as members would see them, what is missing, and the full report as files."""
    is_offered = report.is_usable and can_be_enabled
    rows = []
    if is_offered:
        menu: ui.RoleSelect[ui.LayoutView] = ui.RoleSelect(
            custom_id=f"w:role:{report.name}", placeholder=_("Enable for one role only…")
        )
        is_ready = _state(report)[0] == GREEN and not report.is_paid
        actions = ("enable", *["try"] * (is_ready and can_be_tried), "rename")
        rows = [row(*(_button(action, report.name) for action in actions)), row(menu)]
    if not is_operator(interaction):
        report = _without_addresses(report)
    lines = report_lines(report, seconds=seconds)
    files = [_file(f"{report.name}.txt", "\n".join(lines))]
    if report.is_usable:
        files.append(_file(f"{report.name}.toml", report.manifest_text()))
    colour, state = _state(report)
    view = panel(
        harmless(report.title, 100),
        [
            small(state, kind_name(report.kind), f"/{report.command}" if report.command else ""),
            *card_lines(report),
        ],
        *(ui.File(file) for file in files),
        colour=colour,
        rows=rows,
    )
    return view, files


def _listed_title(entry: LibraryEntry) -> str:
    """A workflow's title before its name, where it has one of its own."""
    return f"{harmless(_(entry.title), 100)} · " if entry.title != entry.name else ""


def _state(report: Inspection) -> tuple[discord.Colour, str]:
    """Return readiness as color and words: ready, incomplete on every GPU, or unusable."""
    if not report.is_usable:
        return RED, _("Can't be used")
    if report.backends and not any(fitness.can_run for fitness in report.backends):
        return AMBER, _("Something is missing")
    return GREEN, _("Ready")


def _without_addresses(report: Inspection) -> Inspection:
    """Replace backends' names, which may be internal addresses, by numbers."""
    numbered = enumerate(report.backends, start=1)
    backends = (replace(fitness, backend=_("GPU {number}", number=n)) for n, fitness in numbered)
    return replace(report, backends=tuple(backends))


def _file(name: str, text: str) -> discord.File:
    return discord.File(io.BytesIO(text.encode()), filename=name)


def _enabled(report: Inspection) -> str:
    if report.command:
        return _(
            "{workflow} is enabled: use /{command}, or /imagine.",
            workflow=harmless(report.title, 100),
            command=report.command,
        )
    return _("{workflow} is enabled: use it in /imagine.", workflow=harmless(report.title, 100))
