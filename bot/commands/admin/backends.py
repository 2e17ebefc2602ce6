"""`/limner backends`: list, drain and resume backends; for the bot's operators."""

import discord
from discord import app_commands

from bot.i18n.language import _, plural
from bot.permissions import is_operator, require_operator
from bot.ui.error_messages import FAILURE_TITLES
from bot.ui.options import Choices, matching
from bot.ui.responses import acknowledge, acknowledged, respond, respond_lines
from bot.ui.text import BYTES_PER_MIB, harmless, relative
from generation.backends.draining import BackendAdmin, BackendReport
from generation.backends.status import BackendState
from generation.errors import InvalidOption
from generation.request import Actor

MIB_PER_GIB = 1024


class BackendsGroup(app_commands.Group, name="backends", description="The GPUs that make pictures"):
    """`/limner backends`.

    Backends are shared by all guilds, so only operators may see and drain them: an administrator
    of one guild could otherwise stop the generations of all others.
    """

    def __init__(self, backend_admin: BackendAdmin) -> None:
        super().__init__()
        self._admin = backend_admin

    @app_commands.command(name="list", description="Show every GPU: state, load and memory")
    async def list_(self, interaction: discord.Interaction) -> None:
        require_operator(interaction)
        await acknowledge(interaction)
        reports = await self._admin.reports()
        await respond_lines(interaction, _("GPUs"), [report_text(report) for report in reports])

    @app_commands.command(description="Stop sending work to this GPU")
    @app_commands.describe(backend="Which GPU")
    async def drain(self, interaction: discord.Interaction, backend: str) -> None:
        actor = await self._acknowledged(interaction, backend)
        text = _("{backend} gets no new work.", backend=harmless(backend))
        if not await self._admin.drain(actor, backend):
            text = _("{backend} already gets no new work.", backend=harmless(backend))
        await respond(interaction, text)

    @app_commands.command(description="Send work to this GPU again")
    @app_commands.describe(backend="Which GPU")
    async def resume(self, interaction: discord.Interaction, backend: str) -> None:
        actor = await self._acknowledged(interaction, backend)
        text = _("{backend} gets work again.", backend=harmless(backend))
        if not await self._admin.resume(actor, backend):
            text = _("{backend} was not stopped.", backend=harmless(backend))
        await respond(interaction, text)

    @drain.autocomplete("backend")
    @resume.autocomplete("backend")
    async def complete(self, interaction: discord.Interaction, typed: str) -> Choices:
        """Offer the names."""
        names = self._admin.names if is_operator(interaction) else ()
        return matching(((name, name) for name in names), typed)

    async def _acknowledged(self, interaction: discord.Interaction, name: str) -> Actor:
        """Acknowledge to an operator. Raises RequestRefused for an unknown backend."""
        require_operator(interaction)
        actor = await acknowledged(interaction)
        if name not in self._admin.names:
            raise InvalidOption('No GPU "{name}". Pick one from the list.', {"name": name})
        return actor


def report_text(report: BackendReport) -> str:
    """Format a backend in a few short lines."""
    status = report.status
    use = report.use
    lines = [f"**{harmless(status.name)}** · {_state(status.state)}"]
    running = max(status.running, use.running)
    load = _("{running} of {most} running", running=running, most=status.concurrency)
    if status.load is not None:
        load = _("{load}, {all} in total", load=load, all=status.load)
    if status.surface:
        service = harmless(status.surface)
        load = _("{load} · {service}, whose load is unknown", load=load, service=service)
    elif status.version:
        load = _("{load} · ComfyUI {version}", load=load, version=harmless(status.version))
    lines.append(load)
    for device in status.devices:
        free, total = _gib(device.memory_free), _gib(device.memory_total)
        name = harmless(device.name, 80)
        lines.append(_("{name} · {free} of {total} GiB free", name=name, free=free, total=total))
    gpu_time = plural("{count} GPU second", "{count} GPU seconds", round(use.gpu_s_today))
    lines.append(_("{time} today", time=gpu_time))
    if use.failure is not None and use.failed_at is not None:
        title, when = _(FAILURE_TITLES[use.failure]), relative(use.failed_at)
        lines.append(_("last failure: {title}, {when}", title=title, when=when))
    if report.drained_at is not None:
        who, when = f"<@{report.drained_by}>", relative(report.drained_at)
        lines.append(_("stopped by {who} {when}", who=who, when=when))
    if status.problem:
        lines.append(harmless(status.problem))
    return "\n".join(lines)


def _state(state: BackendState) -> str:
    return {
        BackendState.READY: _("ready"),
        BackendState.DRAINED: _("stopped"),
        BackendState.RESTING: _("paused after failures"),
        BackendState.UNREACHABLE: _("offline"),
        BackendState.ASLEEP: _("asleep until work waits"),
        BackendState.STARTING: _("starting"),
    }[state]


def _gib(byte_count: int) -> str:
    return f"{byte_count / BYTES_PER_MIB / MIB_PER_GIB:.1f}"
