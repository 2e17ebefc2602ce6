"""`/history`: a person's own generations, newest first, paged with thumbnails; private."""

import io
from collections.abc import Sequence
from dataclasses import replace

import discord
from discord import app_commands, ui

from bot.commands.choices import complete_workflow
from bot.commands.history_query import (
    QUERY_PATTERN,
    SEARCH_CHARACTERS,
    STATES,
    HistoryQuery,
    Status,
    checksum,
)
from bot.i18n.language import _
from bot.permissions import guild_of, require_moderator
from bot.replies.repost import repost
from bot.services import services_of
from bot.ui.components import PersistentItem, chosen_in, menu_options
from bot.ui.generations import LISTED_PROMPT_CHARACTERS, choice_label, state_name, state_text
from bot.ui.layout import Item, panel, row, section, small, text
from bot.ui.limits import ALT_TEXT_CHARACTERS
from bot.ui.responses import acknowledge, acknowledge_press, replace_message, respond
from bot.ui.text import harmless
from generation.history.queries import Cursor, HistoryPage
from generation.marking.marker import Marker
from generation.media import imaging
from generation.record import Generation, GenerationState
from generation.service import GenerationService

PAGE_SIZE = 6
"""Generations per page, each a section with a thumbnail."""

EVERY_STATE = "every"


class HistoryButton(PersistentItem, template=QUERY_PATTERN):
    """Shows a page; the custom id holds the whole query."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        await _turn_to(interaction, HistoryQuery.parse(self.match))


class HistoryFilterMenu(PersistentItem, template=rf"f{QUERY_PATTERN}"):
    """Chooses the listed state; the custom id holds the rest of the query."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        query, state = HistoryQuery.parse(self.match), STATES.get(chosen_in(interaction))
        await _turn_to(interaction, replace(query, state=state, page=1, anchor=""))


class HistoryOpenMenu(PersistentItem, template=r"h:open"):
    """Shows one of the listed results with its buttons."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        await repost(interaction, chosen_in(interaction), private=True)


async def _turn_to(interaction: discord.Interaction, query: HistoryQuery) -> None:
    if query.everyone:
        require_moderator(interaction)
    await acknowledge_press(interaction)
    view, files = await _render(interaction, query)
    await replace_message(interaction, view, files)


@app_commands.command(name="history", description="Browse your pictures (private)")
@app_commands.describe(
    search="Words in the prompt",
    workflow="Made with this workflow",
    status="How it ended",
    since="From this day: 2026-11-01, today, yesterday or 3d",
    until="Until this day",
)
@app_commands.autocomplete(workflow=complete_workflow)
async def history_command(
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
    await show_history(interaction, query)


async def show_history(interaction: discord.Interaction, query: HistoryQuery) -> None:
    """Respond with the first page of the query."""
    view, files = await _render(interaction, query)
    await respond(interaction, view=view, files=files)


async def _render(
    interaction: discord.Interaction, query: HistoryQuery
) -> tuple[ui.LayoutView, list[discord.File]]:
    service = services_of(interaction).generations
    query = replace(query, workflow=_find_workflow(service, query.workflow))
    asked = query.to_filter(interaction.user.id, guild_of(interaction))
    anchor = await _find_anchor(service, query)
    if anchor is None:
        query = replace(query, page=1)
    if query.newer and anchor is not None:
        page = await service.history(asked, after=anchor, limit=PAGE_SIZE)
    else:
        page = await service.history(asked, before=anchor, limit=PAGE_SIZE)
    marker = services_of(interaction).marker
    thumbnails = {
        generation.id: await _thumbnail(generation, number, marker)
        for number, generation in enumerate(page.generations)
    }
    rows = [
        _entry(service, generation, thumbnails[generation.id], names_person=query.everyone)
        for generation in page.generations
    ]
    pages, more = -(-page.total // PAGE_SIZE), "+" if page.is_counted_in_part else ""
    footer = _(
        "Page {page} of {pages} · {total} in all",
        page=query.page,
        pages=f"{max(pages, query.page)}{more}",
        total=f"{page.total}{more}",
    )
    shown = [generation for generation in page.generations if _is_shown(generation)]
    view = panel(
        _("Server history") if query.everyone else _("Your history"),
        [] if rows else [_("Nothing found.")],
        *rows,
        footer=footer if rows else "",
        rows=[
            row(_open_menu(shown)) if shown else None,
            row(_filter_menu(query)),
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


async def _thumbnail(generation: Generation, number: int, marker: Marker) -> discord.File | None:
    """Return the first thumbnail of a result, if there is one."""
    for output in generation.outputs:
        if output.thumbnail is not None:
            description = generation.prompt[:ALT_TEXT_CHARACTERS] or None
            kind = imaging.describe(output.thumbnail)
            name = f"history-{number}.{kind.extension if kind else 'webp'}"
            content = await marker.mark(output.thumbnail, name, generation)
            return discord.File(io.BytesIO(content), name, description=description)
    return None


def _open_menu(generations: Sequence[Generation]) -> ui.Select[ui.LayoutView]:
    labels = {generation.id: choice_label(generation) for generation in generations}
    return ui.Select(custom_id="h:open", placeholder=_("Open…"), options=menu_options(labels))


def _filter_menu(query: HistoryQuery) -> ui.Select[ui.LayoutView]:
    labels = {EVERY_STATE: _("Everything")}
    labels |= {name: state_name(state) for name, state in STATES.items()}
    chosen = next((name for name, state in STATES.items() if state is query.state), None)
    options = menu_options(labels, chosen)
    return ui.Select(custom_id=f"f{query.custom_id()}", placeholder=_("Filter…"), options=options)


def _page_buttons(query: HistoryQuery, page: HistoryPage) -> list[ui.Button[ui.LayoutView]]:
    if page.total <= PAGE_SIZE or not page.generations:
        return []
    first, last = page.generations[0].id, page.generations[-1].id
    newer = replace(query, page=max(1, query.page - 1), anchor=first, newer=True)
    older = replace(query, page=query.page + 1, anchor=last, newer=False)
    return [
        ui.Button(label=_("Newer"), custom_id=newer.custom_id(), disabled=query.page <= 1),
        ui.Button(label=_("Older"), custom_id=older.custom_id(), disabled=page.next_cursor is None),
    ]


async def _find_anchor(service: GenerationService, query: HistoryQuery) -> Cursor | None:
    if not query.anchor:
        return None
    generation = await service.find(query.anchor)
    return Cursor(generation.created_at, generation.id) if generation is not None else None


def _find_workflow(service: GenerationService, key: str) -> str:
    """Return the workflow name of a key; an unknown key is returned as is and matches nothing."""
    names = (workflow.name for workflow in service.workflows())
    return next((name for name in names if checksum(name) == key), key)
