"""`/mod review` and `/mod log-channel`, and Report image in the menu of messages."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import discord
from discord import app_commands

from bot.commands.mydata import keeping_text
from bot.i18n.language import _, plural
from bot.permissions import guild_of, require_administrator
from bot.replies.actions import find_own
from bot.replies.review_messages import show_next
from bot.requester import requester_of
from bot.services import Services
from bot.tree import SlashCommand
from bot.ui.limits import EMBED_DESCRIPTION_CHARACTERS
from bot.ui.modals import Handler, ModalInput, open_modal, text_field
from bot.ui.responses import acknowledge, acknowledged, before_deadline, respond
from bot.ui.text import lines_within
from generation.errors import FailureKind, RequestRefused
from generation.moderation.review import MAX_REPORT_CHARACTERS, Overview, ReviewMode

REPORT_FORM = r"r:(?P<id>[a-z0-9]{1,32}):report"

MAX_KEPT_DAYS = 3650

Mode = Literal["off", "log", "flagged", "hold", "as the server"]


def review_command(services: Services) -> SlashCommand:
    """Build `/mod review`."""
    reviews = services.reviews

    @app_commands.command(
        description="Decide on results that wait, or choose which ones are reviewed"
    )
    @app_commands.describe(
        mode="Without it, you see what waits for you",
        channel="For this channel alone; without it, for the whole server",
    )
    async def review(
        interaction: discord.Interaction,
        mode: Mode | None = None,
        channel: discord.TextChannel | discord.ForumChannel | discord.VoiceChannel | None = None,
    ) -> None:
        actor = await acknowledged(interaction)
        if mode is None:
            await show_next(interaction)
            # `show_next` has already responded.
            embed = _policy_embed(await reviews.overview(actor.guild_id))
            await interaction.followup.send(embed=embed, ephemeral=True)
            return
        chosen = None if mode == "as the server" else ReviewMode(mode)
        if chosen is None and channel is None:
            raise RequestRefused(
                FailureKind.INVALID_OPTION, "Say for which channel, or choose another mode."
            )
        await reviews.set_mode(actor, channel.id if channel else None, chosen)
        await respond(interaction, embeds=[_policy_embed(await reviews.overview(actor.guild_id))])

    return review


def log_channel_command(services: Services) -> SlashCommand:
    """Build `/mod log-channel`."""
    reviews = services.reviews

    @app_commands.command(
        name="log-channel", description="Choose where moderators are shown results"
    )
    @app_commands.describe(
        channel="Without it, you see which one it is", off="Show them nowhere from now on"
    )
    async def log_channel(
        interaction: discord.Interaction,
        channel: discord.TextChannel | None = None,
        off: bool = False,  # noqa: FBT001, FBT002 - an option of the command
    ) -> None:
        actor = await acknowledged(interaction)
        if channel is not None and off:
            raise RequestRefused(
                FailureKind.INVALID_OPTION, "Choose a channel, or switch it off: not both."
            )
        if channel is not None:
            _require_permissions(channel)
        if channel is not None or off:
            await reviews.set_log_channel(actor, channel.id if channel else None)
        await respond(interaction, embeds=[_policy_embed(await reviews.overview(actor.guild_id))])

    return log_channel


def retention_command(services: Services) -> SlashCommand:
    """Build `/mod retention`, which only administrators may use."""

    @app_commands.command(
        description="Choose for how many days things are kept here (administrators)"
    )
    @app_commands.describe(
        pictures="Results and thumbnails; 0: for good; without it, as before",
        prompts="What was typed; 0: for good; without it, as before",
        records="Everything else; 0: for good; without it, as before",
    )
    async def retention(
        interaction: discord.Interaction,
        pictures: app_commands.Range[int, 0, MAX_KEPT_DAYS] | None = None,
        prompts: app_commands.Range[int, 0, MAX_KEPT_DAYS] | None = None,
        records: app_commands.Range[int, 0, MAX_KEPT_DAYS] | None = None,
    ) -> None:
        require_administrator(interaction)
        actor = await acknowledged(interaction)
        given = {"pictures": pictures, "prompts": prompts, "records": records}
        changes = {name: days or None for name, days in given.items() if days is not None}
        keeping = await services.retention.find(actor.guild_id)
        if changes:
            keeping = replace(keeping, **changes)
            await services.retention.set(actor, keeping)
        await respond(interaction, keeping_text(keeping))

    return retention


class ReportMenu:
    """Context menu entry Report image, for the bot's own messages."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def commands(self) -> tuple[app_commands.ContextMenu, ...]:
        """The context menu entry."""

        async def report(interaction: discord.Interaction, message: discord.Message) -> None:
            await self.ask(interaction, message)

        return (app_commands.ContextMenu(name="Report image", callback=report),)

    def forms(self) -> Mapping[str, Handler]:
        """Handlers of the modals that the menu opens."""
        return {REPORT_FORM: self.take}

    async def ask(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Open the form that asks for the reason."""
        generation = await before_deadline(interaction, find_own(interaction, message))
        if generation is None:
            raise RequestRefused(
                FailureKind.INVALID_ATTACHMENT,
                "I made nothing in this message. Report others' messages to Discord.",
            )
        if generation.guild_id is None or generation.guild_id != guild_of(interaction):
            raise RequestRefused(
                FailureKind.NOT_ALLOWED_HERE, "There are no moderators here. Delete it instead."
            )
        field = text_field(
            "reason",
            _("What is wrong with it?"),
            long=True,
            required=True,
            longest=MAX_REPORT_CHARACTERS,
        )
        await open_modal(
            interaction, f"r:{generation.id}:report", _("Report image"), {"reason": field}
        )

    async def take(self, interaction: discord.Interaction, answer: ModalInput) -> None:
        """Record the report and show it to the moderators."""
        await acknowledge(interaction)
        await self._services.reviews.report(
            answer.match["id"], requester_of(interaction), answer.texts.get("reason", "")
        )
        await respond(interaction, _("Thank you. The moderators will look at it."))


def _require_permissions(channel: discord.TextChannel) -> None:
    """Require permission to post pictures in the channel. Raises RequestRefused."""
    granted = channel.permissions_for(channel.guild.me)
    needed = {
        "View Channel": granted.view_channel,
        "Send Messages": granted.send_messages,
        "Embed Links": granted.embed_links,
        "Attach Files": granted.attach_files,
    }
    missing = [name for name, is_granted in needed.items() if not is_granted]
    if missing:
        raise RequestRefused(
            FailureKind.INVALID_OPTION,
            "I lack permissions in {channel}: {missing}. Grant them, then choose it again.",
            {"channel": f"#{channel.name}", "missing": ", ".join(missing)},
        )


def _policy_embed(overview: Overview) -> discord.Embed:
    lines = [_("Whole server: {mode}", mode=_mode_text(overview.mode))]
    lines += [
        _("{channel}: {mode}", channel=f"<#{channel_id}>", mode=_mode_text(mode))
        for channel_id, mode in overview.channels.items()
    ]
    if overview.log_channel_id is not None:
        where = f"<#{overview.log_channel_id}>"
        lines.append(_("Results and reports are shown in {channel}.", channel=where))
    else:
        lines.append(_("No channel for moderators is set: `/mod log-channel` sets it."))
    lines.append(plural("{count} result waits.", "{count} results wait.", overview.waiting))
    return discord.Embed(
        title=_("Review"),
        description=lines_within(lines, EMBED_DESCRIPTION_CHARACTERS),
        colour=discord.Colour.blurple(),
    )


def _mode_text(mode: ReviewMode) -> str:
    match mode:
        case ReviewMode.OFF:
            return _("nothing is reviewed")
        case ReviewMode.LOG:
            return _("moderators are shown every result as well")
        case ReviewMode.FLAGGED:
            return _("moderators are shown what a watched word points out")
        case ReviewMode.HOLD:
            return _("nobody sees a result before a moderator approves of it")
