"""`/mod review` and `/mod channel`, and Report image in the menu of messages."""

from dataclasses import replace
from typing import Literal

import discord
from discord import app_commands, ui

from bot.commands.mydata import keeping_text
from bot.i18n.language import _
from bot.permissions import require_administrator, require_can_post
from bot.replies.actions import find_own
from bot.replies.moderation.reports import ask_for_report
from bot.replies.moderation.review_buttons import show_next
from bot.services import services_of
from bot.ui.layout import panel
from bot.ui.responses import acknowledged, before_deadline, respond
from generation.errors import InvalidAttachment, InvalidOption
from generation.moderation.review import Overview, ReviewMode

MAX_KEPT_DAYS = 3650

Mode = Literal["off", "log", "flagged", "hold", "as the server"]


@app_commands.command(
    name="review", description="Review waiting results, or choose what is reviewed"
)
@app_commands.describe(
    mode="What is reviewed (shows waiting results if empty)",
    channel="Only for this channel (whole server if empty)",
)
async def review_command(
    interaction: discord.Interaction,
    mode: Mode | None = None,
    channel: discord.TextChannel | discord.ForumChannel | discord.VoiceChannel | None = None,
) -> None:
    actor, reviews = await acknowledged(interaction), services_of(interaction).reviews
    if mode is None:
        await show_next(interaction)
        # `show_next` has already responded.
        view = _policy(await reviews.overview(actor.guild_id))
        await interaction.followup.send(view=view, ephemeral=True)
        return
    chosen = None if mode == "as the server" else ReviewMode(mode)
    if chosen is None and channel is None:
        raise InvalidOption("Choose a channel too, or another mode.")
    await reviews.set_mode(actor, channel.id if channel else None, chosen)
    await respond(interaction, view=_policy(await reviews.overview(actor.guild_id)))


@app_commands.command(name="channel", description="Set the moderators' channel")
@app_commands.describe(channel="Which channel (shows the setting if empty)", off="Turn it off")
async def log_channel_command(
    interaction: discord.Interaction,
    channel: discord.TextChannel | None = None,
    off: bool = False,  # noqa: FBT001, FBT002 - an option of the command
) -> None:
    actor, reviews = await acknowledged(interaction), services_of(interaction).reviews
    if channel is not None and off:
        raise InvalidOption("Choose a channel or turn it off, not both.")
    if channel is not None:
        require_can_post(channel)
    if channel is not None or off:
        await reviews.set_log_channel(actor, channel.id if channel else None)
    await respond(interaction, view=_policy(await reviews.overview(actor.guild_id)))


@app_commands.command(
    name="retention", description="Set how many days things are kept (administrators)"
)
@app_commands.describe(
    pictures="Results and thumbnails (0: until deleted)",
    prompts="Prompts (0: until deleted)",
    records="Everything else (0: until deleted)",
)
async def retention_command(
    interaction: discord.Interaction,
    pictures: app_commands.Range[int, 0, MAX_KEPT_DAYS] | None = None,
    prompts: app_commands.Range[int, 0, MAX_KEPT_DAYS] | None = None,
    records: app_commands.Range[int, 0, MAX_KEPT_DAYS] | None = None,
) -> None:
    require_administrator(interaction)
    actor, service = await acknowledged(interaction), services_of(interaction).retention
    given = {"pictures": pictures, "prompts": prompts, "records": records}
    changes = {name: days or None for name, days in given.items() if days is not None}
    keeping = await service.find(actor.guild_id)
    if changes:
        keeping = replace(keeping, **changes)
        await service.set(actor, keeping)
    await respond(interaction, keeping_text(keeping))


@app_commands.context_menu(name="Report image")
async def report_image(interaction: discord.Interaction, message: discord.Message) -> None:
    generation = await before_deadline(interaction, find_own(interaction, message))
    if generation is None:
        raise InvalidAttachment("This message isn't mine. Report it to Discord.")
    await ask_for_report(interaction, generation)


def _policy(overview: Overview) -> ui.LayoutView:
    lines = [_("Whole server: {mode}", mode=_mode_text(overview.mode))]
    lines += [
        _("{channel}: {mode}", channel=f"<#{channel_id}>", mode=_mode_text(mode))
        for channel_id, mode in overview.channels.items()
    ]
    if overview.log_channel_id is not None:
        where = f"<#{overview.log_channel_id}>"
        lines.append(_("Moderators' channel: {channel}", channel=where))
    else:
        lines.append(_("No moderators' channel yet. Set one with `/mod channel`."))
    return panel(_("Review"), lines)


def _mode_text(mode: ReviewMode) -> str:
    return {
        ReviewMode.OFF: _("not reviewed"),
        ReviewMode.LOG: _("moderators see every result"),
        ReviewMode.FLAGGED: _("moderators see flagged results"),
        ReviewMode.HOLD: _("every result needs approval"),
    }[mode]
