"""`/history`: a person's own generations, newest first, paged with thumbnails; private."""

import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, Self

import discord
from discord import app_commands, ui

from bot.commands.choices import complete_workflow
from bot.i18n.language import _
from bot.permissions import guild_of, require_moderator
from bot.replies.inputs import parse_day
from bot.replies.repost import repost
from bot.services import services_of
from bot.tree import SlashCommand
from bot.ui.components import PersistentItem, chosen_in
from bot.ui.generations import (
    LISTED_PROMPT_CHARACTERS,
    choice_label,
    state_name,
    state_text,
)
from bot.ui.layout import Item, panel, row, section, small, text
from bot.ui.limits import ALT_TEXT_CHARACTERS, MENU_OPTION_CHARACTERS
from bot.ui.responses import acknowledge, acknowledge_press, replace_message, respond
from bot.ui.text import harmless
from generation.history.queries import Cursor, HistoryFilter, HistoryPage
from generation.media import imaging
from generation.record import Generation, GenerationState
from generation.service import GenerationService

PAGE_SIZE = 6
"""Generations per page, each a section with a thumbnail."""

SEARCH_CHARACTERS = 26
"""Limit of the search text: a page button's custom id, at most 100 characters, holds the whole
query."""

KEY_CHARACTERS = 9

WORKFLOW_CHARACTERS = 32
"""The longest name that the library accepts."""

Status = Literal["done", "failed", "cancelled", "waiting", "running"]

_STATES: dict[str, GenerationState] = {
    "done": GenerationState.SUCCEEDED,
    "failed": GenerationState.FAILED,
    "cancelled": GenerationState.CANCELLED,
    "waiting": GenerationState.WAITING,
    "running": GenerationState.RUNNING,
}
_LETTERS = {state: name[0] for name, state in _STATES.items()}
_BY_LETTER = {letter: state for state, letter in _LETTERS.items()}


_QUERY_PATTERN = (
    r"(?P<scope>h|m\+?[0-9a-f]{1,16}):(?P<direction>[no]):(?P<anchor>[a-z0-9]{0,12}):"
    r"(?P<page>[0-9]{1,6}):(?P<state>[a-z]?):(?P<since>[0-9a-f]*):(?P<until>[0-9a-f]*):"
    r"(?P<workflow>[^:]{0,32}):(?P<search>.*)"
)

EVERY_STATE = "every"


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """The filters and the page of a history listing, short enough for a custom id.

    `anchor` is the id of the generation that the page follows (older ones), or precedes with
    `newer`.
    """

    search: str = ""
    workflow: str = ""
    state: GenerationState | None = None
    since: datetime | None = None
    until: datetime | None = None
    page: int = 1
    anchor: str = ""
    newer: bool = False
    everyone: bool = False
    user_id: int | None = None
    flagged: bool = False

    @classmethod
    def asked(
        cls,
        *,
        search: str | None,
        workflow: str | None,
        status: Status | None,
        since: str | None,
        until: str | None,
        everyone: bool = False,
        user_id: int | None = None,
        flagged: bool = False,
    ) -> Self:
        """Build a query from command options. Raises RequestRefused for an invalid day."""
        now = datetime.now(UTC)
        return cls(
            search=" ".join((search or "").split()),
            workflow=(workflow or "").strip().lower().replace(":", "")[:WORKFLOW_CHARACTERS],
            state=_STATES[status] if status else None,
            since=parse_day(since, "since", now),
            until=parse_day(until, "until", now, end=True),
            everyone=everyone,
            user_id=user_id,
            flagged=flagged,
        )

    def custom_id(self) -> str:
        """Encode the query as the custom id of a page button."""
        parts = (
            "n" if self.newer else "o",
            self.anchor,
            str(self.page),
            _LETTERS[self.state] if self.state else "",
            _day_text(self.since),
            _day_text(self.until),
            self._workflow_key(),
            self.search,
        )
        scope = "h"
        if self.everyone:
            scope = f"m{'+' if self.flagged else ''}{self.user_id or 0:x}"
        return f"{scope}:" + ":".join(parts)

    def _workflow_key(self) -> str:
        """Return the workflow's name, or its checksum if the name is too long for the id."""
        if not self.everyone or len(self.workflow) <= KEY_CHARACTERS:
            return self.workflow
        return f"~{zlib.crc32(self.workflow.encode()):08x}"

    def to_filter(self, user_id: int, guild_id: int | None) -> HistoryFilter:
        """Convert to the core's filter: the person's own generations, or all of the guild's."""
        return HistoryFilter(
            user_id=self.user_id if self.everyone else user_id,
            guild_id=(guild_id or 0) if self.everyone else guild_id,
            flagged=self.flagged,
            workflow=self.workflow or None,
            state=self.state,
            search=self.search or None,
            since=self.since,
            until=self.until,
        )


class HistoryButton(
    PersistentItem[ui.Button[ui.View]],
    template=_QUERY_PATTERN,
):
    """Persistent page button whose custom id holds the whole query."""

    def __init__(self, query: HistoryQuery, label: str = "…", *, disabled: bool = False) -> None:
        self.query = query
        super().__init__(
            ui.Button(
                label=label,
                custom_id=query.custom_id(),
                disabled=disabled,
            )
        )

    @classmethod
    def read(cls, match: re.Match[str], /) -> Self:
        """Parse the query from the custom id."""
        return cls(cls.build_query(match))

    @staticmethod
    def build_query(match: re.Match[str]) -> HistoryQuery:
        """Parse a query from the match of a custom id."""
        return HistoryQuery(
            search=match["search"],
            workflow=match["workflow"],
            state=_BY_LETTER.get(match["state"]),
            since=_day(match["since"]),
            until=_day(match["until"]),
            page=int(match["page"]),
            anchor=match["anchor"],
            newer=match["direction"] == "n",
            everyone=match["scope"] != "h",
            user_id=_person(match["scope"]),
            flagged=match["scope"].startswith("m+"),
        )

    async def answer(self, interaction: discord.Interaction, /) -> None:
        """Show the page in the same message."""
        await _turn_to(interaction, self.query)


class HistoryFilterMenu(PersistentItem[ui.Select[ui.View]], template=rf"f{_QUERY_PATTERN}"):
    """Persistent menu of the listed state; its custom id holds the rest of the query."""

    def __init__(self, query: HistoryQuery) -> None:
        self.query = query
        options = [discord.SelectOption(label=_("Everything"), value=EVERY_STATE)]
        options += [
            discord.SelectOption(label=state_name(state), value=name, default=state is query.state)
            for name, state in _STATES.items()
        ]
        super().__init__(
            ui.Select(custom_id=f"f{query.custom_id()}", placeholder=_("Filter…"), options=options)
        )

    @classmethod
    def read(cls, match: re.Match[str], /) -> Self:
        """Parse the query from the custom id."""
        return cls(HistoryButton.build_query(match))

    async def answer(self, interaction: discord.Interaction, /) -> None:
        """List the first page of the chosen state in the same message."""
        state = _STATES.get(chosen_in(interaction))
        await _turn_to(interaction, replace(self.query, state=state, page=1, anchor=""))


class HistoryOpenMenu(PersistentItem[ui.Select[ui.View]], template=r"h:open"):
    """Persistent menu that shows one of the listed results with its buttons."""

    def __init__(self, generations: Sequence[Generation] = ()) -> None:
        options = [
            discord.SelectOption(
                label=choice_label(generation)[:MENU_OPTION_CHARACTERS], value=generation.id
            )
            for generation in generations
        ]
        super().__init__(
            ui.Select(
                custom_id="h:open",
                placeholder=_("Open…"),
                options=options or [discord.SelectOption(label="…")],
            )
        )

    async def answer(self, interaction: discord.Interaction, /) -> None:
        """Show the result in private."""
        await repost(interaction, chosen_in(interaction), private=True)


HISTORY_ITEMS = (HistoryButton, HistoryFilterMenu, HistoryOpenMenu)


async def _turn_to(interaction: discord.Interaction, query: HistoryQuery) -> None:
    if query.everyone:
        require_moderator(interaction)
    await acknowledge_press(interaction)
    service = services_of(interaction).generations
    view, files = await _render(interaction, service, query)
    await replace_message(interaction, view, files)


def history_command(service: GenerationService) -> SlashCommand:
    """Build `/history` with its service."""

    @app_commands.command(description="Browse your pictures (private)")
    @app_commands.describe(
        search="Words in the prompt",
        workflow="Made with this workflow",
        status="How it ended",
        since="From this day: 2026-11-01, today, yesterday or 3d",
        until="Until this day",
    )
    @app_commands.autocomplete(workflow=complete_workflow)
    async def history(
        interaction: discord.Interaction,
        search: app_commands.Range[str, 1, SEARCH_CHARACTERS] | None = None,
        workflow: str | None = None,
        status: Status | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> None:
        await acknowledge(interaction)
        query = HistoryQuery.asked(
            search=search, workflow=workflow, status=status, since=since, until=until
        )
        await show_history(interaction, service, query)

    return history


async def show_history(
    interaction: discord.Interaction, service: GenerationService, query: HistoryQuery
) -> None:
    """Acknowledge privately and answer with the first page of the query."""
    view, files = await _render(interaction, service, query)
    await respond(interaction, view=view, files=files)


async def _render(
    interaction: discord.Interaction, service: GenerationService, query: HistoryQuery
) -> tuple[ui.LayoutView, list[discord.File]]:
    query = replace(query, workflow=_find_workflow(service, query.workflow))
    asked = query.to_filter(interaction.user.id, guild_of(interaction))
    anchor = await _find_anchor(service, query)
    if anchor is None:
        query = replace(query, page=1)
    if query.newer and anchor is not None:
        page = await service.history(asked, after=anchor, limit=PAGE_SIZE)
    else:
        page = await service.history(asked, before=anchor, limit=PAGE_SIZE)
    thumbnails = {
        generation.id: _thumbnail(generation, number)
        for number, generation in enumerate(page.generations)
    }
    rows = [
        _entry(service, generation, thumbnails[generation.id], names_person=query.everyone)
        for generation in page.generations
    ]
    pages = -(-page.total // PAGE_SIZE)
    footer = _(
        "Page {page} of {pages} · {total} in all", page=query.page, pages=pages, total=page.total
    )
    shown = [generation for generation in page.generations if _is_shown(generation)]
    view = panel(
        _("Server history") if query.everyone else _("Your history"),
        [] if rows else [_("Nothing found.")],
        *rows,
        footer=footer if rows else "",
        rows=[
            row(HistoryOpenMenu(shown)) if shown else None,
            row(HistoryFilterMenu(query)),
            row(*_page_buttons(query, page)),
        ],
    )
    return view, [file for file in thumbnails.values() if file is not None]


def _entry(
    service: GenerationService,
    generation: Generation,
    thumbnail: discord.File | None,
    *,
    names_person: bool,
) -> Item | None:
    prompt = harmless(generation.prompt, LISTED_PROMPT_CHARACTERS)
    when = discord.utils.format_dt(generation.created_at, "R")
    person = f"<@{generation.user_id}>" if names_person else ""
    link = generation.message_url if _is_shown(generation) else None
    lines = (
        f"**{prompt or harmless(generation.workflow)}**",
        small(person, _(_title(service, generation.workflow)), when),
        small(
            state_text(generation),
            f"[{_('jump')}]({link})" if link else "",
            generation.id,
        ),
    )
    if thumbnail is None:
        return text(*lines)
    return section(ui.Thumbnail(thumbnail, description=thumbnail.description), *lines)


def _title(service: GenerationService, name: str) -> str:
    titles = (workflow.title for workflow in service.workflows() if workflow.name == name)
    return next(titles, name)


def _is_shown(generation: Generation) -> bool:
    is_done = generation.state is GenerationState.SUCCEEDED
    return is_done and not generation.is_deleted and not generation.withheld


def _thumbnail(generation: Generation, number: int) -> discord.File | None:
    """Return the first thumbnail of a result, if there is one."""
    for output in generation.outputs:
        if output.thumbnail is not None:
            description = generation.prompt[:ALT_TEXT_CHARACTERS] or None
            kind = imaging.describe(output.thumbnail)
            name = f"history-{number}.{kind.extension if kind else 'webp'}"
            return discord.File(io.BytesIO(output.thumbnail), name, description=description)
    return None


def _page_buttons(query: HistoryQuery, page: HistoryPage) -> list[HistoryButton]:
    last_page = -(-page.total // PAGE_SIZE)
    if last_page <= 1 or not page.generations:
        return []
    generations: Sequence[Generation] = page.generations
    newer = replace(query, page=max(1, query.page - 1), anchor=generations[0].id, newer=True)
    older = replace(query, page=query.page + 1, anchor=generations[-1].id, newer=False)
    return [
        HistoryButton(newer, _("Newer"), disabled=query.page <= 1),
        HistoryButton(older, _("Older"), disabled=query.page >= last_page),
    ]


async def _find_anchor(service: GenerationService, query: HistoryQuery) -> Cursor | None:
    if not query.anchor:
        return None
    generation = await service.find(query.anchor)
    return Cursor(generation.created_at, generation.id) if generation is not None else None


def _find_workflow(service: GenerationService, key: str) -> str:
    """Return the workflow name of a key; an unknown key is returned as is and matches nothing."""
    if not key.startswith("~"):
        return key
    names = (workflow.name for workflow in service.workflows())
    return next((name for name in names if f"~{zlib.crc32(name.encode()):08x}" == key), key)


def _person(scope: str) -> int | None:
    return None if scope == "h" else int(scope.lstrip("m+"), 16) or None


def _day_text(day: datetime | None) -> str:
    return f"{day.toordinal():x}" if day is not None else ""


def _day(text: str) -> datetime | None:
    try:
        return datetime.fromordinal(int(text, 16)).replace(tzinfo=UTC) if text else None
    except (ValueError, OverflowError):
        return None
