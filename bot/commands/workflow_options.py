"""Slash command options built from workflow inputs, within Discord's limits."""

import math
from collections.abc import Awaitable, Callable, Iterable
from typing import get_args

import discord
from discord import AppCommandOptionType, app_commands
from discord.app_commands import Choice

from bot.i18n.language import mark
from bot.ui.limits import CHOICE_CHARACTERS, CHOICES
from bot.ui.options import DESCRIPTIONS, LARGEST_INTEGER, Aspect, matching, shown_name
from generation.library.summaries import InputKind, InputSummary

TEXT_CHARACTERS = 6000
"""Discord's limit for the text of one option."""

DESCRIPTION_CHARACTERS = 100

_SIZE = "size"

_DESCRIPTIONS = {**DESCRIPTIONS, "last_image": mark("Picture that the video ends with")}

_TYPES = {
    InputKind.TEXT: AppCommandOptionType.string,
    InputKind.INTEGER: AppCommandOptionType.integer,
    InputKind.NUMBER: AppCommandOptionType.number,
    InputKind.BOOLEAN: AppCommandOptionType.boolean,
    InputKind.CHOICE: AppCommandOptionType.string,
    InputKind.MODEL: AppCommandOptionType.string,
    InputKind.PICTURE: AppCommandOptionType.attachment,
    InputKind.VIDEO: AppCommandOptionType.attachment,
    InputKind.AUDIO: AppCommandOptionType.attachment,
    InputKind.ASPECT: AppCommandOptionType.string,
    InputKind.WORKFLOW: AppCommandOptionType.string,
}

Bound = int | float | None
AnyChoices = list[Choice[str | int | float]]
FindChoices = Callable[[discord.Interaction[discord.Client]], Awaitable[Iterable[tuple[str, str]]]]
"""Returns the choices for a person, each with its label."""


class Option(app_commands.Transformer[discord.Client]):
    """Transformer that describes an option to discord.py; the core validates the value."""

    type = AppCommandOptionType.string
    min_value: Bound = None
    max_value: Bound = None
    choices: AnyChoices | None = None

    def __init__(self, input_: InputSummary, choices: Iterable[str] = ()) -> None:
        self.type = _TYPES[input_.kind]
        self.choices = [Choice(name=choice, value=choice) for choice in choices] or None
        self.min_value, self.max_value = bounds(input_)

    async def transform(
        self, _interaction: discord.Interaction[discord.Client], value: object, /
    ) -> object:
        """Return the value unchanged."""
        return value


class LookedUpOption(Option):
    """An option with autocompletion."""

    def __init__(self, input_: InputSummary, find_choices: FindChoices) -> None:
        super().__init__(input_)
        self._find_choices = find_choices

    async def autocomplete(
        self, interaction: discord.Interaction[discord.Client], typed: str | float, /
    ) -> AnyChoices:
        """Return the choices that match the typed text."""
        matches = matching(await self._find_choices(interaction), str(typed))
        return [Choice(name=choice.name, value=choice.value) for choice in matches]


def build_option(
    input_: InputSummary, find_choices: FindChoices, *, has_fixed_choices: bool
) -> Option:
    """Build the option of an input; without `has_fixed_choices`, choices are autocompleted."""
    if input_.kind is InputKind.ASPECT:
        return Option(input_, get_args(Aspect))
    if input_.kind is InputKind.CHOICE and has_fixed_choices and _can_be_fixed(input_.choices):
        return Option(input_, dict.fromkeys(input_.choices))
    if input_.kind in (InputKind.CHOICE, InputKind.MODEL, InputKind.WORKFLOW):
        return LookedUpOption(input_, find_choices)
    return Option(input_)


def option_names(inputs: Iterable[InputSummary]) -> dict[str, str]:
    """Return the options' names by input; two inputs with the same name get none."""
    names = [input_.name for input_ in inputs]
    return {name: name if shown_name(name) in names else shown_name(name) for name in names}


def is_aspect(input_: InputSummary) -> bool:
    """Return whether the input is the size, which people give as an aspect ratio."""
    return input_.kind is InputKind.ASPECT and input_.name == _SIZE


def describe(input_: InputSummary) -> str:
    """Return the option's description: the manifest's, or that of a well-known input."""
    name = shown_name(input_.name)
    return one_line(input_.description) or _DESCRIPTIONS.get(name, name)


def one_line(text: str) -> str:
    """Cut a text to a one-line description that Discord accepts; empty when nothing is visible."""
    line = " ".join(text.split())
    if len(line) <= DESCRIPTION_CHARACTERS:
        return line
    return f"{line[: DESCRIPTION_CHARACTERS - 1]}…"


def bounds(input_: InputSummary) -> tuple[Bound, Bound]:
    """Return the bounds for Discord; the minimum exceeds the maximum if no value is valid."""
    least, most = input_.minimum, input_.maximum
    match input_.kind:
        case InputKind.TEXT:
            fewest = math.ceil(least or 0)
            longest = TEXT_CHARACTERS if most is None else min(math.floor(most), TEXT_CHARACTERS)
            return max(fewest, int(input_.required)) or None, longest
        case InputKind.INTEGER:
            return (
                None if least is None else _safe(math.ceil(least)),
                None if most is None else _safe(math.floor(most)),
            )
        case InputKind.NUMBER:
            return (
                None if least is None else float(_safe(least)),
                None if most is None else float(_safe(most)),
            )
        case _:
            return None, None


def has_valid_value(input_: InputSummary) -> bool:
    """Return whether Discord would accept any value within the bounds."""
    least, most = bounds(input_)
    if input_.kind is InputKind.TEXT and most is not None and most < 1:
        return False
    return least is None or most is None or least <= most


def _safe(number: float) -> int | float:
    return max(-LARGEST_INTEGER, min(number, LARGEST_INTEGER))


def _can_be_fixed(choices: tuple[str, ...]) -> bool:
    return len(set(choices)) <= CHOICES and all(
        choice.strip() and len(choice) <= CHOICE_CHARACTERS for choice in choices
    )
