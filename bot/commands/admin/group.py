"""`/limner`: commands for the administrators of a server.

Discord shows the group to members with Manage Server; `bot.tree` checks the permission again.
"""

from collections.abc import Sequence

import discord
from discord import app_commands

from bot.commands.admin.backends import backends_group
from bot.commands.admin.limits import channels_group, grants_group, limits_command, roles_group
from bot.commands.admin.workflows import library_group
from bot.i18n.language import _, plural
from bot.permissions import guild_of
from bot.services import Services
from bot.ui.allowances import channel_lines, limits_lines
from bot.ui.limits import EMBED_DESCRIPTION_CHARACTERS
from bot.ui.responses import acknowledge, respond
from bot.ui.text import lines_within
from generation.backends.draining import BackendAdmin, DrainEntry
from generation.backends.status import BackendState
from generation.quota.guild_settings import Administration, GuildStatus


def administration_group(services: Services) -> app_commands.Group:
    """Build `/limner` with its services."""
    administration = services.administration
    group = app_commands.Group(
        name="limner",
        description="Set up this bot for your server",
        default_permissions=discord.Permissions(manage_guild=True),
    )
    _add_line_commands(group, administration, services.backend_admin)
    for part in (
        limits_command(administration),
        roles_group(administration),
        grants_group(administration),
        channels_group(administration),
        backends_group(services.backend_admin),
        library_group(services.library),
    ):
        group.add_command(part)
    return group


def _add_line_commands(
    group: app_commands.Group, administration: Administration, backend_admin: BackendAdmin
) -> None:
    @group.command(description="Let nothing new start here: what was asked for waits")
    async def pause(interaction: discord.Interaction) -> None:
        await acknowledge(interaction)
        changed = await administration.pause(guild_of(interaction), actor_id=interaction.user.id)
        text = _("Paused. What is asked for waits here, and what runs is finished.")
        if not changed:
            text = _("It is paused already.")
        await respond(interaction, text)

    @group.command(description="Let the line go on after a pause")
    async def resume(interaction: discord.Interaction) -> None:
        await acknowledge(interaction)
        changed = await administration.resume(guild_of(interaction), actor_id=interaction.user.id)
        text = _("Resumed: the line goes on.") if changed else _("It was not paused.")
        await respond(interaction, text)

    @group.command(description="See how things stand here")
    async def status(interaction: discord.Interaction) -> None:
        await acknowledge(interaction)
        line_status = await administration.status(guild_of(interaction))
        await respond(
            interaction, embeds=[status_embed(line_status, await backend_admin.entries())]
        )


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
    return discord.Embed(
        title=_("Status"),
        description=lines_within(lines, EMBED_DESCRIPTION_CHARACTERS),
        colour=discord.Colour.blurple(),
    )
