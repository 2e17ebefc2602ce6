"""The remix modal: a generation's inputs, to be edited and submitted again."""

import discord

from bot.i18n.language import _
from bot.replies.derive import derive
from bot.requester import requester_of
from bot.services import services_of
from bot.ui.limits import MENU_OPTION_CHARACTERS
from bot.ui.modals import (
    GENERATION_ID,
    ModalInput,
    choice_field,
    open_modal,
    parse_number,
    text_field,
)
from bot.ui.options import ASPECTS, PROMPT_CHARACTERS
from bot.ui.responses import before_deadline
from generation.errors import FailureKind, RequestRefused
from generation.record import Generation
from generation.request import Value
from generation.requests.derivations import Changes

REMIX_FORM = rf"f:{GENERATION_ID}:remix"

AS_BEFORE = "same"

SEED_DIGITS = 20
"""Digits of the largest seed that ComfyUI accepts."""


async def open_remix(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """Open the remix modal with the generation's inputs."""
    services, requester = services_of(interaction), requester_of(interaction)
    generation = await before_deadline(
        interaction, services.derivations.find_visible(generation_id, requester)
    )
    offered = _options_of(interaction, generation)
    parts = {}
    if "prompt" in offered:
        parts["prompt"] = text_field(
            "prompt",
            _("Prompt"),
            generation.prompt,
            long=True,
            required=True,
            longest=PROMPT_CHARACTERS,
        )
    if "negative" in offered:
        negative = str(generation.values.get("negative") or "")
        parts["negative"] = text_field(
            "negative", _("Negative"), negative, long=True, longest=PROMPT_CHARACTERS
        )
    if "seed" in offered:
        parts["seed"] = text_field(
            "seed",
            _("Seed"),
            str(generation.seed if generation.seed is not None else ""),
            longest=SEED_DIGITS,
            description=_("Empty for a new one"),
        )
    if "size" in offered:
        parts["aspect"] = choice_field("aspect", _("Aspect"), _aspect_options(generation))
    if "strength" in offered:
        strength = generation.values.get("strength")
        parts["strength"] = text_field(
            "strength",
            _("Strength"),
            "" if strength is None else str(strength),
            longest=6,
            description=_("How much to change: 0 = nothing, 1 = everything"),
        )
    if not parts:
        raise RequestRefused(
            FailureKind.INVALID_OPTION,
            "This workflow has nothing to change. Press Again instead.",
        )
    await open_modal(interaction, f"f:{generation.id}:remix", _("Remix"), parts)


async def take_remix(interaction: discord.Interaction, answer: ModalInput) -> None:
    """Submit the remix."""
    derivations, requester = services_of(interaction).derivations, requester_of(interaction)
    values: dict[str, Value | None] = {}
    if "negative" in answer.texts:
        values["negative"] = answer.texts["negative"].strip() or None
    if "seed" in answer.texts:
        values["seed"] = parse_seed(answer.texts["seed"])
    if "strength" in answer.texts:
        values["strength"] = parse_number("strength", answer.texts["strength"])
    aspect = next(
        (choice for choice in answer.choices.get("aspect", ()) if choice != AS_BEFORE), None
    )
    changes = Changes(answer.texts.get("prompt", ""), values, aspect)
    await derive(interaction, lambda: derivations.remix(answer.match["id"], requester, changes))


def parse_seed(text: str) -> int | None:
    """Parse a seed; None for an empty text. Raises RequestRefused."""
    typed = text.strip()
    if not typed:
        return None
    if not (typed.isascii() and typed.isdecimal() and len(typed) <= SEED_DIGITS):
        raise RequestRefused(
            FailureKind.INVALID_OPTION,
            "The seed must be a whole number, or empty for a new one.",
            {"option": "seed"},
        )
    return int(typed)


def _options_of(interaction: discord.Interaction, generation: Generation) -> frozenset[str]:
    for workflow in services_of(interaction).generations.workflows():
        if workflow.name == generation.workflow:
            return workflow.options
    raise RequestRefused(
        FailureKind.INVALID_OPTION,
        "The workflow is no longer in the library. Choose another one with /imagine.",
    )


def _aspect_options(generation: Generation) -> list[discord.SelectOption]:
    size = str(generation.values.get("size") or "")
    as_before = _("Unchanged ({size})", size=size) if size else _("Unchanged")
    options = [
        discord.SelectOption(
            label=as_before[:MENU_OPTION_CHARACTERS], value=AS_BEFORE, default=True
        )
    ]
    return options + [discord.SelectOption(label=aspect, value=aspect) for aspect in ASPECTS]
