"""`/limner`: commands for the administrators of a server.

Discord shows the group to members with Manage Server; `bot.tree` checks the permission again.
"""

from collections.abc import Sequence
from typing import Literal

import discord
from discord import app_commands, ui

from bot.commands.admin.backends import BackendsGroup
from bot.commands.admin.limits import BonusGroup, ChannelsGroup, RolesGroup, limits_command
from bot.commands.admin.setup import open_setup
from bot.commands.admin.wildcards import WildcardsGroup
from bot.commands.admin.workflows import LibraryGroup
from bot.i18n.language import _, plural
from bot.services import Services
from bot.ui.allowances import channel_lines
from bot.ui.layout import AMBER, BLURPLE, panel
from bot.ui.responses import acknowledged, respond, respond_lines
from generation.backends.draining import BackendReport
from generation.quota.guild_settings import GuildStatus


class AdministrationGroup(
    app_commands.Group,
    name="limner",
    description="Set up this bot for your server",
    default_permissions=discord.Permissions(manage_guild=True),
):
    """`/limner`."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._administration = services.administration
        self._backend_admin = services.backend_admin
        self._visible_mark = services.visible_mark
        self.add_command(limits_command)
        self.add_command(RolesGroup(services.administration))
        self.add_command(BonusGroup(services.administration))
        self.add_command(ChannelsGroup(services.administration, services.library))
        self.add_command(BackendsGroup(services.backend_admin))
        self.add_command(LibraryGroup(services.library))
        self.add_command(WildcardsGroup(services.wildcards))

    @app_commands.command(description="Set up this server in five steps")
    async def setup(self, interaction: discord.Interaction) -> None:
        await open_setup(interaction)

    @app_commands.command(description="Pause the queue")
    async def pause(self, interaction: discord.Interaction) -> None:
        actor, text = await acknowledged(interaction), _("The queue is already paused.")
        if await self._administration.set_paused(actor, is_paused=True):
            text = _("Queue paused. New requests wait; running ones finish.")
        await respond(interaction, text)

    @app_commands.command(description="Resume the queue")
    async def resume(self, interaction: discord.Interaction) -> None:
        actor = await acknowledged(interaction)
        changed = await self._administration.set_paused(actor, is_paused=False)
        text = _("Queue resumed.") if changed else _("The queue was not paused.")
        await respond(interaction, text)

    @app_commands.command(description="The word AI above results")
    @app_commands.describe(word="Whether it is there (shows the setting if empty)")
    async def marking(
        self, interaction: discord.Interaction, word: Literal["on", "off"] | None = None
    ) -> None:
        actor = await acknowledged(interaction)
        if word is not None:
            await self._visible_mark.set(actor, is_shown=word == "on")
        if await self._visible_mark.is_shown(actor.guild_id):
            text = _('The line above a result says "AI".')
        else:
            text = _('The line above a result doesn\'t say "AI".')
        await respond_lines(interaction, _("Marking"), [text])

    @app_commands.command(description="Show what is going on right now")
    async def status(self, interaction: discord.Interaction) -> None:
        actor = await acknowledged(interaction)
        status = await self._administration.status(actor.guild_id)
        await respond(interaction, view=status_panel(status, await self._backend_admin.reports()))


def status_panel(status: GuildStatus, backends: Sequence[BackendReport]) -> ui.LayoutView:
    """Build the status: current state only, and of GPUs how many are ready. Rules are in limits."""
    ready = sum(backend.status.state.is_usable for backend in backends)
    line = _("Paused by an administrator") if status.is_paused else _("Taking requests")
    lines = [
        _("**Queue** {line}", line=line),
        _(
            "**Now** {running} running · {waiting} waiting",
            running=status.running,
            waiting=status.waiting,
        ),
        _("**GPUs** {ready} of {count} ready", ready=ready, count=len(backends)),
        _("**Channels** {channels}", channels=" ".join(channel_lines(status.channels or {}))),
    ]
    if status.review_count:
        lines.append(
            plural(
                "{count} result is waiting for a moderator.",
                "{count} results are waiting for a moderator.",
                status.review_count,
            )
        )
    overrides = (
        plural("{count} role override", "{count} role overrides", status.role_count),
        plural("{count} personal bonus", "{count} personal bonuses", status.grant_count),
    )
    colour = BLURPLE if ready and not status.is_paused else AMBER
    return panel(_("Status"), lines, footer=" · ".join(overrides), colour=colour)
