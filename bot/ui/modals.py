"""Modals that carry only what they are about in their ids, so that a restart does not lose them.

The library remembers modals by id in memory, and one that two people open twice only once. So
none is remembered: whatever is sent comes as an event, and is read here.
"""

import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

from bot.permissions import require_served
from bot.ui import error_messages
from bot.ui.limits import MODAL_LABEL_CHARACTERS, MODAL_TITLE_CHARACTERS
from generation.errors import FailureKind, RequestRefused

ID_DIGITS = 20
"""Of Discord's ids, and of any number that a menu offers."""

GENERATION_ID = r"(?P<id>[a-z0-9]{1,32})"
"""How the id of a generation is matched in the id of a modal."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A modal as somebody sent it; texts and chosen values by the ids of their fields."""

    match: re.Match[str]
    texts: Mapping[str, str]
    choices: Mapping[str, tuple[str, ...]]

    def number(self, name: str, otherwise: str) -> int:
        """What was chosen there, or else this, as `read_number` reads it."""
        return read_number(next(iter(self.choices.get(name, ())), otherwise))


Handler = Callable[[discord.Interaction, Answer], Awaitable[None]]


class Forms:
    """Knows by their ids who reads which modal."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = {re.compile(pattern): handler for pattern, handler in handlers.items()}

    async def answer(self, interaction: discord.Interaction) -> None:
        """Let the modal that was sent be read; a stranger's is left alone."""
        sent: Mapping[str, Any] = interaction.data or {}
        custom_id = str(sent.get("custom_id", ""))
        for pattern, handler in self._handlers.items():
            match = pattern.fullmatch(custom_id)
            if match is not None:
                async with error_messages.telling_errors(interaction):
                    require_served(interaction)
                    await handler(interaction, _read(match, sent))


async def open_form(
    interaction: discord.Interaction,
    custom_id: str,
    title: str,
    parts: Mapping[str, ui.Label[ui.Modal]] | None = None,
    text: str = "",
) -> None:
    """Show a modal with these parts, by the ids of their fields; it must be the first answer."""
    modal = ui.Modal(title=title[:MODAL_TITLE_CHARACTERS], custom_id=custom_id)
    if text:
        modal.add_item(ui.TextDisplay(text))
    for part in (parts or {}).values():
        modal.add_item(part)
    # What is stopped is not remembered.
    modal.stop()
    await interaction.response.send_modal(modal)


def text_field(
    custom_id: str,
    label: str,
    value: str = "",
    *,
    long: bool = False,
    required: bool = False,
    longest: int | None = None,
    placeholder: str = "",
    description: str = "",
) -> ui.Label[ui.Modal]:
    """A field to type into, with what it has already."""
    return ui.Label(
        text=label[:MODAL_LABEL_CHARACTERS],
        description=description or None,
        component=ui.TextInput(
            custom_id=custom_id,
            style=discord.TextStyle.paragraph if long else discord.TextStyle.short,
            default=(value if longest is None else value[:longest]) or None,
            required=required,
            max_length=longest,
            placeholder=placeholder or None,
        ),
    )


def choice_field(
    custom_id: str, label: str, options: list[discord.SelectOption], *, required: bool = False
) -> ui.Label[ui.Modal]:
    """A menu to choose one thing from."""
    return ui.Label(
        text=label[:MODAL_LABEL_CHARACTERS],
        component=ui.Select(
            custom_id=custom_id, options=options, min_values=int(required), required=required
        ),
    )


def read_number(chosen: str) -> int:
    """The number that an entry of a menu stands for; -1 for what no menu offers."""
    is_number = chosen.isascii() and chosen.isdecimal() and len(chosen) <= ID_DIGITS
    return int(chosen) if is_number else -1


def _read(match: re.Match[str], sent: Mapping[str, Any]) -> Answer:
    texts: dict[str, str] = {}
    choices: dict[str, tuple[str, ...]] = {}
    for item in sent.get("components") or ():
        part: Mapping[str, Any] = item.get("component") or next(
            iter(item.get("components") or ()), {}
        )
        name = part.get("custom_id")
        if name is None:
            continue
        if "values" in part:
            choices[name] = tuple(str(value) for value in part["values"] or ())
        else:
            texts[name] = str(part.get("value") or "")
    return Answer(match, texts, choices)


def parse_number(name: str, text: str) -> float | None:
    """A number as typed, with a point or a comma; None without one. Raises RequestRefused."""
    typed = text.strip().replace(",", ".")
    if not typed:
        return None
    try:
        number = float(typed)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RequestRefused(
            FailureKind.INVALID_OPTION,
            "{option} is a number such as 0.6.",
            {"option": name},
        )
    return number
