"""Persistent buttons, menus and modals by which moderators decide on results."""

from collections.abc import Sequence
from dataclasses import replace

import discord
from discord import ui

from bot.i18n.language import ENGLISH, _, plural, speaking, spoken
from bot.permissions import guild_of, require_moderator
from bot.replies.moderation.blocking import open_block
from bot.replies.moderation.review_messages import (
    APPROVE,
    BACK,
    BLOCK,
    CARD,
    OPEN,
    PICK,
    PLACED_ID,
    REASON,
    REFUSE,
    SHEET_ID_CHARACTERS,
    SHEET_NAME,
    UNDO,
    draft_case,
    draft_closed,
    draft_sheet,
    rebuild,
    sheet_button,
    sheet_rows,
    undo_buttons,
)
from bot.replies.posted_files import walk_components
from bot.replies.sender import ReplyContent
from bot.requester import actor_of
from bot.services import services_of
from bot.ui.components import PersistentItem, all_chosen_in, chosen_in
from bot.ui.layout import GREY, panel, row
from bot.ui.modals import ModalInput, handles_modal, open_modal, radio_field, text_field
from bot.ui.reasons import join_reason, reason_names
from bot.ui.responses import (
    acknowledge,
    acknowledge_press,
    before_deadline,
    replace_message,
    respond,
)
from generation.errors import (
    GenerationError,
    GenerationRemoved,
    RequestRefused,
    UnknownGeneration,
)
from generation.moderation.review import MAX_REPORT_CHARACTERS
from generation.notifier import MessageLocation

DELETE, ASK, LOOK = "delete", "ask", "look"
"""Actions of messages of earlier versions: now refusing, and opening."""

OWN_WORDS_CHARACTERS = MAX_REPORT_CHARACTERS - 20
"""Characters of a moderator's own words; the chosen reason stands before them."""


class ReviewButton(
    PersistentItem,
    template=rf"{PLACED_ID}:(?P<action>{APPROVE}|{REFUSE}|{DELETE}|{BLOCK}|{UNDO})",
):
    """Takes a moderator's decision on one result."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        require_moderator(interaction)
        generation_id, place = self.match["id"], self.match["place"]
        match self.match["action"]:
            case "block":
                await open_block(interaction, generation_id, place)
            case "refuse" | "delete":
                await _open_refuse(interaction, generation_id, place)
            case action:
                await acknowledge_press(interaction)
                await _act(interaction, generation_id, action, place)


class SheetButton(
    PersistentItem,
    template=(
        rf"v:(?P<action>{APPROVE}|{REFUSE}|{ASK}|{UNDO}|{OPEN}|{BACK}):"
        r"(?:(?P<reason>[0-9]):)?(?P<ids>[a-z0-9.]{0,88})"
    ),
):
    """Runs an action on exactly these results of a contact sheet."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        require_moderator(interaction)
        await _acknowledge(interaction)
        ids = tuple(filter(None, self.match["ids"].split(".")))
        match self.match["action"]:
            case "back":
                await show_next(interaction)
            case "open":
                await _show_case(interaction, ids[0] if ids else "")
            case action:
                reasons = dict(enumerate(reason_names()))
                reason = reasons.get(int(self.match["reason"] or len(reasons)), "")
                await _decide(interaction, REFUSE if action == ASK else action, ids, reason)


class SheetMenu(PersistentItem, template=rf"v:(?P<action>{PICK}|{REASON}|{LOOK})"):
    """Chooses what is decided on, or the reason for refusing, on a contact sheet."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        require_moderator(interaction)
        await _acknowledge(interaction)
        if self.match["action"] == LOOK:
            await _show_case(interaction, chosen_in(interaction))
            return
        view = None
        if interaction.message is not None and _is_private(interaction):
            chosen = all_chosen_in(interaction)
            view = _rechosen(interaction.message, self.match["action"], chosen)
        if view is None:
            await show_next(interaction)
            return
        await interaction.edit_original_response(**ReplyContent(view).edit(keeps_files=True))


async def _decide(
    interaction: discord.Interaction, action: str, ids: Sequence[str], reason: str
) -> None:
    done, unshared = [], 0
    for generation_id in ids:
        try:
            unshared += await _record(interaction, generation_id, action, join_reason(reason, ""))
        except (RequestRefused, UnknownGeneration, GenerationRemoved):
            continue
        done.append(generation_id)
    await show_next(interaction, reason=reason, undoable=done if action != UNDO else ())
    if late := len(ids) - len(done):
        told = plural(
            "{count} was already decided or deleted.",
            "{count} were already decided or deleted.",
            late,
        )
        await respond(interaction, told)
    await _say_unshared(interaction, unshared)
    for generation_id in ids:
        await services_of(interaction).reviews.update_message(generation_id)


def _rechosen(message: discord.Message, action: str, chosen: Sequence[str]) -> ui.LayoutView | None:
    """Rebuild a sheet from its message, with another choice in one of its menus.

    None if the message shows nothing to decide on.
    """
    options: dict[str, list[discord.SelectOption]] = {PICK: [], REASON: []}
    undoable: tuple[str, ...] = ()
    for part in walk_components(message.components):
        kind, _separator, name = (getattr(part, "custom_id", None) or "").partition(":")
        if kind == "v" and name in options:
            options[name] = part.options
        elif kind == "v" and name.startswith(f"{UNDO}:"):
            undoable = tuple(name.partition(":")[2].split("."))
    if not options[PICK]:
        return None
    for option in options[action]:
        option.default = option.value in chosen
    reason = next((option.value for option in options[REASON] if option.default), "")
    return rebuild(message, *sheet_rows(options[PICK], reason, undoable))


async def show_next(
    interaction: discord.Interaction, *, reason: str = "", undoable: Sequence[str] = ()
) -> None:
    """Show pending results, oldest first, in the private response.

    A contact sheet if several can be judged at a glance, otherwise the oldest alone. The previous
    decision can be undone there, and its reason is preselected.
    """
    reviews, guild_id = services_of(interaction).reviews, guild_of(interaction)
    marker = services_of(interaction).marker
    sheet = await reviews.sheets.build(guild_id or 0, SHEET_ID_CHARACTERS)
    if sheet is not None:
        picture = await marker.mark(sheet.picture, SHEET_NAME, *sheet.generations)
        await _show(interaction, draft_sheet(replace(sheet, picture=picture), reason, undoable))
        return
    overview = await reviews.overview(guild_id or 0)
    rows = [row(*undo_buttons(undoable))]
    if overview.next_id is None:
        view = panel("", [_("Nothing to review.")], colour=GREY, rows=rows)
        await _show(interaction, ReplyContent(view))
        return
    case = await reviews.case(overview.next_id, guild_id)
    draft = await draft_case(case, marker=marker, waiting=overview.waiting, rows=rows)
    await _show(interaction, draft)


async def _show_case(interaction: discord.Interaction, generation_id: str) -> None:
    """Show one result of a sheet, with a button back to it."""
    case = await services_of(interaction).reviews.case(generation_id, guild_of(interaction))
    back = row(sheet_button(BACK))
    marker = services_of(interaction).marker
    await _show(interaction, await draft_case(case, marker=marker, rows=[back]))


async def _show(interaction: discord.Interaction, draft: ReplyContent) -> None:
    files = [file.to_file() for file in draft.files]
    await replace_message(interaction, draft.view, files)


async def _acknowledge(interaction: discord.Interaction) -> None:
    """Acknowledge privately unless the message is private: held results are never public."""
    if _is_private(interaction):
        await acknowledge_press(interaction)
    else:
        await acknowledge(interaction)


async def _record(
    interaction: discord.Interaction, generation_id: str, action: str, reason: str = ""
) -> bool:
    """Record a decision, or undo it, and have it delivered.

    Return whether it is shown again, but not where it was shared. Raises the errors of
    `Reviews.decide` and `undo`.
    """
    services, actor = services_of(interaction), actor_of(interaction)
    before = await services.generations.find(generation_id)
    if action == UNDO:
        telling = await services.reviews.undo(actor, generation_id)
    else:
        is_approved = action == APPROVE
        telling = await services.reviews.decide(
            actor, generation_id, approved=is_approved, reason="" if is_approved else reason
        )
    if telling is None:
        return False
    await services.generations.tell_decided(generation_id, telling)
    return before is not None and before.withheld and before.shared_url is not None


async def _say_unshared(interaction: discord.Interaction, count: int) -> None:
    if count:
        told = plural(
            "{count} shared message stays deleted. Its person can share it again.",
            "{count} shared messages stay deleted. Their people can share them again.",
            count,
        )
        await respond(interaction, told)


async def _act(
    interaction: discord.Interaction, generation_id: str, action: str, place: str, reason: str = ""
) -> None:
    """Decide on one result, or undo it, and show what follows in the message."""
    refusal: GenerationError | None = None
    unshared = False
    is_card = place == CARD and not _is_private(interaction)
    # A stop waits: whoever decided would be told that it did not work, though it is recorded.
    with services_of(interaction).generations.submissions.pending():
        try:
            if is_card and interaction.message is not None:
                location = MessageLocation(interaction.message.channel.id, interaction.message.id)
                await services_of(interaction).reviews.note_card(generation_id, location)
            unshared = await _record(interaction, generation_id, action, reason)
        except GenerationError as error:
            refusal = error
        if place == CARD and not is_card:
            is_undoable = refusal is None and action != UNDO
            await show_next(interaction, undoable=[generation_id] if is_undoable else ())
        else:
            await _show_decision(interaction, generation_id, place)
        await _say_unshared(interaction, int(unshared))
        # Another moderator's decision may have been shown before this one's edit of the same card.
        await services_of(interaction).reviews.update_message(generation_id, always=is_card)
    if refusal is not None:
        raise refusal


async def _show_decision(interaction: discord.Interaction, generation_id: str, place: str) -> None:
    """Update the message with the recorded state of its result."""
    services, is_card = services_of(interaction), place == CARD
    case = await services.reviews.case(generation_id, guild_of(interaction))
    # Everybody in the moderators' channel reads a card.
    with speaking(str(interaction.guild_locale or ENGLISH) if is_card else spoken()):
        if not case.state.is_closed:
            await _show(interaction, await draft_case(case, marker=services.marker, place=place))
            return
        draft = draft_closed(interaction.message if is_card else None, case)
    keeps_files = is_card and case.state.keeps_files
    await interaction.edit_original_response(**draft.edit(keeps_files=keeps_files))


async def _open_refuse(interaction: discord.Interaction, generation_id: str, place: str) -> None:
    reviews = services_of(interaction).reviews
    await before_deadline(interaction, reviews.case(generation_id, guild_of(interaction)))
    custom_id = f"{place}:{generation_id}:{REFUSE}"
    kind = radio_field("kind", _("Reason (they will see it)"), reason_names(), required=False)
    reason = text_field(
        "reason", _("Your own words (optional)"), long=True, longest=OWN_WORDS_CHARACTERS
    )
    await open_modal(interaction, custom_id, _("Refuse"), kind, reason)


@handles_modal(rf"{PLACED_ID}:refuse")
async def _take_refuse(interaction: discord.Interaction, answer: ModalInput) -> None:
    require_moderator(interaction)
    await acknowledge_press(interaction)
    reason = join_reason(answer.texts.get("kind", ""), answer.texts.get("reason", ""))
    await _act(interaction, answer.match["id"], REFUSE, answer.match["place"], reason)


def _is_private(interaction: discord.Interaction) -> bool:
    return interaction.message is not None and interaction.message.flags.ephemeral
