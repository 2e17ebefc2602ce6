"""`/limner backends`: list, drain and resume backends; for the bot's operators."""

import discord
from discord import app_commands

from bot.i18n.language import _
from bot.permissions import guild_of, is_operator, require_operator
from bot.ui.limits import EMBED_DESCRIPTION_CHARACTERS
from bot.ui.options import Choices, matching
from bot.ui.responses import acknowledge, respond
from bot.ui.text import BYTES_PER_MIB, harmless, lines_within, relative
from generation.backends.draining import BackendAdmin, DrainEntry
from generation.backends.status import BackendState
from generation.errors import FailureKind, RequestRefused

MIB_PER_GIB = 1024


def backends_group(backend_admin: BackendAdmin) -> app_commands.Group:
    """Build `/limner backends`.

    Backends are shared by all guilds, so only operators may see and drain them: an administrator
    of one guild could otherwise stop the generations of all others.
    """
    group = app_commands.Group(name="backends", description="What makes the pictures")

    @group.command(name="list", description="See every backend: state, load, device, memory")
    async def list_(interaction: discord.Interaction) -> None:
        require_operator(interaction)
        await acknowledge(interaction)
        entries = await backend_admin.entries()
        embed = discord.Embed(
            title=_("Backends"),
            description=lines_within(
                [entry_text(entry) for entry in entries], EMBED_DESCRIPTION_CHARACTERS
            ),
            colour=discord.Colour.blurple(),
        )
        await respond(interaction, embeds=[embed])

    @group.command(name="drain", description="Hand a backend nothing new; what runs is finished")
    @app_commands.describe(backend="Its name")
    async def drain(interaction: discord.Interaction, backend: str) -> None:
        require_operator(interaction)
        await acknowledge(interaction)
        _require_known(backend_admin, backend)
        changed = await backend_admin.drain(
            backend, actor_id=interaction.user.id, guild_id=guild_of(interaction)
        )
        text = _("{backend} is handed nothing new.", backend=harmless(backend))
        if not changed:
            text = _("{backend} is drained already.", backend=harmless(backend))
        await respond(interaction, text)

    @group.command(name="resume", description="Put a drained backend into service again")
    @app_commands.describe(backend="Its name")
    async def resume(interaction: discord.Interaction, backend: str) -> None:
        require_operator(interaction)
        await acknowledge(interaction)
        _require_known(backend_admin, backend)
        changed = await backend_admin.resume(
            backend, actor_id=interaction.user.id, guild_id=guild_of(interaction)
        )
        text = _("{backend} is in service again.", backend=harmless(backend))
        if not changed:
            text = _("{backend} was not drained.", backend=harmless(backend))
        await respond(interaction, text)

    @drain.autocomplete("backend")
    @resume.autocomplete("backend")
    async def complete(interaction: discord.Interaction, typed: str) -> Choices:
        names = backend_admin.names if is_operator(interaction) else ()
        return matching(((name, name) for name in names), typed)

    return group


def entry_text(entry: DrainEntry) -> str:
    """Format a backend in a few short lines."""
    status = entry.status
    lines = [f"**{harmless(status.name)}** · {_state(status.state)}"]
    load = _("{running} of {most} ours", running=status.running, most=status.concurrency)
    if status.load is not None:
        load = _("{load}, {all} in all", load=load, all=status.load)
    if status.version:
        load = _("{load} · ComfyUI {version}", load=load, version=harmless(status.version))
    lines.append(load)
    for device in status.devices:
        free, total = _gib(device.memory_free), _gib(device.memory_total)
        name = harmless(device.name, 80)
        lines.append(_("{name} · {free} of {total} GiB free", name=name, free=free, total=total))
    if entry.drained_at is not None:
        who, when = f"<@{entry.drained_by}>", relative(entry.drained_at)
        lines.append(_("drained by {who} {when}", who=who, when=when))
    if status.problem:
        lines.append(harmless(status.problem))
    return "\n".join(lines)


def _state(state: BackendState) -> str:
    return {
        BackendState.READY: _("ready"),
        BackendState.DRAINED: _("drained"),
        BackendState.RESTING: _("resting after failures"),
        BackendState.UNREACHABLE: _("cannot be reached"),
    }[state]


def _gib(byte_count: int) -> str:
    return f"{byte_count / BYTES_PER_MIB / MIB_PER_GIB:.1f}"


def _require_known(backend_admin: BackendAdmin, name: str) -> None:
    if name not in backend_admin.names:
        raise RequestRefused(
            FailureKind.INVALID_OPTION,
            "There is no backend called {name}: choose one from the list.",
            {"name": name},
        )
