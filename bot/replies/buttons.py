"""Persistent buttons whose custom ids hold a generation's id, an action and an index."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import discord

from bot.i18n.language import _
from bot.permissions import can_moderate, guild_of
from bot.replies import actions
from bot.replies.actions import ALL
from bot.replies.deletion import may_moderate, open_delete
from bot.replies.moderation.reports import open_report
from bot.replies.remix import open_remix
from bot.replies.result_buttons import (
    AGAIN,
    BARE,
    CANCEL,
    COPY,
    DELETE,
    INFO,
    MORE,
    ORIGINAL,
    PICTURES_WITH_BUTTONS,
    REMIX,
    REPORT,
    RETRY,
    SHARE,
    UPSCALE,
    VARY,
    WORDS,
    build_button,
    build_menu,
)
from bot.replies.sharing import find_destination, share
from bot.replies.starts import (
    ANIMATE,
    EDIT,
    INPUT,
    find_positions,
    open_start,
    open_words,
)
from bot.requester import find_visible, requester_of
from bot.services import services_of
from bot.ui.components import PersistentItem, chosen_in
from bot.ui.layout import Item, build_layout, row, small, text
from bot.ui.modals import read_number
from bot.ui.responses import acknowledge, respond
from bot.ui.text import code_block, harmless
from generation.record import Generation

PANEL_PROMPT_CHARACTERS = 100

_ACTIONS_PATTERN = (
    "cancel|retry|original|bare|upscale|vary|again|remix|input|edit|animate|words|info|delete"
    "|more|copy|share|report"
)


class GenerationButton(
    PersistentItem,
    template=(
        rf"(?P<place>gm?):(?P<id>[a-z0-9]{{1,32}}):(?P<action>{_ACTIONS_PATTERN})"
        r":(?P<index>[0-9]{1,3})"
    ),
):
    """Runs one action; `build_button` builds the button."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        act = _ACTIONS[self.match["action"]]
        await act(interaction, self.match["id"], int(self.match["index"]))


class PictureMenu(
    PersistentItem,
    template=r"(?P<place>gm?):(?P<id>[a-z0-9]{1,32}):(?P<action>upscale|vary):menu",
):
    """Runs one action on the chosen picture."""

    async def _answer(self, interaction: discord.Interaction, /) -> None:
        index = read_number(chosen_in(interaction))
        await _ACTIONS[self.match["action"]](interaction, self.match["id"], index)


async def open_panel(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """Show all actions on a result to the person who pressed."""
    await acknowledge(interaction)
    generation = await find_visible(interaction, generation_id)
    finder = services_of(interaction).action_finder
    available = finder.of(generation, requester_of(interaction))
    message = interaction.message
    in_panel = message is not None and not message.flags.ephemeral
    is_own = generation.user_id == interaction.user.id

    button = partial(build_button, generation.id, in_panel=in_panel)
    menus = [
        row(build_menu(generation.id, action, positions, in_panel=in_panel))
        for action, positions in ((UPSCALE, available.upscale), (VARY, available.vary))
        if len(generation.outputs) > PICTURES_WITH_BUTTONS and positions
    ]
    changes = [button(REMIX)] if available.remix else []
    for use in (INPUT, EDIT, ANIMATE):
        changes += [button(use, position) for position in find_positions(available, use)[:1]]
    if generation.outputs:
        changes.append(button(ORIGINAL, ALL if len(generation.outputs) > 1 else 0))
    others = [button(INFO)]
    if generation.prompt:
        others.append(button(COPY))
    if await find_destination(interaction, generation) and generation.shared_url is None:
        others.append(button(SHARE))
    if generation.guild_id is not None and not is_own:
        others.append(button(REPORT))
    if is_own or may_moderate(interaction, generation):
        others.append(button(DELETE))
    prompt = harmless(generation.prompt, PANEL_PROMPT_CHARACTERS)
    view = build_layout(text(small(prompt, generation.id)), *menus, row(*changes), row(*others))
    await respond(interaction, view=view)


async def _copy(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """Show the whole prompt in a code block for copying."""
    await acknowledge(interaction)
    generation = await find_visible(interaction, generation_id)
    await respond(interaction, view=build_layout(text(code_block(generation.prompt))))


async def cancel_quietly(interaction: discord.Interaction, generation_id: str) -> Generation:
    """Cancel a generation for the interacting user; return its state before."""
    return await services_of(interaction).generations.cancel(
        generation_id,
        user_id=interaction.user.id,
        is_moderator=can_moderate(interaction),
        guild_id=guild_of(interaction),
    )


async def cancel(interaction: discord.Interaction, generation_id: str, _index: int = 0) -> None:
    """Cancel a generation on behalf of the interacting user, and confirm privately."""
    await acknowledge(interaction)
    generation = await cancel_quietly(interaction, generation_id)
    ended = generation.state.is_final
    await respond(interaction, _("Already finished.") if ended else _("Cancelled."))


def _bare_row(generation: Generation, index: int) -> Item | None:
    """Build the button below an original file with metadata."""
    return row(build_button(generation.id, BARE, index))


_Action = Callable[[discord.Interaction, str, int], Awaitable[None]]
_ACTIONS: Mapping[str, _Action] = {
    CANCEL: cancel,
    RETRY: actions.retry,
    ORIGINAL: partial(actions.send_originals, build_row=_bare_row),
    BARE: actions.send_originals,
    UPSCALE: actions.upscale,
    VARY: actions.vary,
    AGAIN: actions.again,
    REMIX: open_remix,
    **{use: partial(open_start, use=use) for use in (INPUT, EDIT, ANIMATE)},
    WORDS: open_words,
    INFO: actions.info,
    DELETE: open_delete,
    MORE: open_panel,
    COPY: _copy,
    SHARE: share,
    REPORT: open_report,
}
