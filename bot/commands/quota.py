"""`/quota`: the remaining allowance, when it renews, and its sources."""

import discord
from discord import app_commands, ui

from bot.i18n.language import _
from bot.requester import requester_of
from bot.services import services_of
from bot.ui.allowances import amount_text, reasons, this_period
from bot.ui.layout import AMBER, BLURPLE, panel, small
from bot.ui.responses import acknowledge, respond
from bot.ui.text import relative
from generation.quota.usage import QuotaStatus


@app_commands.command(name="quota", description="Show what you have left")
async def quota_command(interaction: discord.Interaction) -> None:
    await acknowledge(interaction)
    status = await services_of(interaction).generations.quota(requester_of(interaction))
    await respond(interaction, view=quota_panel(status))


def quota_panel(status: QuotaStatus) -> ui.LayoutView:
    """Build the panel of the remaining allowance, its sources, and unfinished requests."""
    notes = []
    if status.is_paused:
        notes.append(_("The queue is paused: new requests wait until it resumes."))
    if status.effective is not None and not status.effective.allowance.may_generate:
        notes.append(_("Your roles don't let you make pictures in this server."))
    lines = [
        *notes,
        f"**{this_period(status.period)}** {_left(status)}",
        _(
            "**In progress** {running} of {max_running} running · "
            "{waiting} of {max_waiting} waiting",
            running=status.running,
            max_running=status.max_running,
            waiting=status.waiting,
            max_waiting=status.max_waiting,
        ),
    ]
    if status.next_request_at is not None:
        lines.append(_("**Next request** {when}", when=relative(status.next_request_at)))
    why = reasons(status.effective) if status.effective is not None else []
    return panel(
        _("Your quota"),
        [*lines, *map(small, why)],
        colour=AMBER if notes else BLURPLE,
    )


def _left(status: QuotaStatus) -> str:
    used = _("{amount} used", amount=amount_text(status.used, status.unit))
    if status.limit is None or status.left is None:
        return _("no limit · {used}", used=used)
    limit = amount_text(status.limit, status.unit)
    left = _("{left} of {limit} left", left=status.left, limit=limit)
    return _("{left} · resets {when}", left=left, when=relative(status.resets_at))
