"""Review messages: results for moderators, one by one or on contact sheets, and their decisions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import discord
from discord import ui

from bot.i18n.language import _, mark, plural
from bot.replies.address import DEFAULT_SIZE_LIMIT, parse_reply
from bot.replies.packing import Attachment, pack, show_files
from bot.replies.posted_files import files_of, texts_of
from bot.replies.request_messages import facts, title_line
from bot.replies.sender import ReplyContent
from bot.ui.components import menu_options
from bot.ui.generations import LISTED_PROMPT_CHARACTERS, choice_label
from bot.ui.layout import AMBER, GREY, Item, build_layout, card, row, small, text
from bot.ui.reasons import flag_text, reason_names, reason_text
from bot.ui.text import harmless, lines_within, plain, relative
from generation.marking.marker import Marker
from generation.moderation.review_sheets import Sheet
from generation.notifier import Case, CaseState
from generation.record import Generation, GenerationState

APPROVE, REFUSE, BLOCK, UNDO = "approve", "refuse", "block", "undo"

OPEN, BACK = "open", "back"
"""Actions of a contact sheet: open one of its results, and return to the sheet."""

PICK, REASON = "pick", "reason"
"""Menus of a contact sheet: the results to decide on, and the reason for a refusal."""

CARD, ALONE = "r", "rs"
"""Prefixes of custom ids: of messages in the channel or of all pending, and of a single one."""

PLACED_ID = rf"(?P<place>{CARD}|{ALONE}):(?P<id>[a-z0-9]{{1,32}})"
"""Pattern of such a prefix and a generation's id."""

SHEET_ID_CHARACTERS = 80
"""Characters of the ids of one sheet: a button holds all, separated by dots, in 100 characters."""

SHEET_NAME = "waiting.png"

REASON_CHARACTERS = 200
REASONS_CHARACTERS = 1_000
TEXTS_CHARACTERS = 3_200

_TITLES = {
    CaseState.PENDING: mark("Waiting for approval"),
    CaseState.REPORTED: mark("Reported"),
}

_STYLES = {APPROVE: discord.ButtonStyle.success, REFUSE: discord.ButtonStyle.danger}


async def draft_case(
    case: Case,
    *,
    marker: Marker,
    waiting: int | None = None,
    place: str = CARD,
    rows: Sequence[Item | None] = (),
) -> ReplyContent:
    """Build the review message of one result; `waiting` is the number of pending ones."""
    generation = replace(case.generation, spoiler=True)
    parcel = await pack(generation, case.contents, DEFAULT_SIZE_LIMIT, marker=marker)
    files = parcel.messages[0] if parcel.messages else ()
    state = _(_TITLES.get(case.state, mark("For moderators")))
    reasons = [harmless(flag_text(*flag), REASON_CHARACTERS) for flag in case.flags]
    why = lines_within(reasons, REASONS_CHARACTERS) if reasons else ""
    notes = [small(note) for note in parcel.notes]
    queue = _("{count} waiting", count=waiting) if waiting else ""
    view = build_layout(
        card(
            AMBER,
            text(
                title_line(generation, generation.workflow, for_moderators=True),
                small(state, *_places_of(generation)),
            ),
            *show_files(files),
            text(why, *parcel.texts, *notes, most=TEXTS_CHARACTERS),
            decision_row(case, place),
            text(small(facts(generation), queue)),
        ),
        *rows,
    )
    return ReplyContent(view, files)


def decision_row(case: Case, place: str = CARD) -> Item | None:
    """Build the buttons for a result in its current state."""
    generation = case.generation
    if case.state.is_closed:
        actions = [UNDO] if case.undo_until is not None else []
    else:
        is_waiting = case.state in (CaseState.PENDING, CaseState.REPORTED)
        has_results = generation.state is GenerationState.SUCCEEDED
        actions = [*[APPROVE] * is_waiting, *[REFUSE] * has_results, BLOCK]
    buttons: list[ui.Item[Any]] = [
        decision_button(generation.id, action, place) for action in actions
    ]
    address = parse_reply(generation.reply)
    link = generation.message_url or (address.message_url if address is not None else None)
    if link and not case.state.is_closed:
        buttons.append(ui.Button(label=_("Open"), url=link))
    return row(*buttons)


def decision_button(generation_id: str, action: str, place: str = CARD) -> ui.Button[ui.View]:
    """Build the button of one decision on one result."""
    label = {
        APPROVE: _("Approve"),
        REFUSE: _("Refuse…"),
        BLOCK: _("Block…"),
        UNDO: _("Undo"),
    }[action]
    style = _STYLES.get(action, discord.ButtonStyle.secondary)
    return ui.Button(label=label, style=style, custom_id=f"{place}:{generation_id}:{action}")


def draft_closed(message: discord.Message | None, case: Case) -> ReplyContent:
    """Build the review message of a result that is decided on.

    An approved one keeps the files of the message before, if that is known.
    """
    generation = case.generation
    kept = files_of(message) if message is not None and case.state.keeps_files else []
    view = build_layout(
        card(
            GREY,
            text(
                title_line(generation, generation.workflow, for_moderators=True),
                small(*_places_of(generation)),
            ),
            *show_files(_as_spoilers(kept)),
            text(_closing(case)),
            decision_row(case, ALONE if message is None else CARD),
            text(small(facts(generation))),
        )
    )
    return ReplyContent(view)


def _places_of(generation: Generation) -> tuple[str, str]:
    """Return who requested a result, and where."""
    return f"<@{generation.user_id}>", f"<#{generation.channel_id}>"


def _as_spoilers(files: Sequence[discord.Attachment]) -> list[Attachment]:
    """Return a message's files for its next edit, as spoilers."""
    return [Attachment(file.filename, b"", file.description or "", spoiler=True) for file in files]


def _closing(case: Case) -> str:
    person = f"<@{case.actor_id}>" if case.actor_id is not None else ""
    moment = case.generation.removed_at if case.state is CaseState.REMOVED else case.decided_at
    when = relative(moment) if moment is not None else ""
    match case.state:
        case CaseState.APPROVED:
            return _("Approved by {person} {when}.", person=person, when=when)
        case CaseState.REFUSED:
            said = _("Refused by {person} {when}.", person=person, when=when)
            reason = harmless(reason_text(case.reason), REASON_CHARACTERS)
            return f"{said}\n{small(reason)}" if reason else said
        case _ if person:
            return _("Deleted by {person} {when}.", person=person, when=when)
        case _:
            return _("Deleted.")


def rebuild(message: discord.Message, *items: Item | None) -> ui.LayoutView:
    """Rebuild a sheet's texts and picture with other components below."""
    body = text(*texts_of(message), most=TEXTS_CHARACTERS)
    shown = show_files(_as_spoilers(files_of(message)))
    return build_layout(card(AMBER, body, *shown, *items))


def draft_sheet(sheet: Sheet, reason: str = "", undoable: Sequence[str] = ()) -> ReplyContent:
    """Build the message of a contact sheet, whose results are decided on together.

    `reason` is the preselected reason for a refusal, `undoable` the previous decision.
    """
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
    labels = {
        generation.id: plain(f"{places} · {choice_label(generation)}")
        for places, generation in zip(_places(sheet), sheet.generations, strict=True)
    }
    queue = _("{count} waiting", count=sheet.waiting)
    picture = Attachment(SHEET_NAME, sheet.picture, _("Contact sheet"), spoiler=True)
    view = build_layout(
        card(
            AMBER,
            text(f"### {_('Waiting for approval')}", small(queue)),
            *show_files((picture,)),
            text(*lines, most=TEXTS_CHARACTERS),
            *sheet_rows(menu_options(labels), reason, undoable),
        )
    )
    return ReplyContent(view, (picture,))


def sheet_rows(
    options: Sequence[discord.SelectOption], reason: str, undoable: Sequence[str]
) -> list[Item | None]:
    """Build a sheet's buttons and menus, which apply to the picked results, or else to all."""
    picked = [option.value for option in options if option.default]
    ids = picked or [option.value for option in options]
    decisions = [
        sheet_button(action, ids, reason, are_picked=bool(picked)) for action in (APPROVE, REFUSE)
    ]
    if len(picked) == 1:
        decisions.append(sheet_button(OPEN, picked))
    reasons = menu_options(reason_names(), reason)
    return [
        row(*decisions, *undo_buttons(undoable)),
        row(sheet_menu(PICK, _("Decide on single ones…"), options, most=len(options))),
        row(sheet_menu(REASON, _("Reason for refusing…"), reasons)),
    ]


def undo_buttons(undoable: Sequence[str]) -> list[ui.Item[Any]]:
    """Build the button that undoes the previous decisions, if there are any."""
    return [sheet_button(UNDO, undoable)] if undoable else []


def sheet_button(
    action: str, ids: Sequence[str] = (), reason: str = "", *, are_picked: bool = False
) -> ui.Button[ui.View]:
    """Build the button of an action on exactly these results of a sheet, or on the sheet."""
    count = len(ids)
    approve = plural("Approve {count}", "Approve all {count}", count)
    refuse = plural("Refuse {count}", "Refuse all {count}", count)
    if are_picked:
        approve = _("Approve {count} picked", count=count)
        refuse = _("Refuse {count} picked", count=count)
    label = {
        APPROVE: approve,
        REFUSE: refuse,
        UNDO: _("Undo {count}", count=count),
        OPEN: _("Open"),
        BACK: _("Back"),
    }[action]
    custom_id = f"v:{action}:{_reason_number(reason)}{'.'.join(ids)}"
    style = _STYLES.get(action, discord.ButtonStyle.secondary)
    return ui.Button(label=label, style=style, custom_id=custom_id)


def _reason_number(reason: str) -> str:
    """Encode a reason as a digit of a custom id; empty for one that no menu offers."""
    names = list(reason_names())
    return f"{names.index(reason)}:" if reason in names else ""


def sheet_menu(
    action: str, placeholder: str, options: Sequence[discord.SelectOption], most: int = 1
) -> ui.Select[ui.View]:
    """Build a menu of a sheet, in which a choice is optional."""
    return ui.Select(
        custom_id=f"v:{action}",
        placeholder=placeholder,
        min_values=0,
        max_values=most,
        options=list(options),
    )


def _places(sheet: Sheet) -> list[str]:
    """Return the numbers of each generation's pictures on the sheet, such as 3 or 4-7."""
    places, first = [], 1
    for count in sheet.counts:
        places.append(str(first) if count == 1 else f"{first}-{first + count - 1}")
        first += count
    return places


def _shown_prompt(generation: Generation) -> str:
    return harmless(generation.prompt, LISTED_PROMPT_CHARACTERS) or harmless(generation.workflow)
