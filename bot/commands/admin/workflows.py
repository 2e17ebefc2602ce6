"""`/limner workflows`: management of the workflow library."""

import io
import re
from dataclasses import replace
from typing import Self

import discord
from discord import app_commands, ui

from bot.i18n.language import _
from bot.permissions import is_operator, require_administrator
from bot.replies.inputs import fetch_file
from bot.replies.posted_files import attachment_hosts
from bot.requester import actor_of
from bot.services import services_of
from bot.ui.components import PersistentItem
from bot.ui.options import Choices, matching
from bot.ui.responses import (
    acknowledge,
    acknowledge_press,
    acknowledged,
    respond,
    respond_lines,
)
from bot.ui.text import harmless, lines_within
from bot.ui.workflow_report import report_lines
from generation.errors import NotPermitted
from generation.library.inspection import Inspection
from generation.library.library import Library
from generation.request import Actor

REPORT_CHARACTERS = 3000
"""Characters of a report shown in the message; the attached file has all of it."""


class EnableButton(
    PersistentItem[ui.Button[ui.View]], template=r"w:enable:(?P<name>[a-z0-9_-]{1,32})"
):
    """Persistent button that enables an uploaded workflow."""

    def __init__(self, name: str) -> None:
        self.name = name
        label = _("Enable {workflow}", workflow=name)
        style = discord.ButtonStyle.success
        super().__init__(ui.Button(label=label, style=style, custom_id=f"w:enable:{name}"))

    @classmethod
    def read(cls, match: re.Match[str], /) -> Self:
        """Parse the name from the custom id."""
        return cls(match["name"])

    async def answer(self, interaction: discord.Interaction, /) -> None:
        """Enable the workflow and name the command that uses it."""
        require_library_keeper(interaction)
        await acknowledge_press(interaction)
        library = services_of(interaction).library
        text = _enabled(await library.enable(actor_of(interaction), self.name))
        await interaction.edit_original_response(content=text, view=None)


def require_library_keeper(interaction: discord.Interaction) -> None:
    """Require permission to change the workflows. Raises NotPermitted.

    The library is shared by all guilds: where the bot is in several, only operators may change it.
    """
    require_administrator(interaction)
    if not (_is_in_one_server(interaction.client) or is_operator(interaction)):
        raise NotPermitted(
            "Workflows are the same in every server that this bot is in: "
            "only the people who run it can change them."
        )


def _is_in_one_server(client: discord.Client) -> bool:
    """Whether the bot is in a single guild; with several shard processes this is never assumed."""
    connected = getattr(client, "shard_ids", None)
    has_all_shards = connected is None or len(connected) >= (client.shard_count or 1)
    return has_all_shards and client.is_ready() and len(client.guilds) <= 1


class LibraryGroup(
    app_commands.Group, name="workflows", description="Add, inspect and switch workflows"
):
    """`/limner workflows`."""

    def __init__(self, library: Library) -> None:
        super().__init__()
        self._library = library

    @app_commands.command(
        description="Hand in a workflow file and see what it would ask people for"
    )
    @app_commands.describe(
        file="An export of ComfyUI, or a picture or film that it made",
        name="What it is called, and its command; the file's name when left out",
    )
    async def add(
        self,
        interaction: discord.Interaction,
        file: discord.Attachment,
        name: app_commands.Range[str, 1, 32] | None = None,
    ) -> None:
        """Stage a file and report on it."""
        actor = await _acknowledged_keeper(interaction)
        content = await fetch_file("file", file, attachment_hosts())
        report = await self._library.stage(actor, content, name or file.filename)
        await _send_report(interaction, report, None, can_be_enabled=True)

    @app_commands.command(description="See what a workflow asks people for, and why")
    async def inspect(self, interaction: discord.Interaction, workflow: str) -> None:
        """Report on a workflow."""
        await acknowledge(interaction)
        report = await self._library.inspect(workflow)
        seconds = await self._library.seconds(workflow)
        states = {entry.name: entry.state for entry in self._library.entries()}
        is_on = states.get(workflow, "on") == "on"
        await _send_report(interaction, report, seconds, can_be_enabled=not is_on)

    @app_commands.command(name="list", description="See every workflow and what is wrong with some")
    async def list_(self, interaction: discord.Interaction) -> None:
        """List all workflows and problems."""
        await acknowledge(interaction)
        lines = [
            f"`{entry.name}` · {_(entry.state)}" + (f" · /{entry.command}" if entry.command else "")
            for entry in self._library.entries()
        ]
        lines += [harmless(problem) for problem in self._library.problems()]
        await respond_lines(interaction, _("Workflows"), lines)

    @app_commands.command(description="Let people use a workflow")
    @app_commands.describe(
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
        """Enable a workflow."""
        actor = await _acknowledged_keeper(interaction)
        role_id = role.id if role else None
        report = await self._library.enable(actor, workflow, cost=cost, role_id=role_id)
        await respond(interaction, _enabled(report))

    @app_commands.command(description="Offer a workflow to nobody; what runs goes on")
    async def disable(self, interaction: discord.Interaction, workflow: str) -> None:
        """Disable a workflow."""
        await self._library.disable(await _acknowledged_keeper(interaction), workflow)
        text = _("{workflow} is offered to nobody now.", workflow=harmless(workflow))
        await respond(interaction, text)

    @app_commands.command(description="Take away a workflow that was added")
    async def remove(self, interaction: discord.Interaction, workflow: str) -> None:
        """Remove a workflow."""
        await self._library.remove(await _acknowledged_keeper(interaction), workflow)
        await respond(interaction, _("{workflow} is gone.", workflow=harmless(workflow)))

    @app_commands.command(description="Read every workflow's files again")
    async def reload(self, interaction: discord.Interaction) -> None:
        """Read all files again."""
        await _acknowledged_keeper(interaction)
        await self._library.reload()
        count = sum(entry.state == "on" for entry in self._library.entries())
        await respond(
            interaction, _("Read again. Workflows that can be used: {count}.", count=count)
        )

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


async def _send_report(
    interaction: discord.Interaction,
    report: Inspection,
    seconds: float | None,
    *,
    can_be_enabled: bool,
) -> None:
    """Send as much of the report as fits into a message, and all of it as files."""
    view = ui.View(timeout=None)
    if report.is_usable and can_be_enabled:
        view.add_item(EnableButton(report.name))
    if not is_operator(interaction):
        report = _without_addresses(report)
    lines = report_lines(report, seconds=seconds)
    shown = lines_within([line.replace("`", "'") for line in lines], REPORT_CHARACTERS)
    embed = discord.Embed(
        title=harmless(report.title, 100),
        description=f"```\n{shown}\n```",
        colour=discord.Colour.green() if report.is_usable else discord.Colour.red(),
    )
    files = [_file(f"{report.name}.txt", "\n".join(lines))]
    if report.is_usable:
        files.append(_file(f"{report.name}.toml", report.manifest_text()))
    await respond(interaction, embeds=[embed], files=files, view=view)


def _without_addresses(report: Inspection) -> Inspection:
    """The report with numbers for the backends' names, which may be internal addresses."""
    numbered = enumerate(report.backends, start=1)
    backends = (
        replace(fitness, backend=_("backend {number}", number=n)) for n, fitness in numbered
    )
    return replace(report, backends=tuple(backends))


def _file(name: str, text: str) -> discord.File:
    return discord.File(io.BytesIO(text.encode()), filename=name)


def _enabled(report: Inspection) -> str:
    if report.command:
        return _(
            "{workflow} can be used now: /{command}, and in /imagine.",
            workflow=report.name,
            command=report.command,
        )
    return _("{workflow} can be used now, in /imagine.", workflow=report.name)
