"""Persistent buttons whose custom ids hold a generation's id, an action and an index."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Self

import discord
from discord import ui

from bot.i18n.language import _
from bot.permissions import can_moderate, guild_of
from bot.replies import actions
from bot.replies.actions import ALL
from bot.replies.deletion import open_delete
from bot.replies.remix import open_remix
from bot.services import services_of
from bot.ui.components import PersistentItem, chosen_in
from bot.ui.limits import MENU_OPTIONS
from bot.ui.modals import read_number
from bot.ui.responses import acknowledge, respond
from generation.record import Generation
from generation.requests.available_actions import AvailableActions
from generation.service import GenerationService

BUTTONS_A_MESSAGE = 25
"""Discord's limit: five rows of five."""

BUTTONS_A_ROW = 5

CANCEL, RETRY, ORIGINAL, BARE = "cancel", "retry", "original", "bare"
UPSCALE, VARY, AGAIN, REMIX, INPUT = "upscale", "vary", "again", "remix", "input"
INFO, DELETE = "info", "delete"

_ACTIONS_PATTERN = "cancel|retry|original|bare|upscale|vary|again|remix|input|info|delete"

_STYLES: Mapping[str, discord.ButtonStyle] = MappingProxyType({RETRY: discord.ButtonStyle.primary})


class GenerationButton(
    PersistentItem[ui.Button[ui.View]],
    template=rf"g:(?P<id>[a-z0-9]{{1,32}}):(?P<action>{_ACTIONS_PATTERN}):(?P<index>[0-9]{{1,3}})",
):
    """Persistent button of one action; `index` counts from 0 where there are several results."""

    def __init__(
        self,
        generation_id: str,
        action: str,
        index: int = 0,
        *,
        label: str = "",
    ) -> None:
        custom_id = f"g:{generation_id}:{action}:{index}"
        style = _STYLES.get(action, discord.ButtonStyle.secondary)
        button = ui.Button[ui.View](label=label or _label(action), style=style, custom_id=custom_id)
        super().__init__(button)
        self.generation_id = generation_id
        self.action = action
        self.index = index

    @classmethod
    def read(cls, match: re.Match[str], /) -> Self:
        """Parse the button from its custom id."""
        return cls(match["id"], match["action"], int(match["index"]))

    async def answer(self, interaction: discord.Interaction, /) -> None:
        """Run the action."""
        await _ACTIONS[self.action](interaction, self.generation_id, self.index)


class PictureMenu(
    PersistentItem[ui.Select[ui.View]],
    template=r"g:(?P<id>[a-z0-9]{1,32}):(?P<action>upscale|vary):menu",
):
    """Persistent menu of one action, for more pictures than a row of buttons holds."""

    def __init__(self, generation_id: str, action: str, positions: Sequence[int] = (0,)) -> None:
        placeholder = _("Upscale a picture") if action == UPSCALE else _("Vary a picture")
        options = [
            discord.SelectOption(
                label=_("Picture {number}", number=position + 1), value=str(position)
            )
            for position in positions[:MENU_OPTIONS]
        ]
        super().__init__(
            ui.Select(
                custom_id=f"g:{generation_id}:{action}:menu",
                placeholder=placeholder,
                options=options,
            )
        )
        self.generation_id = generation_id
        self.action = action

    @classmethod
    def read(cls, match: re.Match[str], /) -> Self:
        """Parse the menu from its custom id."""
        return cls(match["id"], match["action"])

    async def answer(self, interaction: discord.Interaction, /) -> None:
        """Run the action on the chosen picture."""
        index = read_number(chosen_in(interaction))
        await _ACTIONS[self.action](interaction, self.generation_id, index)


def cancel_view(generation: Generation) -> ui.View:
    """Components while a generation waits or runs."""
    return _view([GenerationButton(generation.id, CANCEL)])


def failed_view(generation: Generation) -> ui.View:
    """Components after a failure."""
    return _view([GenerationButton(generation.id, RETRY), GenerationButton(generation.id, DELETE)])


def done_view(generation: Generation, available: AvailableActions) -> ui.View:
    """Components after success: the offered actions, first those for each single picture."""
    id_, outputs = generation.id, generation.outputs
    is_alone = len(outputs) == 1
    rows = [] if is_alone else _rows_of_choices(id_, available)
    changes = []
    if is_alone:
        changes += [GenerationButton(id_, UPSCALE, position) for position in available.upscale]
        changes += [GenerationButton(id_, VARY, position) for position in available.vary]
    if available.again:
        changes.append(GenerationButton(id_, AGAIN))
    if available.remix:
        changes.append(GenerationButton(id_, REMIX))
    keeping = [GenerationButton(id_, INPUT, position) for position in available.use[:1]]
    if outputs:
        keeping.append(GenerationButton(id_, ORIGINAL, outputs[0].position if is_alone else ALL))
    # Rows of at most this width fit on a phone.
    (keeping if is_alone else changes).append(GenerationButton(id_, INFO))
    keeping.append(GenerationButton(id_, DELETE))
    return _view_of_rows([*rows, changes, keeping])


def bare_view(generation: Generation, index: int) -> ui.View:
    """Components under an original file that carries metadata."""
    return _view([GenerationButton(generation.id, BARE, index)])


def queue_view(generations: Sequence[Generation]) -> ui.View:
    """A Cancel button for each generation, at most as many as a message can have."""
    return _view(
        [
            GenerationButton(generation.id, CANCEL, label=_("Cancel {id}", id=generation.id))
            for generation in generations[:BUTTONS_A_MESSAGE]
        ]
    )


async def cancel(
    interaction: discord.Interaction, service: GenerationService, generation_id: str
) -> None:
    """Cancel a generation on behalf of the interacting user, and confirm privately."""
    await acknowledge(interaction)
    generation = await service.cancel(
        generation_id,
        user_id=interaction.user.id,
        is_moderator=can_moderate(interaction),
        guild_id=guild_of(interaction),
    )
    ended = generation.state.is_final
    text = _("It had ended already.") if ended else _("Cancelling `{id}`.", id=generation.id)
    await respond(interaction, text)


_Item = GenerationButton | PictureMenu


def _rows_of_choices(generation_id: str, available: AvailableActions) -> list[Sequence[_Item]]:
    """Rows of one button a picture for each action; a menu where there are too many."""
    rows: list[Sequence[_Item]] = []
    for action, letter, positions in (
        (UPSCALE, "U", available.upscale),
        (VARY, "V", available.vary),
    ):
        if len(positions) > BUTTONS_A_ROW:
            rows.append([PictureMenu(generation_id, action, positions)])
        else:
            rows.append(
                [
                    GenerationButton(
                        generation_id, action, position, label=f"{letter}{position + 1}"
                    )
                    for position in positions
                ]
            )
    return rows


def _view(items: Sequence[_Item]) -> ui.View:
    view = ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    # Dynamic items are dispatched by their ids. A view that is not stopped would stay in
    # discord.py's view store for every message sent.
    view.stop()
    return view


def _view_of_rows(rows: Iterable[Sequence[_Item]]) -> ui.View:
    """Build a view of the rows that are not empty."""
    placed = []
    for number, row in enumerate(row for row in rows if row):
        for item in row:
            item.row = number
            placed.append(item)
    return _view(placed)


def _label(action: str) -> str:  # noqa: PLR0911 - one answer for each action
    match action:
        case "cancel":
            return _("Cancel")
        case "retry":
            return _("Try again")
        case "original":
            return _("Original")
        case "bare":
            return _("Without metadata")
        case "upscale":
            return _("Upscale")
        case "vary":
            return _("Vary")
        case "again":
            return _("Again")
        case "remix":
            return _("Remix")
        case "input":
            return _("Use as input")
        case "info":
            return _("Info")
        case _:
            return _("Delete")


async def _cancel(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    await cancel(interaction, services_of(interaction).generations, generation_id)


async def _original(interaction: discord.Interaction, generation_id: str, index: int) -> None:
    await actions.send_originals(interaction, generation_id, index, bare_view)


async def _bare(interaction: discord.Interaction, generation_id: str, index: int) -> None:
    await actions.send_originals(interaction, generation_id, index)


_Action = Callable[[discord.Interaction, str, int], Awaitable[None]]
_ACTIONS: Mapping[str, _Action] = MappingProxyType(
    {
        CANCEL: _cancel,
        RETRY: actions.retry,
        ORIGINAL: _original,
        BARE: _bare,
        UPSCALE: actions.upscale,
        VARY: actions.vary,
        AGAIN: actions.again,
        REMIX: open_remix,
        INPUT: actions.open_input,
        INFO: actions.info,
        DELETE: open_delete,
    }
)
