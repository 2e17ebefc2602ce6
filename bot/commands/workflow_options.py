"""One input of a workflow as one option of a slash command, within Discord's limits."""

import math
from collections.abc import Callable, Iterable
from typing import get_args

import discord
from discord import AppCommandOptionType, app_commands
from discord.app_commands import Choice

from bot.ui.limits import CHOICE_CHARACTERS, CHOICES
from bot.ui.options import DESCRIPTIONS, LARGEST_INTEGER, Aspect, matching
from generation.library.summaries import InputKind, InputSummary

TEXT_CHARACTERS = 6000
"""Discord's limit for what is typed into one option."""

DESCRIPTION_CHARACTERS = 100

_SIZE = "size"
_ASPECT = "aspect"
"""What commands call the input `size`: people give a ratio."""

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
}

Bound = int | float | None
AnyChoices = list[Choice[str | int | float]]
FindChoices = Callable[[], Iterable[str]]


class Option(app_commands.Transformer[discord.Client]):
    """What the library wants to know of an option. What arrives is left to the heart to check."""

    def __init__(self, wanted: InputSummary, choices: Iterable[str] = ()) -> None:
        self._type = _TYPES[wanted.kind]
        self._choices: AnyChoices = [Choice(name=choice, value=choice) for choice in choices]
        self._bounds = bounds(wanted)

    @property
    def type(self) -> AppCommandOptionType:
        """How it is given."""
        return self._type

    @property
    def min_value(self) -> Bound:
        """The smallest number, or the fewest characters."""
        return self._bounds[0]

    @property
    def max_value(self) -> Bound:
        """The largest number, or the most characters."""
        return self._bounds[1]

    @property
    def choices(self) -> AnyChoices | None:
        """All that it may be, where that is fixed."""
        return self._choices or None

    async def transform(
        self, _interaction: discord.Interaction[discord.Client], value: object, /
    ) -> object:
        """The value as it is."""
        return value


class LookedUpOption(Option):
    """An option whose choices are looked up while somebody types."""

    def __init__(self, wanted: InputSummary, find_choices: FindChoices) -> None:
        super().__init__(wanted)
        self._find_choices = find_choices

    async def autocomplete(
        self, _interaction: discord.Interaction[discord.Client], typed: str | float, /
    ) -> AnyChoices:
        """Those that fit what is typed."""
        found = matching(((choice, choice) for choice in self._find_choices()), str(typed))
        return [Choice(name=choice.name, value=choice.value) for choice in found]


def build_option(
    wanted: InputSummary, find_choices: FindChoices, *, has_fixed_choices: bool
) -> Option:
    """The option of an input. Without fixed choices, those of a choice are looked up as well."""
    if wanted.kind is InputKind.ASPECT:
        return Option(wanted, get_args(Aspect))
    if wanted.kind is InputKind.CHOICE and has_fixed_choices and _can_be_fixed(wanted.choices):
        return Option(wanted, dict.fromkeys(wanted.choices))
    if wanted.kind in (InputKind.CHOICE, InputKind.MODEL):
        return LookedUpOption(wanted, find_choices)
    return Option(wanted)


def option_name(wanted: InputSummary) -> str:
    """What people call an input."""
    return _ASPECT if is_aspect(wanted) else wanted.name


def is_aspect(wanted: InputSummary) -> bool:
    """Whether it is the size that every request can have a ratio for."""
    return wanted.kind is InputKind.ASPECT and wanted.name == _SIZE


def describe(wanted: InputSummary) -> str:
    """What people read beside it: the author's words, or ours for what is well known."""
    name = option_name(wanted)
    return one_line(wanted.description) or DESCRIPTIONS.get(name, name)


def one_line(text: str) -> str:
    """The text as a description that Discord takes; empty when there is nothing to read."""
    line = " ".join(text.split())
    if len(line) <= DESCRIPTION_CHARACTERS:
        return line
    return f"{line[: DESCRIPTION_CHARACTERS - 1]}…"


def bounds(wanted: InputSummary) -> tuple[Bound, Bound]:
    """The bounds that Discord is told; the least is above the most where nothing fits."""
    least, most = wanted.minimum, wanted.maximum
    match wanted.kind:
        case InputKind.TEXT:
            fewest = math.ceil(least or 0)
            longest = TEXT_CHARACTERS if most is None else min(math.floor(most), TEXT_CHARACTERS)
            return max(fewest, int(wanted.required)) or None, longest
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


def has_room(wanted: InputSummary) -> bool:
    """Whether there is anything that Discord would let people give."""
    least, most = bounds(wanted)
    if wanted.kind is InputKind.TEXT and most is not None and most < 1:
        return False
    return least is None or most is None or least <= most


def _safe(number: float) -> int | float:
    return max(-LARGEST_INTEGER, min(number, LARGEST_INTEGER))


def _can_be_fixed(choices: tuple[str, ...]) -> bool:
    return len(set(choices)) <= CHOICES and all(
        choice.strip() and len(choice) <= CHOICE_CHARACTERS for choice in choices
    )
