"""Appearance and order of the buttons below results; `buttons` has their actions."""

from collections.abc import Mapping, Sequence

import discord
from discord import ui

from bot.i18n.language import _, mark
from bot.replies.posted_files import PANEL, PUBLIC
from bot.replies.starts import ANIMATE, EDIT, INPUT, picture_options
from bot.ui.layout import Item, row
from generation.record import Generation
from generation.requests.available_actions import AvailableActions

PICTURES_WITH_BUTTONS = 4
"""More pictures have menus in the private panel instead: two rows of buttons fit on a phone."""

CANCEL, RETRY, ORIGINAL, BARE = "cancel", "retry", "original", "bare"
UPSCALE, VARY, AGAIN, REMIX = "upscale", "vary", "again", "remix"
WORDS, INFO, DELETE = "words", "info", "delete"
MORE, COPY, SHARE, REPORT = "more", "copy", "share", "report"

_LABELS: Mapping[str, str] = {
    CANCEL: mark("Cancel"),
    RETRY: mark("Try again"),
    ORIGINAL: mark("Original"),
    BARE: mark("Without metadata"),
    UPSCALE: mark("Upscale"),
    VARY: mark("Vary"),
    AGAIN: mark("Again"),
    REMIX: mark("Remix"),
    INPUT: mark("Use as input"),
    EDIT: mark("Edit"),
    ANIMATE: mark("Animate"),
    WORDS: mark("Use as prompt"),
    INFO: mark("Info"),
    COPY: mark("Copy prompt"),
    SHARE: mark("Share"),
    REPORT: mark("Report"),
    DELETE: mark("Delete"),
    MORE: "⋯",
}

_STYLES: Mapping[str, discord.ButtonStyle] = {
    RETRY: discord.ButtonStyle.primary,
    DELETE: discord.ButtonStyle.danger,
}

_EMOJI: Mapping[str, str] = {UPSCALE: "⬆️", VARY: "🪄", AGAIN: "🔁", REMIX: "✏️", WORDS: "🎨"}


def build_button(
    generation_id: str,
    action: str,
    index: int = 0,
    *,
    label: str | None = None,
    in_panel: bool = False,
) -> ui.Button[ui.View]:
    """Build the button of one action; `index` counts from 0 if there are several results.

    `in_panel` marks the buttons of a private panel opened from a public message: their results are
    as public as that message. Without a label it has its own, and with an empty one only its emoji.
    """
    return ui.Button(
        label=_(_LABELS[action]) if label is None else label or None,
        style=_STYLES.get(action, discord.ButtonStyle.secondary),
        # A picture's own button has its number alone.
        emoji=None if label else _EMOJI.get(action),
        custom_id=f"{PANEL if in_panel else PUBLIC}:{generation_id}:{action}:{index}",
    )


def build_menu(
    generation_id: str, action: str, positions: Sequence[int], *, in_panel: bool
) -> ui.Select[ui.View]:
    """Build the menu of one action, for more pictures than a row of buttons holds."""
    return ui.Select(
        custom_id=f"{PANEL if in_panel else PUBLIC}:{generation_id}:{action}:menu",
        placeholder=_("Upscale a picture") if action == UPSCALE else _("Vary a picture"),
        options=picture_options(positions),
    )


def result_rows(generation: Generation, available: AvailableActions) -> list[Item | None]:
    """Build the buttons below results: at most two rows, in a fixed order."""
    id_, count = generation.id, len(generation.outputs)
    more = build_button(id_, MORE)
    if 1 < count <= PICTURES_WITH_BUTTONS and (available.upscale or available.vary):
        again = [build_button(id_, AGAIN, label="")] if available.again else []
        return [
            row(*_numbered(id_, UPSCALE, "U", available.upscale), *again),
            row(*_numbered(id_, VARY, "V", available.vary), more),
        ]
    changes = [build_button(id_, WORDS)] if available.words else []
    if count == 1:
        changes += [build_button(id_, UPSCALE, position) for position in available.upscale]
        changes += [build_button(id_, VARY, position) for position in available.vary]
    if available.again:
        changes.append(build_button(id_, AGAIN))
    if available.remix:
        changes.append(build_button(id_, REMIX))
    return [row(*changes, more)]


def failed_row(generation: Generation) -> Item | None:
    """Build the buttons below a failure."""
    return row(build_button(generation.id, RETRY), build_button(generation.id, REMIX))


def held_row(generation: Generation) -> Item | None:
    """Build the buttons below a result that is not shown."""
    return row(build_button(generation.id, AGAIN), build_button(generation.id, MORE))


def _numbered(
    generation_id: str, action: str, letter: str, positions: Sequence[int]
) -> list[ui.Button[ui.View]]:
    """Build a button for each picture, such as U1."""
    return [
        build_button(generation_id, action, position, label=f"{letter}{position + 1}")
        for position in positions
    ]
