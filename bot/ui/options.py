"""Command options that several commands share."""

from collections.abc import Iterable
from typing import Literal, get_args

from discord import app_commands

from bot.i18n.language import mark
from bot.ui.limits import CHOICE_CHARACTERS, CHOICES

CHOICES_TIMEOUT_S = 2.0
"""Seconds for looking up choices: autocompletion cannot be deferred and expires after three."""

LARGEST_INTEGER = 2**53 - 1
"""Largest integer that JSON programs, including Discord's clients, represent exactly."""

Aspect = Literal["1:1", "3:2", "2:3", "4:3", "3:4", "16:9", "9:16", "21:9"]
ASPECTS: tuple[str, ...] = get_args(Aspect)
Choices = list[app_commands.Choice[str]]

DESCRIPTIONS = {
    "prompt": mark("What you want to see"),
    "workflow": mark("Workflow to use (automatic if empty)"),
    "image": mark("A picture to start from (PNG, JPEG or WebP)"),
    "negative": mark("Things to avoid"),
    "aspect": mark("Aspect ratio"),
    "count": mark("How many pictures"),
    "seed": mark("Same seed, same options: same picture"),
    "model": mark("The AI model"),
    "lora": mark("A style or subject on top of the model"),
    "steps": mark("More steps are finer, but slower"),
    "guidance": mark("How closely to follow the prompt"),
    "strength": mark("How much to change: 0 = nothing, 1 = everything"),
    "mask": mark("Mask: white areas are repainted"),
    "image_2": mark("Second picture"),
    "image_3": mark("Third picture"),
    "private": mark("Only you can see it"),
    "spoiler": mark("Hide the pictures behind a click"),
    "enhance": mark("Improve the prompt first"),
}
"""Descriptions of the standard options, in the order of `/imagine`."""

_SHOWN_NAMES = {"cfg": "guidance", "size": "aspect"}
"""Options whose name differs from the input that they set."""


def input_name(shown: str) -> str:
    """Return the input's name for an option's."""
    return next((name for name, other in _SHOWN_NAMES.items() if other == shown), shown)


def shown_name(name: str) -> str:
    """Return the option's name for an input's."""
    return _SHOWN_NAMES.get(name, name)


def matching(named: Iterable[tuple[str, str]], typed: str) -> Choices:
    """Return at most 25 choices that contain the typed text, those that begin with it first.

    Values longer than Discord allows are left out: a cut value would name nothing.
    """
    needle = typed.strip().casefold()
    matches = [
        (label, value)
        for label, value in named
        if len(value) <= CHOICE_CHARACTERS
        and value.strip()
        and (needle in label.casefold() or needle in value.casefold())
    ]
    matches.sort(key=lambda pair: not pair[1].casefold().startswith(needle))
    return [
        app_commands.Choice(name=label[:CHOICE_CHARACTERS].strip() or value, value=value)
        for label, value in matches[:CHOICES]
    ]
