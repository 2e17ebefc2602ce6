"""`/limner`: commands for the administrators of a server.

Discord shows the group to members with Manage Server; `bot.tree` checks the permission again.
"""

from collections.abc import Sequence

import discord
from discord import app_commands

from bot.commands.admin.backends import BackendsGroup
from bot.commands.admin.limits import ChannelsGroup, GrantsGroup, RolesGroup, limits_command
from bot.commands.admin.wildcards import WildcardsGroup
from bot.commands.admin.workflows import LibraryGroup
from bot.i18n.language import _, plural
from bot.services import Services
from bot.ui.allowances import channel_lines, limits_lines
from bot.ui.limits import EMBED_DESCRIPTION_CHARACTERS
from bot.ui.responses import acknowledged, respond
from bot.ui.text import lines_within
from generation.backends.draining import DrainEntry
from generation.backends.status import BackendState
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
        for part in (
            limits_command(services.administration),
            RolesGroup(services.administration),
            GrantsGroup(services.administration),
            ChannelsGroup(services.administration, services.library),
            BackendsGroup(services.backend_admin),
            LibraryGroup(services.library),
            WildcardsGroup(services.wildcards),
        ):
            self.add_command(part)

    @app_commands.command(description="Let nothing new start here: what was asked for waits")
    async def pause(self, interaction: discord.Interaction) -> None:
        """Pause the line."""
        text = _("It is paused already.")
        if await self._administration.pause(await acknowledged(interaction)):
            text = _("Paused. What is asked for waits here, and what runs is finished.")
        await respond(interaction, text)

    @app_commands.command(description="Let the line go on after a pause")
    async def resume(self, interaction: discord.Interaction) -> None:
        """Resume the line."""
        changed = await self._administration.resume(await acknowledged(interaction))
        text = _("Resumed: the line goes on.") if changed else _("It was not paused.")
        await respond(interaction, text)

    @app_commands.command(description="See how things stand here")
    async def status(self, interaction: discord.Interaction) -> None:
        """Show the status."""
        actor = await acknowledged(interaction)
        status = await self._administration.status(actor.guild_id)
        embed = status_embed(status, await self._backend_admin.entries())
        await respond(interaction, embeds=[embed])


def status_embed(status: GuildStatus, backends: Sequence[DrainEntry]) -> discord.Embed:
    """The queue, the limits and policies, and of the backends only how many are ready."""
    ready = sum(backend.status.state is BackendState.READY for backend in backends)
    line = _("paused: nothing new starts") if status.is_paused else _("not paused")
    lines = [
        _(
            "**Line now** {line} · {running} running · {waiting} waiting",
            line=line,
            running=status.running,
            waiting=status.waiting,
        ),
        _("**Backends** {ready} of {count} ready", ready=ready, count=len(backends)),
        *limits_lines(status.limits),
        _("**Channels** {channels}", channels=" ".join(channel_lines(status.channels or {}))),
        plural("{count} role changes that.", "{count} roles change that.", status.role_count),
        plural(
            "{count} personal grant holds.", "{count} personal grants hold.", status.grant_count
        ),
    ]
    if status.review_count:
        lines.append(
            plural(
                "{count} result waits for a moderator.",
                "{count} results wait for a moderator.",
                status.review_count,
            )
        )
    return discord.Embed(
        title=_("Status"),
        description=lines_within(lines, EMBED_DESCRIPTION_CHARACTERS),
        colour=discord.Colour.blurple(),
    )
