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
from bot.replies.packing import BYTES_A_MESSAGE, Attachment, pack
from bot.replies.sender import ReplyContent
from bot.requester import actor_of
from bot.services import services_of
from bot.ui import embeds
from bot.ui.components import PersistentItem, chosen_in
from bot.ui.limits import EMBED_DESCRIPTION_CHARACTERS, MENU_OPTION_CHARACTERS
from bot.ui.modals import Handler, ModalInput, open_modal, text_field
from bot.ui.responses import acknowledge, acknowledge_press, before_deadline, respond
from bot.ui.text import harmless, lines_within, plain
from generation.errors import FailureKind, RequestRefused, UnknownGeneration
from generation.moderation.blocks import MAX_REASON_CHARACTERS
from generation.moderation.review import Sheet
from generation.notifier import Case, CaseState

APPROVE, REFUSE, DELETE, BLOCK = "approve", "refuse", "delete", "block"

ASK, BACK = "ask", "back"
"""Actions of a contact sheet: ask to confirm the refusal of all, and return to the sheet."""

SHEET_ID_CHARACTERS = 80
"""Of the ids of one sheet: a button carries them all, with dots between, in 100 characters."""

REASON_CHARACTERS = 200
REASONS_CHARACTERS = 1_000
MAX_DAYS = 3650
DAYS_DIGITS = len(str(MAX_DAYS))


BLOCK_FORM = r"r:(?P<id>[a-z0-9]{1,32}):block"

_TITLES = {
    CaseState.PENDING: mark("Waits for a moderator"),
    CaseState.REPORTED: mark("Reported"),
}

_ACTIONS = {
    CaseState.PENDING: (APPROVE, REFUSE, BLOCK),
    CaseState.REPORTED: (APPROVE, DELETE, BLOCK),
}

_ORANGE = discord.Colour.orange()


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
        label, style = _("Back to the others"), discord.ButtonStyle.secondary
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
            await interaction.edit_original_response(view=_confirmation(self.ids))
            return
        approved = self.action == APPROVE
        decided = await _decide_all(interaction, self.ids, approved=approved)
        await show_next(interaction)
        if late := len(self.ids) - len(decided):
            told = plural(
                "{count} of them was decided on or deleted already.",
                "{count} of them were decided on or deleted already.",
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
                    label=plain(f"{places} · {embeds.choice_label(generation)}")[
                        :MENU_OPTION_CHARACTERS
                    ],
                    value=generation.id,
                )
                for places, generation in zip(_places(sheet), sheet.generations, strict=True)
            ]
        super().__init__(
            ui.Select(custom_id="v:look", placeholder=_("Look at one"), options=options)
        )

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


async def draft_case(case: Case, *, waiting: int | None = None) -> ReplyContent:
    """Build the review message of one result; `waiting` is the number of all waiting ones."""
    generation = replace(case.generation, spoiler=True)
    parcel = await pack(generation, case.contents, DEFAULT_SIZE_LIMIT, BYTES_A_MESSAGE)
    files = parcel.messages[0] if parcel.messages else ()
    lines = [*_describe(case), *parcel.notes]
    title = _TITLES.get(case.state, mark("For moderators"))
    embed = discord.Embed(
        title=_(title),
        description=lines_within(lines, EMBED_DESCRIPTION_CHARACTERS),
        colour=_ORANGE,
    )
    if waiting:
        embed.set_footer(text=plural("{count} waits", "{count} wait", waiting))
    header = embeds.header(generation, for_moderators=True)
    return ReplyContent(header, embed, _view(case), files)


def _view(case: Case) -> ui.View:
    generation = case.generation
    view = ui.View(timeout=None)
    for action in _ACTIONS.get(case.state, (DELETE, BLOCK)):
        view.add_item(ReviewButton(generation.id, action))
    address = parse_reply(generation.reply)
    link = generation.message_url or (address.message_url if address is not None else None)
    if link:
        view.add_item(ui.Button(label=_("Open"), url=link))
    # A stopped view is not kept in discord.py's view store; the items are persistent.
    view.stop()
    return view


def draft_sheet(sheet: Sheet) -> ReplyContent:
    """Build the message of a contact sheet, whose results are decided on together."""
    lines = [
        f"**{places}** `{generation.id}` {discord.utils.format_dt(generation.created_at, 'R')} · "
        f"<@{generation.user_id}> · <#{generation.channel_id}> · "
        f"{harmless(generation.prompt, embeds.LISTED_PROMPT_CHARACTERS) or generation.workflow}"
        f"{'' if generation.withheld else ' · ' + _('reported')}"
        for places, generation in zip(_places(sheet), sheet.generations, strict=True)
    ]
    embed = discord.Embed(
        title=_("Waits for a moderator"),
        description=lines_within(lines, EMBED_DESCRIPTION_CHARACTERS),
        colour=_ORANGE,
    )
    embed.set_footer(text=plural("{count} waits", "{count} wait", sheet.waiting))
    ids = [generation.id for generation in sheet.generations]
    view = ui.View(timeout=None)
    view.add_item(SheetButton(APPROVE, ids))
    view.add_item(SheetButton(ASK, ids))
    view.add_item(SheetMenu(sheet))
    view.stop()
    picture = Attachment("waiting.png", sheet.picture, _("Contact sheet"), spoiler=True)
    return ReplyContent("", embed, view, (picture,))


def _confirmation(ids: Sequence[str]) -> ui.View:
    """Ask for confirmation: a refusal is final, and its button is next to the approving one."""
    view = ui.View(timeout=None)
    view.add_item(SheetButton(REFUSE, ids))
    view.add_item(SheetButton(BACK))
    view.stop()
    return view


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
        embed = discord.Embed(description=_("Nothing waits for a moderator."), colour=embeds.GREY)
        await interaction.edit_original_response(
            content=None, embed=embed, attachments=[], view=None
        )
        return
    case = await reviews.case(overview.next_id, guild_id)
    await _show(interaction, await draft_case(case, waiting=overview.waiting))


async def _show_case(interaction: discord.Interaction, generation_id: str) -> None:
    """Show one result of a sheet, with a button back to it."""
    case = await services_of(interaction).reviews.case(generation_id, guild_of(interaction))
    draft = await draft_case(case)
    if draft.view is not None:
        draft.view.add_item(SheetButton(BACK))
    await _show(interaction, draft)


async def _show(interaction: discord.Interaction, draft: ReplyContent) -> None:
    await interaction.edit_original_response(
        content=draft.content,
        embed=draft.embed,
        attachments=[file.to_file() for file in draft.files],
        view=draft.view,
    )


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
        "days": text_field("days", _("Days (empty: for good)"), longest=DAYS_DIGITS),
        "reason": text_field("reason", _("Why (they are told)"), longest=MAX_REASON_CHARACTERS),
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
    text = _("{person} is blocked here for good.", person=person)
    if until is not None:
        when = discord.utils.format_dt(until, "f")
        text = _("{person} is blocked here until {when}.", person=person, when=when)
    await respond(interaction, text)


async def _close(interaction: discord.Interaction, generation_id: str) -> None:
    """Show what is recorded of a result in its message in the moderators' channel."""
    case = await services_of(interaction).reviews.case(generation_id, guild_of(interaction))
    if not case.state.is_closed:
        await interaction.edit_original_response(view=_view(case))
        return
    draft = draft_closed(case)
    changes: dict[str, Any] = {} if case.state is CaseState.APPROVED else {"attachments": []}
    await interaction.edit_original_response(
        content=draft.content, embed=draft.embed, view=None, **changes
    )


def _places(sheet: Sheet) -> list[str]:
    """Numbers of each generation's pictures on the sheet, such as 3 or 4-7."""
    places, first = [], 1
    for count in sheet.counts:
        places.append(str(first) if count == 1 else f"{first}-{first + count - 1}")
        first += count
    return places


def draft_closed(case: Case) -> ReplyContent:
    """Build the review message of a result that is already decided on."""
    person = f"<@{case.actor_id}>" if case.actor_id is not None else ""
    lines = [*_describe(case), _closing(case.state, person)]
    embed = discord.Embed(
        description=lines_within(lines, EMBED_DESCRIPTION_CHARACTERS), colour=_ORANGE
    )
    return ReplyContent(embeds.header(case.generation, for_moderators=True), embed, None)


def _describe(case: Case) -> list[str]:
    reasons = [harmless(reason, REASON_CHARACTERS) for reason in case.reasons]
    lines = [embeds.facts(case.generation), f"<#{case.generation.channel_id}>"]
    return [*lines, lines_within(reasons, REASONS_CHARACTERS)] if reasons else lines


def _closing(state: CaseState, person: str) -> str:
    match state:
        case CaseState.APPROVED:
            return _("Approved by {person}.", person=person)
        case CaseState.REFUSED:
            return _("Refused by {person}.", person=person)
        case _:
            return _("Deleted by {person}.", person=person) if person else _("Deleted.")


def _is_private(interaction: discord.Interaction) -> bool:
    return interaction.message is not None and interaction.message.flags.ephemeral


def _label(action: str) -> str:
    if action == APPROVE:
        return _("Approve")
    if action == REFUSE:
        return _("Refuse")
    return _("Delete") if action == DELETE else _("Block")
