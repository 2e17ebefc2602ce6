"""`/mod`: moderation of the guild where the command is used.

Discord shows the group to members with Manage Messages; `bot.tree` checks the permission again.
"""

import io
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.commands.history import show_history
from bot.commands.history_query import SEARCH_CHARACTERS, HistoryQuery, Status
from bot.commands.mod.appeals import appeals_command
from bot.commands.mod.image_check import image_check_command
from bot.commands.mod.pictures import PicturesGroup
from bot.commands.mod.review import log_channel_command, retention_command, review_command
from bot.commands.mod.transparency import transparency_command
from bot.commands.mod.words import WordsGroup
from bot.i18n.language import _, plural
from bot.permissions import is_operator, require_operator
from bot.replies.deletion import withdraw
from bot.replies.inputs import parse_day
from bot.replies.moderation.blocking import MAX_DAYS, block_person
from bot.replies.moderation.review_messages import ALONE, decision_row
from bot.services import Services
from bot.ui.audit import audit_line
from bot.ui.details import case_file_layout
from bot.ui.layout import gallery
from bot.ui.responses import acknowledge, acknowledged, respond, respond_lines
from bot.ui.text import harmless
from generation.history.export import ExportFormat, header, line
from generation.history.queries import HistoryFilter
from generation.moderation.blocks import MAX_REASON_CHARACTERS
from generation.moderation.case_file import CaseFile
from generation.request import Actor

LISTED_ENTRIES = 25
READ_BLOCKS = 100
"""More than fit into a message, which an ellipsis ends then."""

EXPORT_BYTES = 8 * 1024 * 1024
"""Bytes of an export sent to Discord; `limner history export` has no limit."""


class ModerationGroup(
    app_commands.Group,
    name="mod",
    description="Moderation",
    default_permissions=discord.Permissions(manage_messages=True),
):
    """`/mod`."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self.add_command(WordsGroup(services.moderation))
        self.add_command(PicturesGroup(services.picture_blocks))
        self.add_command(review_command)
        self.add_command(log_channel_command)
        self.add_command(image_check_command)
        self.add_command(retention_command)
        self.add_command(transparency_command)
        self.add_command(appeals_command)

    @app_commands.command(description="Block a member")
    @app_commands.describe(
        user="Who",
        days="For how many days (until unblocked if empty)",
        reason="They will see it",
        everywhere="In all servers (only for the people who run this bot)",
    )
    async def block(
        self,
        interaction: discord.Interaction,
        user: discord.User,
        days: Range[int, 1, MAX_DAYS] | None = None,
        reason: Range[str, 1, MAX_REASON_CHARACTERS] = "",
        everywhere: bool = False,  # noqa: FBT001, FBT002 - an option of a command
    ) -> None:
        await acknowledge(interaction)
        if everywhere:
            require_operator(interaction)
        await block_person(interaction, user.id, days=days, reason=reason, everywhere=everywhere)

    @app_commands.command(description="Unblock a member")
    @app_commands.describe(
        user="Who", everywhere="In all servers (only for the people who run this bot)"
    )
    async def unblock(
        self,
        interaction: discord.Interaction,
        user: discord.User,
        everywhere: bool = False,  # noqa: FBT001, FBT002 - an option of a command
    ) -> None:
        actor = await acknowledged(interaction)
        if everywhere:
            require_operator(interaction)
        lifted = await self._services.moderation.unblock(actor, user.id, everywhere=everywhere)
        text = _("Unblocked {person}.", person=user.mention)
        if not lifted:
            text = _("{person} was not blocked.", person=user.mention)
        await respond(interaction, text)

    @app_commands.command(description="Show who is blocked")
    async def blocked(self, interaction: discord.Interaction) -> None:
        actor = await acknowledged(interaction)
        blocks = await self._services.moderation.blocks(actor.guild_id, READ_BLOCKS)
        lines = []
        for block in blocks:
            until = (
                discord.utils.format_dt(block.until, "f") if block.until else _("until unblocked")
            )
            reason = f" · {harmless(block.reason, 100)}" if block.reason else ""
            where = f" · {_('in all servers')}" if block.is_everywhere else ""
            lines.append(f"<@{block.user_id}> · {until}{where} · <@{block.actor_id}>{reason}")
        nothing = _("Nobody is blocked.")
        await respond_lines(interaction, _("Blocked"), lines, nothing=nothing)

    @app_commands.command(description="Delete everything a member made here")
    @app_commands.describe(user="Who")
    async def purge(self, interaction: discord.Interaction, user: discord.User) -> None:
        actor = await acknowledged(interaction)
        count, removed = await self._services.moderation_queries.purge(actor, user.id)
        told = plural(
            "Deleting {count} result of {person}.",
            "Deleting {count} results of {person}.",
            count,
            person=user.mention,
        )
        if not count:
            told = _("{person} has no results here.", person=user.mention)
        await respond(interaction, told)
        for generation in removed:
            await withdraw(interaction, generation)

    @app_commands.command(description="Show everything about a result")
    @app_commands.describe(result="Which result")
    async def show(self, interaction: discord.Interaction, result: str) -> None:
        actor = await acknowledged(interaction)
        case_file = await self._find(result, actor)
        files = []
        if any(output.thumbnail for output in case_file.generation.outputs):
            sheet = await self._services.generations.contact_sheet([case_file.generation])
            name = "results.png"
            sheet = await self._services.marker.mark(sheet, name, case_file.generation)
            files = [discord.File(io.BytesIO(sheet), name, description=_("Results"))]
        buttons = None
        if actor.guild_id is not None:
            case = await self._services.reviews.case(case_file.generation.id, actor.guild_id)
            buttons = decision_row(case, ALONE)
        view = case_file_layout(
            case_file,
            _(self._services.action_finder.title_of(case_file.generation.workflow)),
            sheet=gallery(*files),
            buttons=buttons,
            names_backend=is_operator(interaction),
        )
        await respond(interaction, view=view, files=files)

    @app_commands.command(description="Delete a result and its message")
    @app_commands.describe(result="Which result")
    async def delete(self, interaction: discord.Interaction, result: str) -> None:
        """Remove a result. Those of other guilds are reported as unknown."""
        actor = await acknowledged(interaction)
        case_file = await self._find(result, actor)
        removed = await self._services.remover.remove(
            case_file.generation.id, actor_id=actor.user_id, is_moderator=True
        )
        await withdraw(interaction, removed, _("Deleted `{id}`.", id=removed.id))

    @app_commands.command(description="Search the server history")
    @app_commands.describe(
        search="Words in the prompt",
        user="Made by",
        workflow="Made with this workflow",
        status="How it ended",
        since="From this day: 2026-11-01, today, yesterday or 3d",
        until="Until this day",
        flagged="Only flagged or reported ones",
    )
    async def history(
        self,
        interaction: discord.Interaction,
        search: Range[str, 1, SEARCH_CHARACTERS] | None = None,
        user: discord.User | None = None,
        workflow: str | None = None,
        status: Status | None = None,
        since: str | None = None,
        until: str | None = None,
        flagged: bool = False,  # noqa: FBT001, FBT002 - an option of a command
    ) -> None:
        await acknowledge(interaction)
        query = HistoryQuery.asked(
            search=search,
            workflow=workflow,
            status=status,
            since=since,
            until=until,
            everyone=True,
            user_id=user.id if user else None,
            flagged=flagged,
        )
        await show_history(interaction, query)

    @app_commands.command(description="Show what moderators and administrators did")
    @app_commands.describe(before="Only entries before this number")
    async def audit(
        self, interaction: discord.Interaction, before: Range[int, 1] | None = None
    ) -> None:
        actor = await acknowledged(interaction)
        entries = await self._services.moderation_queries.audit(
            actor.guild_id, before_id=before, limit=LISTED_ENTRIES
        )
        lines = [audit_line(entry) for entry in entries]
        nothing = _("Nothing here yet.")
        await respond_lines(interaction, _("Audit log"), lines, nothing=nothing)

    @app_commands.command(description="Export the server history as a file")
    @app_commands.describe(
        format="csv for spreadsheets, jsonl for programs",
        since="From this day: 2026-11-01, today, yesterday or 3d",
        until="Until this day",
    )
    async def export(
        self,
        interaction: discord.Interaction,
        format: Literal["csv", "jsonl"] = "csv",  # noqa: A002 - an option of a command
        since: str | None = None,
        until: str | None = None,
    ) -> None:
        actor, now = await acknowledged(interaction), datetime.now(UTC)
        asked = HistoryFilter(
            guild_id=actor.guild_id or 0,
            since=parse_day(since, "since", now),
            until=parse_day(until, "until", now, end=True),
        )
        file_format = ExportFormat(format)
        limit = min(interaction.filesize_limit, EXPORT_BYTES)
        written, count, is_whole = io.BytesIO(header(file_format).encode()), 0, True
        written.seek(0, io.SEEK_END)
        names_backend = is_operator(interaction)
        async for generation in self._services.moderation_queries.export(asked):
            told = generation if names_backend else replace(generation, backend=None)
            text = line(told, file_format).encode()
            if written.tell() + len(text) > limit:
                is_whole = False
                break
            written.write(text)
            count += 1
        written.seek(0)
        summary = plural("{count} entry.", "{count} entries.", count)
        if not is_whole:
            summary += " " + _("The rest doesn't fit into one file. Choose fewer days.")
        file = discord.File(written, f"history.{file_format.value}")
        await respond(interaction, summary, files=[file])

    async def _find(self, generation_id: str, actor: Actor) -> CaseFile:
        return await self._services.moderation_queries.case_file(generation_id, actor.guild_id)
