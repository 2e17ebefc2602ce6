"""Review messages: results for moderators, in their channel or privately, with decision buttons."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import discord
from discord import ui

from bot.i18n.language import _, mark, plural
from bot.permissions import guild_of, require_may_block, require_moderator
from bot.replies.address import DEFAULT_SIZE_LIMIT, parse_reply
from bot.replies.deletion import delete_message, withdraw
from bot.replies.packing import Attachment, pack, show_files
from bot.replies.posted_files import files_of, texts_of
from bot.replies.result_messages import facts, title_line
from bot.replies.sender import ReplyContent
from bot.requester import actor_of
from bot.services import services_of
from bot.ui.components import PersistentItem, chosen_in
from bot.ui.generations import LISTED_PROMPT_CHARACTERS, choice_label
from bot.ui.layout import AMBER, GREY, Item, build_layout, card, panel, row, small, text
from bot.ui.limits import MENU_OPTION_CHARACTERS
from bot.ui.modals import Handler, ModalInput, open_modal, text_field
from bot.ui.responses import acknowledge, acknowledge_press, before_deadline, respond
from bot.ui.text import harmless, lines_within, plain, relative
from generation.errors import FailureKind, RequestRefused, UnknownGeneration
from generation.marking.marker import Marker
from generation.moderation.blocks import MAX_REASON_CHARACTERS
from generation.moderation.review import Sheet
from generation.notifier import Case, CaseState
from generation.record import Generation

APPROVE, REFUSE, DELETE, BLOCK = "approve", "refuse", "delete", "block"

ASK, BACK = "ask", "back"
"""Actions of a contact sheet: ask to confirm the refusal of all, and return to the sheet."""

SHEET_ID_CHARACTERS = 80
"""Of the ids of one sheet: a button carries them all, with dots between, in 100 characters."""

REASON_CHARACTERS = 200
REASONS_CHARACTERS = 1_000
TEXTS_CHARACTERS = 3_200
MAX_DAYS = 3650
DAYS_DIGITS = len(str(MAX_DAYS))


BLOCK_FORM = r"r:(?P<id>[a-z0-9]{1,32}):block"

_TITLES = {
    CaseState.PENDING: mark("Waiting for approval"),
    CaseState.REPORTED: mark("Reported"),
}

_ACTIONS = {
    CaseState.PENDING: (APPROVE, REFUSE, BLOCK),
    CaseState.REPORTED: (APPROVE, DELETE, BLOCK),
}


class ReviewButton(
    PersistentItem[ui.Button[ui.View]],
    template=rf"r:(?P<id>[a-z0-9]{{1,32}}):(?P<action>{APPROVE}|{REFUSE}|{DELETE}|{BLOCK})",
):
    """Persistent button of a moderator's decision on one result."""

    def __init__(self, generation_id: str, action: str) -> None:
        style = {
            APPROVE: discord.ButtonStyle.success,
            REFUSE: discord.ButtonStyle.danger,
            DELETE: discord.ButtonStyle.danger,
        }.get(action, discord.ButtonStyle.secondary)
        button = ui.Button[ui.View](
            label=_label(action), style=style, custom_id=f"r:{generation_id}:{action}"
        )
        super().__init__(button)
        self.generation_id = generation_id
        self.action = action

    @classmethod
    def read(cls, match: re.Match[str], /) -> Self:
        """Parse the button from its custom id."""
        return cls(match["id"], match["action"])

    async def answer(self, interaction: discord.Interaction, /) -> None:
        """Run the action."""
        require_moderator(interaction)
        if self.action == BLOCK:
            await _open_block(interaction, self.generation_id)
        elif self.action == DELETE:
            await _delete(interaction, self.generation_id)
        else:
            await _decide(interaction, self.generation_id, approved=self.action == APPROVE)


class SheetButton(
    PersistentItem[ui.Button[ui.View]],
    template=rf"v:(?P<action>{APPROVE}|{ASK}|{REFUSE}|{BACK}):(?P<ids>[a-z0-9.]{{0,88}})",
):
    """Persistent button of a decision on exactly the results of a contact sheet, or back to it."""

    def __init__(self, action: str, ids: Sequence[str] = ()) -> None:
        count = len(ids)
        label, style = _("Back"), discord.ButtonStyle.secondary
        if action == APPROVE:
            label = plural("Approve {count}", "Approve all {count}", count)
            style = discord.ButtonStyle.success
        elif action == ASK:
            label = plural("Refuse {count}", "Refuse all {count}", count)
            style = discord.ButtonStyle.danger
        elif action == REFUSE:
            label = plural("Really refuse {count}", "Really refuse all {count}", count)
            style = discord.ButtonStyle.danger
        custom_id = f"v:{action}:{'.'.join(ids)}"
        super().__init__(ui.Button(label=label, style=style, custom_id=custom_id))
        self.action = action
        self.ids = tuple(ids)

    @classmethod
    def read(cls, match: re.Match[str], /) -> Self:
        """Parse the button from its custom id."""
        return cls(match["action"], tuple(filter(None, match["ids"].split("."))))

    async def answer(self, interaction: discord.Interaction, /) -> None:
        """Record the decisions and show the next results."""
        require_moderator(interaction)
        await _acknowledge(interaction)
        if self.action == BACK:
            await show_next(interaction)
            return
        if self.action == ASK:
            if interaction.message is not None:
                view = _confirmation(interaction.message, self.ids)
                await interaction.edit_original_response(**keeping_files(view))
            return
        approved = self.action == APPROVE
        decided = await _decide_all(interaction, self.ids, approved=approved)
        await show_next(interaction)
        if late := len(self.ids) - len(decided):
            told = plural(
                "{count} was already decided or deleted.",
                "{count} were already decided or deleted.",
                late,
            )
            await respond(interaction, told)
        for generation_id, is_open in decided.items():
            if is_open:
                await services_of(interaction).reviews.update_messages(generation_id)


class SheetMenu(PersistentItem[ui.Select[ui.View]], template=r"v:look"):
    """Persistent menu that opens one result of a contact sheet."""

    def __init__(self, sheet: Sheet | None = None) -> None:
        options = [discord.SelectOption(label="…", value="-")]
        if sheet is not None:
            options = [
                discord.SelectOption(
                    label=plain(f"{places} · {choice_label(generation)}")[:MENU_OPTION_CHARACTERS],
                    value=generation.id,
                )
                for places, generation in zip(_places(sheet), sheet.generations, strict=True)
            ]
        super().__init__(ui.Select(custom_id="v:look", placeholder=_("Open one…"), options=options))

    @classmethod
    def read(cls, match: re.Match[str], /) -> Self:  # noqa: ARG003 - the id holds no data
        """Build the menu; the chosen result comes with the interaction."""
        return cls()

    async def answer(self, interaction: discord.Interaction, /) -> None:
        """Show the result in place of the sheet, with decision buttons."""
        require_moderator(interaction)
        await _acknowledge(interaction)
        await _show_case(interaction, chosen_in(interaction))


REVIEW_ITEMS = (ReviewButton, SheetButton, SheetMenu)


def review_forms() -> Mapping[str, Handler]:
    """Handlers of the modals that the buttons open."""
    return {BLOCK_FORM: _take_block}


async def draft_case(case: Case, *, marker: Marker, waiting: int | None = None) -> ReplyContent:
    """Build the review message of one result; `waiting` is the number of all waiting ones."""
    generation = replace(case.generation, spoiler=True)
    parcel = await pack(generation, case.contents, DEFAULT_SIZE_LIMIT, marker=marker)
    files = parcel.messages[0] if parcel.messages else ()
    state = _(_TITLES.get(case.state, mark("For moderators")))
    where = (f"<@{generation.user_id}>", f"<#{generation.channel_id}>")
    reasons = [harmless(reason, REASON_CHARACTERS) for reason in case.reasons]
    why = lines_within(reasons, REASONS_CHARACTERS) if reasons else ""
    notes = [small(note) for note in parcel.notes]
    queue = _("{count} waiting", count=waiting) if waiting else ""
    view = build_layout(
        card(
            AMBER,
            text(
                title_line(generation, generation.workflow, for_moderators=True),
                small(state, *where),
            ),
            *show_files(files),
            text(why, *parcel.texts, *notes, most=TEXTS_CHARACTERS),
            _decision_row(case),
            text(small(facts(generation), queue)),
        )
    )
    return ReplyContent(view, files)


def _decision_row(case: Case) -> Item | None:
    generation = case.generation
    actions = _ACTIONS.get(case.state, (DELETE, BLOCK))
    buttons: list[ui.Item[Any]] = [ReviewButton(generation.id, action) for action in actions]
    address = parse_reply(generation.reply)
    link = generation.message_url or (address.message_url if address is not None else None)
    if link:
        buttons.append(ui.Button(label=_("Open"), url=link))
    return row(*buttons)


def draft_sheet(sheet: Sheet) -> ReplyContent:
    """Build the message of a contact sheet, whose results are decided on together."""
    lines = [
        f"**{places}** {_shown_prompt(generation)}"
        f"{'' if generation.withheld else ' · ' + _('reported')}\n"
        + small(
            f"<@{generation.user_id}>",
            f"<#{generation.channel_id}>",
            discord.utils.format_dt(generation.created_at, "R"),
            generation.id,
        )
        for places, generation in zip(_places(sheet), sheet.generations, strict=True)
    ]
    ids = [generation.id for generation in sheet.generations]
    queue = _("{count} waiting", count=sheet.waiting)
    picture = Attachment("waiting.png", sheet.picture, _("Contact sheet"), spoiler=True)
    view = build_layout(
        card(
            AMBER,
            text(f"### {_('Waiting for approval')}", small(queue)),
            *show_files((picture,)),
            text(*lines, most=TEXTS_CHARACTERS),
            row(SheetButton(APPROVE, ids), SheetButton(ASK, ids)),
            row(SheetMenu(sheet)),
        )
    )
    return ReplyContent(view, (picture,))


def _shown_prompt(generation: Generation) -> str:
    return harmless(generation.prompt, LISTED_PROMPT_CHARACTERS) or harmless(generation.workflow)


def _confirmation(message: discord.Message, ids: Sequence[str]) -> ui.LayoutView:
    """Ask for confirmation: a refusal is final, and its button is next to the approving one."""
    return _rebuilt(message, AMBER, row(SheetButton(REFUSE, ids), SheetButton(BACK)))


async def show_next(interaction: discord.Interaction) -> None:
    """Show what waits for a decision, oldest first, in the private response.

    A contact sheet where several can be judged at a glance, otherwise the oldest alone.
    """
    sheet = await services_of(interaction).reviews.sheet(
        guild_of(interaction) or 0, SHEET_ID_CHARACTERS
    )
    if sheet is None:
        await _show_oldest(interaction)
    else:
        await _show(interaction, draft_sheet(sheet))


async def _show_oldest(interaction: discord.Interaction) -> None:
    reviews, guild_id = services_of(interaction).reviews, guild_of(interaction)
    overview = await reviews.overview(guild_id or 0)
    if overview.next_id is None:
        await _show(interaction, ReplyContent(panel("", [_("Nothing to review.")], colour=GREY)))
        return
    case = await reviews.case(overview.next_id, guild_id)
    await _show(
        interaction,
        await draft_case(case, marker=services_of(interaction).marker, waiting=overview.waiting),
    )


async def _show_case(interaction: discord.Interaction, generation_id: str) -> None:
    """Show one result of a sheet, with a button back to it."""
    case = await services_of(interaction).reviews.case(generation_id, guild_of(interaction))
    draft = await draft_case(case, marker=services_of(interaction).marker)
    draft.view.add_item(ui.ActionRow(SheetButton(BACK)))
    await _show(interaction, draft)


async def _show(interaction: discord.Interaction, draft: ReplyContent) -> None:
    await interaction.edit_original_response(**draft.edit())


async def _acknowledge(interaction: discord.Interaction) -> None:
    """Acknowledge privately unless the message already is: held results are never public."""
    if _is_private(interaction):
        await acknowledge_press(interaction)
    else:
        await acknowledge(interaction)


async def _decide_all(
    interaction: discord.Interaction, ids: Sequence[str], *, approved: bool
) -> dict[str, bool]:
    """Decide on each result that still waits; return these, with what `_record_decision` does."""
    decided = {}
    for generation_id in ids:
        try:
            decided[generation_id] = await _record_decision(
                interaction, generation_id, approved=approved
            )
        except (RequestRefused, UnknownGeneration):
            continue
    return decided


async def _record_decision(
    interaction: discord.Interaction, generation_id: str, *, approved: bool
) -> bool:
    """Record the decision and have it told, which closes its message to moderators.

    Return whether that is left to the caller. Raises the errors of `Reviews.decide`.
    """
    services = services_of(interaction)
    decided = await services.reviews.decide(actor_of(interaction), generation_id, approved=approved)
    if decided.withheld:
        await services.generations.tell_decided(generation_id)
    elif not approved:
        await delete_message(interaction.client, decided)
    return not decided.withheld


async def _decide(interaction: discord.Interaction, generation_id: str, *, approved: bool) -> None:
    await acknowledge_press(interaction)
    refusal: RequestRefused | None = None
    is_open = False
    try:
        is_open = await _record_decision(interaction, generation_id, approved=approved)
    except RequestRefused as error:
        refusal = error
    if _is_private(interaction):
        await show_next(interaction)
        if is_open:
            await services_of(interaction).reviews.update_messages(generation_id)
    else:
        await _close(interaction, generation_id)
    if refusal is not None:
        raise refusal


async def _delete(interaction: discord.Interaction, generation_id: str) -> None:
    await acknowledge_press(interaction)
    services = services_of(interaction)
    case = await services.reviews.case(generation_id, guild_of(interaction))
    removed = await services.remover.remove(
        case.generation.id, actor_id=interaction.user.id, is_moderator=True
    )
    if _is_private(interaction):
        await show_next(interaction)
    else:
        await _close(interaction, generation_id)
    await withdraw(interaction, removed)


async def _open_block(interaction: discord.Interaction, generation_id: str) -> None:
    case = await before_deadline(
        interaction, services_of(interaction).reviews.case(generation_id, guild_of(interaction))
    )
    fields = {
        "days": text_field("days", _("Days (empty: until unblocked)"), longest=DAYS_DIGITS),
        "reason": text_field(
            "reason", _("Reason (they will see it)"), longest=MAX_REASON_CHARACTERS
        ),
    }
    title = _("Block {person}", person=plain(case.generation.user_name))
    await open_modal(interaction, f"r:{generation_id}:block", title, fields)


async def _take_block(interaction: discord.Interaction, answer: ModalInput) -> None:
    require_moderator(interaction)
    await acknowledge(interaction)
    services, actor = services_of(interaction), actor_of(interaction)
    case = await services.reviews.case(answer.match["id"], actor.guild_id)
    await require_may_block(interaction, case.generation.user_id)
    typed = answer.texts.get("days", "").strip()
    is_number = typed.isascii() and typed.isdecimal() and len(typed) <= DAYS_DIGITS
    if typed and not (is_number and 1 <= int(typed) <= MAX_DAYS):
        raise RequestRefused(
            FailureKind.INVALID_OPTION, "Days are a number from 1 to {most}.", {"most": MAX_DAYS}
        )
    until = datetime.now(UTC) + timedelta(days=int(typed)) if typed else None
    reason = answer.texts.get("reason", "")
    await services.moderation.block(actor, case.generation.user_id, reason=reason, until=until)
    person = f"<@{case.generation.user_id}>"
    told = _("{person} is blocked here until unblocked.", person=person)
    if until is not None:
        when = discord.utils.format_dt(until, "f")
        told = _("{person} is blocked here until {when}.", person=person, when=when)
    await respond(interaction, told)


async def _close(interaction: discord.Interaction, generation_id: str) -> None:
    """Show what is recorded of a result in its message in the moderators' channel."""
    case = await services_of(interaction).reviews.case(generation_id, guild_of(interaction))
    message = interaction.message
    if message is not None and not case.state.is_closed:
        view = _rebuilt(message, AMBER, _decision_row(case))
        await interaction.edit_original_response(**keeping_files(view))
        return
    draft = draft_closed(message, case)
    keeps_files = case.state is CaseState.APPROVED
    await interaction.edit_original_response(**draft.edit(keeps_files=keeps_files))


def _places(sheet: Sheet) -> list[str]:
    """Numbers of each generation's pictures on the sheet, such as 3 or 4-7."""
    places, first = [], 1
    for count in sheet.counts:
        places.append(str(first) if count == 1 else f"{first}-{first + count - 1}")
        first += count
    return places


def draft_closed(message: discord.Message | None, case: Case) -> ReplyContent:
    """Build the review message of a result that is decided on, from the one before if it is known.

    An approved one keeps its files.
    """
    note = text(_closing(case.state, f"<@{case.actor_id}>" if case.actor_id is not None else ""))
    if message is None:
        title = title_line(case.generation, case.generation.workflow, for_moderators=True)
        return ReplyContent(build_layout(card(GREY, text(title), note)))
    keeps_files = case.state is CaseState.APPROVED
    return ReplyContent(_rebuilt(message, GREY, note, keeps_files=keeps_files))


def keeping_files(view: ui.LayoutView) -> dict[str, Any]:
    """Arguments of an edit that keeps the message's files."""
    return ReplyContent(view).edit(keeps_files=True)


def _rebuilt(
    message: discord.Message, colour: discord.Colour, *items: Item | None, keeps_files: bool = True
) -> ui.LayoutView:
    """Build a card of a message's texts and files, in either form, with other components below."""
    said = [message.content]
    for embed in message.embeds:
        said += [embed.title or "", embed.description or ""]
    said += texts_of(message)
    files = files_of(message) if keeps_files else []
    shown = [Attachment(file.filename, b"", file.description or "", spoiler=True) for file in files]
    body = text(*said, most=TEXTS_CHARACTERS)
    return build_layout(card(colour, body, *show_files(shown), *items))


def _closing(state: CaseState, person: str) -> str:
    when = relative(datetime.now(UTC))
    match state:
        case CaseState.APPROVED:
            return _("Approved by {person} {when}.", person=person, when=when)
        case CaseState.REFUSED:
            return _("Refused by {person} {when}.", person=person, when=when)
        case _ if person:
            return _("Deleted by {person} {when}.", person=person, when=when)
        case _:
            return _("Deleted.")


def _is_private(interaction: discord.Interaction) -> bool:
    return interaction.message is not None and interaction.message.flags.ephemeral


def _label(action: str) -> str:
    if action == APPROVE:
        return _("Approve")
    if action == REFUSE:
        return _("Refuse")
    return _("Delete") if action == DELETE else _("Block")
