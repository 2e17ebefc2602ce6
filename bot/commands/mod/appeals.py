"""`/mod appeals`: appeals against blocks and refusals."""

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.i18n.language import _
from bot.services import services_of
from bot.ui.options import LARGEST_INTEGER
from bot.ui.responses import acknowledged, respond_lines
from bot.ui.text import harmless
from generation.errors import InvalidOption
from generation.moderation.appeals import BLOCK, MAX_APPEAL_CHARACTERS, Appeal

LISTED = 10


@app_commands.command(name="appeals", description="Read appeals, or close one")
@app_commands.describe(close="The number of an appeal that is dealt with")
async def appeals_command(
    interaction: discord.Interaction, close: Range[int, 1, LARGEST_INTEGER] | None = None
) -> None:
    actor, service = await acknowledged(interaction), services_of(interaction).appeals
    if close is not None and not await service.close(actor, close):
        raise InvalidOption(
            "No appeal {number} is open here.", {"option": "close", "number": close}
        )
    listed, count = await service.list_open(actor.guild_id, LISTED)
    lines = [_line(appeal) for appeal in listed]
    if count > len(listed):
        lines.append(_("{count} more", count=count - len(listed)))
    nothing = _("No appeals.")
    await respond_lines(interaction, _("Appeals"), lines, nothing=nothing)


def _line(appeal: Appeal) -> str:
    matter = f"`{appeal.subject}`"
    if appeal.subject.startswith(BLOCK):
        matter = _("against a block")
    when = discord.utils.format_dt(appeal.at, "f")
    said = harmless(appeal.text, MAX_APPEAL_CHARACTERS)
    return f"**{appeal.id}** <@{appeal.user_id}> · {when} · {matter}\n{said}"
