"""`/quota`: the remaining allowance, when it renews, and its sources."""

import discord
from discord import app_commands

from bot.i18n.language import _
from bot.requester import requester_of
from bot.tree import SlashCommand
from bot.ui.allowances import amount_text, reasons, this_period
from bot.ui.limits import EMBED_FIELD_CHARACTERS
from bot.ui.responses import acknowledge, respond
from bot.ui.text import lines_within, relative
from generation.quota.usage import QuotaStatus
from generation.service import GenerationService


def quota_command(service: GenerationService) -> SlashCommand:
    """Build `/quota` with its service."""

    @app_commands.command(description="See what is left for you, when more comes, and why")
    async def quota(interaction: discord.Interaction) -> None:
        await acknowledge(interaction)
        status = await service.quota(requester_of(interaction))
        await respond(interaction, embeds=[quota_embed(status)])

    return quota


def quota_embed(status: QuotaStatus) -> discord.Embed:
    """Embed of the remaining allowance."""
    embed = discord.Embed(title=_("Your quota"), colour=discord.Colour.blurple())
    if status.is_paused:
        embed.description = _("The line is paused here: what you ask for waits until it goes on.")
    if status.effective is not None and not status.effective.allowance.may_generate:
        embed.description = _("Your roles do not let you make pictures in this server.")
    embed.add_field(name=this_period(status.period), value=_left(status), inline=False)
    places = {"running": status.running, "max": status.max_running}
    embed.add_field(name=_("Running"), value=_("{running} of {max}", **places))
    places = {"waiting": status.waiting, "max": status.max_waiting}
    embed.add_field(name=_("Waiting"), value=_("{waiting} of {max}", **places))
    if status.next_request_at is not None:
        embed.add_field(name=_("Next request"), value=relative(status.next_request_at))
    why = reasons(status.effective) if status.effective is not None else []
    if why:
        embed.add_field(
            name=_("Why"), value=lines_within(why, EMBED_FIELD_CHARACTERS), inline=False
        )
    return embed


def _left(status: QuotaStatus) -> str:
    used = _("{amount} used", amount=amount_text(status.used, status.unit))
    if status.limit is None or status.left is None:
        return _("no limit · {used}", used=used)
    limit = amount_text(status.limit, status.unit)
    left = _("**{left}** of {limit} left", left=status.left, limit=limit)
    more = _("more {when}", when=relative(status.resets_at))
    return f"{left}\n{more}"
