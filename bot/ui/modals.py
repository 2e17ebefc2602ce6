"""Persistent modals, whose custom ids hold all that is needed after a restart.

discord.py keeps open modals in memory by custom id, so a restart loses them and two people with
the same modal replace each other. Submissions are therefore read from the raw interaction event.
"""

import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import discord
from discord import ui

from bot.i18n.language import _
from bot.permissions import require_served
from bot.ui import error_messages
from bot.ui.limits import MODAL_FIELDS, MODAL_LABEL_CHARACTERS, MODAL_TITLE_CHARACTERS
from generation.errors import InvalidOption
from generation.requests.values import MAX_PROMPT_CHARACTERS

ID_DIGITS = 20
"""Largest number of digits of Discord's ids, and of any number that a menu offers."""

GENERATION_ID = r"(?P<id>[a-z0-9]{1,32})"
"""Pattern of a generation's id in the custom id of a modal."""


@dataclass(frozen=True, slots=True)
class ModalInput:
    """A submitted modal; texts and chosen values by the custom ids of their fields."""

    match: re.Match[str]
    texts: Mapping[str, str]
    choices: Mapping[str, tuple[str, ...]]
    files: Mapping[str, tuple[discord.Attachment, ...]] = field(default_factory=dict)

    def number(self, name: str, otherwise: str) -> int:
        """Return the number chosen in a field, read by `read_number`, or `otherwise`."""
        return read_number(next(iter(self.choices.get(name, ())), otherwise))


Handler = Callable[[discord.Interaction, ModalInput], Awaitable[None]]

Field = ui.Label[ui.Modal]


_HANDLERS: dict[re.Pattern[str], Handler] = {}


def handles_modal(custom_id: str) -> Callable[[Handler], Handler]:
    """Register the decorated function as the handler of modals whose custom id matches."""

    def register(handler: Handler) -> Handler:
        _HANDLERS[re.compile(custom_id)] = handler
        return handler

    return register


async def answer_modal(interaction: discord.Interaction) -> None:
    """Run the handler of a submitted modal; unknown custom ids are ignored."""
    sent: Mapping[str, Any] = interaction.data or {}
    custom_id = str(sent.get("custom_id", ""))
    for pattern, handler in _HANDLERS.items():
        match = pattern.fullmatch(custom_id)
        if match is not None:
            async with error_messages.telling_errors(interaction):
                require_served(interaction)
                await handler(interaction, _read(match, sent, interaction))


async def open_modal(
    interaction: discord.Interaction,
    custom_id: str,
    title: str,
    *fields: Field,
    text: str = "",
) -> None:
    """Open a modal with as many of these fields as fit; it must be the first response."""
    modal = ui.Modal(title=title[:MODAL_TITLE_CHARACTERS], custom_id=custom_id)
    if text:
        modal.add_item(ui.TextDisplay(text))
    for field_ in fields[:MODAL_FIELDS]:
        modal.add_item(field_)
    # A stopped modal is not added to discord.py's view store.
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
) -> Field:
    """Build a text field."""
    entry: ui.TextInput[ui.Modal] = ui.TextInput(
        custom_id=custom_id,
        style=discord.TextStyle.paragraph if long else discord.TextStyle.short,
        default=(value if longest is None else value[:longest]) or None,
        required=required,
        max_length=longest,
        placeholder=placeholder or None,
    )
    return _label(label, entry, description)


def prompt_field(
    value: str = "", *, label: str = "", required: bool = True, placeholder: str = ""
) -> Field:
    """Build the text field of a prompt."""
    return text_field(
        "prompt",
        label or _("Prompt"),
        value,
        long=True,
        required=required,
        longest=MAX_PROMPT_CHARACTERS,
        placeholder=placeholder,
    )


def choice_field(
    custom_id: str,
    label: str,
    options: list[discord.SelectOption],
    *,
    required: bool = False,
    most: int = 1,
) -> Field:
    """Build a menu in which up to `most` options are chosen."""
    menu: ui.Select[ui.Modal] = ui.Select(
        custom_id=custom_id,
        options=options,
        min_values=int(required),
        max_values=most,
        required=required,
    )
    return _label(label, menu)


def radio_field(
    custom_id: str, label: str, options: Mapping[str, str], *, required: bool = True
) -> Field:
    """Build a group of radio buttons; labels by value."""
    buttons = [discord.RadioGroupOption(label=said, value=value) for value, said in options.items()]
    group: ui.RadioGroup[ui.Modal] = ui.RadioGroup(
        custom_id=custom_id, required=required, options=buttons
    )
    return _label(label, group)


def upload_field(
    custom_id: str,
    label: str,
    *,
    required: bool = False,
    most: int = 1,
    description: str = "",
) -> Field:
    """Build an upload of up to `most` files."""
    upload: ui.FileUpload[ui.Modal] = ui.FileUpload(
        custom_id=custom_id, required=required, min_values=int(required), max_values=most
    )
    return _label(label, upload, description)


def _label(text: str, component: ui.Item[ui.Modal], description: str = "") -> Field:
    return ui.Label(
        text=text[:MODAL_LABEL_CHARACTERS], description=description or None, component=component
    )


def read_number(chosen: str) -> int:
    """Parse the number of a menu entry; -1 for a value that no menu offers."""
    is_number = chosen.isascii() and chosen.isdecimal() and len(chosen) <= ID_DIGITS
    return int(chosen) if is_number else -1


def _read(
    match: re.Match[str], sent: Mapping[str, Any], interaction: discord.Interaction
) -> ModalInput:
    texts: dict[str, str] = {}
    choices: dict[str, tuple[str, ...]] = {}
    files: dict[str, tuple[discord.Attachment, ...]] = {}
    uploads = (sent.get("resolved") or {}).get("attachments") or {}
    for item in sent.get("components") or ():
        # A label has one component, the older action row a list.
        part: Mapping[str, Any] = item.get("component") or next(
            iter(item.get("components") or ()), {}
        )
        name = part.get("custom_id")
        if name is None:
            continue
        if part.get("type") == discord.ComponentType.file_upload.value:
            given = [uploads[file_id] for file_id in part.get("values") or () if file_id in uploads]
            state = interaction._state  # noqa: SLF001 - as discord.py builds attachments
            files[name] = tuple(discord.Attachment(data=data, state=state) for data in given)
        elif "values" in part:
            choices[name] = tuple(str(value) for value in part["values"] or ())
        else:
            texts[name] = str(part.get("value") or "")
    return ModalInput(match, texts, choices, files)


def parse_strength(answer: ModalInput) -> float | None:
    """Parse the number, with a point or a comma; None without one. Raises RequestRefused."""
    typed = answer.texts.get("strength", "").strip().replace(",", ".")
    if not typed:
        return None
    try:
        number = float(typed)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidOption("{option} is a number such as 0.6.", {"option": "strength"})
    return number
