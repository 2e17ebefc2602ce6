"""Blocking of people, and the modal for the person of a result."""

from datetime import UTC, datetime, timedelta

import discord

from bot.i18n.language import _
from bot.permissions import guild_of, require_may_block, require_moderator
from bot.replies.moderation.review_messages import BLOCK, PLACED_ID
from bot.requester import actor_of
from bot.services import services_of
from bot.ui.modals import ModalInput, handles_modal, open_modal, text_field
from bot.ui.responses import acknowledge, before_deadline, respond
from bot.ui.text import plain
from generation.errors import InvalidOption
from generation.moderation.blocks import MAX_REASON_CHARACTERS

MAX_DAYS = 3650
DAYS_DIGITS = len(str(MAX_DAYS))


async def block_person(
    interaction: discord.Interaction,
    user_id: int,
    *,
    days: int | None,
    reason: str,
    everywhere: bool = False,
) -> None:
    """Block a person, without `days` until unblocked, and say so. Raises RequestRefused."""
    await require_may_block(interaction, user_id)
    until = datetime.now(UTC) + timedelta(days=days) if days else None
    await services_of(interaction).moderation.block(
        actor_of(interaction), user_id, reason=reason, until=until, everywhere=everywhere
    )
    person = f"<@{user_id}>"
    if everywhere:
        text = _("{person} is blocked in all servers.", person=person)
    elif until is None:
        text = _("{person} is blocked here until unblocked.", person=person)
    else:
        when = discord.utils.format_dt(until, "f")
        text = _("{person} is blocked here until {when}.", person=person, when=when)
    await respond(interaction, text)


async def open_block(interaction: discord.Interaction, generation_id: str, place: str) -> None:
    """Open the modal that asks for how long, and why."""
    reviews = services_of(interaction).reviews
    lookup = reviews.case(generation_id, guild_of(interaction))
    case = await before_deadline(interaction, lookup)
    days = text_field("days", _("Days (empty: until unblocked)"), longest=DAYS_DIGITS)
    reason = text_field("reason", _("Reason (they will see it)"), longest=MAX_REASON_CHARACTERS)
    title = _("Block {person}", person=plain(case.generation.user_name))
    await open_modal(interaction, f"{place}:{generation_id}:{BLOCK}", title, days, reason)


@handles_modal(rf"{PLACED_ID}:block")
async def _take_block(interaction: discord.Interaction, answer: ModalInput) -> None:
    require_moderator(interaction)
    await acknowledge(interaction)
    reviews = services_of(interaction).reviews
    case = await reviews.case(answer.match["id"], guild_of(interaction))
    typed = answer.texts.get("days", "").strip()
    is_number = typed.isascii() and typed.isdecimal() and len(typed) <= DAYS_DIGITS
    if typed and not (is_number and 1 <= int(typed) <= MAX_DAYS):
        raise InvalidOption("Days must be a number from 1 to {most}.", {"most": MAX_DAYS})
    days, reason = int(typed) if typed else None, answer.texts.get("reason", "")
    await block_person(interaction, case.generation.user_id, days=days, reason=reason)
