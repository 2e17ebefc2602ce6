"""Modals that start a request from a result: its pictures, or its text."""

from collections.abc import Mapping, Sequence

import discord

from bot.i18n.language import _, mark
from bot.replies.inputs import fetching, uploaded
from bot.replies.submission import derive
from bot.requester import find_visible, requester_of
from bot.services import services_of
from bot.ui.components import menu_options
from bot.ui.modals import (
    GENERATION_ID,
    Field,
    ModalInput,
    choice_field,
    handles_modal,
    open_modal,
    parse_strength,
    prompt_field,
    text_field,
    upload_field,
)
from bot.ui.responses import before_deadline
from generation.errors import InvalidOption
from generation.record import Generation
from generation.requests.available_actions import AvailableActions
from generation.requests.derivations import Start
from generation.requests.enhancement import find_text

INPUT, EDIT, ANIMATE = "input", "edit", "animate"


FURTHER_PICTURES = 2

AUTOMATIC = "any"
"""Menu value that leaves the choice to the bot."""

_KINDS: Mapping[str, str] = {INPUT: "img2img", EDIT: "edit", ANIMATE: "img2vid"}
"""Kinds of workflows by action on a picture."""

_TITLES: Mapping[str, str] = {
    INPUT: mark("Use as input"),
    EDIT: mark("Edit"),
    ANIMATE: mark("Animate"),
}


def find_positions(available: AvailableActions, use: str) -> tuple[int, ...]:
    """Return the pictures from which this action can start."""
    return {INPUT: available.use, EDIT: available.edit, ANIMATE: available.animate}[use]


async def open_start(
    interaction: discord.Interaction, generation_id: str, index: int, use: str
) -> None:
    """Open the modal that starts a new request from a picture, edits or animates it."""
    generation = await before_deadline(interaction, find_visible(interaction, generation_id))
    await ask_for_start(interaction, generation, index, use)


async def ask_for_start(
    interaction: discord.Interaction, generation: Generation, index: int, use: str = INPUT
) -> None:
    """Open such a modal for a generation already loaded. Raises RequestRefused."""
    services, requester = services_of(interaction), requester_of(interaction)
    pictures = find_positions(services.action_finder.of(generation, requester), use)
    if not pictures:
        raise InvalidOption(
            "Nothing here can start from this result. "
            "Ask the people who run this bot to add a workflow for it."
        )
    fields = start_fields(use, "" if use == EDIT else generation.prompt)
    if len(pictures) > 1:
        options = picture_options(pictures, index)
        fields.insert(0, choice_field("picture", _("Picture"), options, required=True))
    if use != INPUT:
        offered = services.generations.workflows(requester)
        titles = {offer.name: _(offer.title) for offer in offered if offer.kind == _KINDS[use]}
        if len(titles) > 1:
            options = menu_options({AUTOMATIC: _("Automatic"), **titles}, AUTOMATIC)
            fields.append(choice_field("workflow", _("Workflow"), options))
    custom_id = f"f:{generation.id}:{use}:{pictures[0]}"
    await open_modal(interaction, custom_id, _(_TITLES[use]), *fields)


def start_fields(use: str = INPUT, prompt: str = "") -> list[Field]:
    """Build the fields of a modal that starts from a picture."""
    fields = [prompt_field(prompt, label=_("What to change") if use == EDIT else "")]
    if use == INPUT:
        strength = text_field(
            "strength",
            _("Strength"),
            longest=6,
            placeholder="0.6",
            description=_("How much to change: 0 = nothing, 1 = everything"),
        )
        fields += [strength, upload_field("mask", _("Mask: white areas are repainted"))]
    if use != ANIMATE:
        fields.append(upload_field("pictures", _("More pictures"), most=FURTHER_PICTURES))
    return fields


@handles_modal(rf"f:{GENERATION_ID}:(?P<use>{INPUT}|{EDIT}|{ANIMATE}):(?P<index>[0-9]{{1,3}})")
async def take_start(interaction: discord.Interaction, answer: ModalInput) -> None:
    """Submit the request of such a modal."""
    position = answer.number("picture", answer.match["index"])
    workflow = next(iter(answer.choices.get("workflow", ())), AUTOMATIC)
    start = Start(
        answer.texts.get("prompt", ""),
        _KINDS[answer.match["use"]],
        parse_strength(answer),
        fetching(uploaded(answer.files)),
        None if workflow == AUTOMATIC else workflow,
    )
    await derive(
        interaction, lambda source, who: source.use(answer.match["id"], position, who, start)
    )


async def open_words(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """Open the modal that uses the text of a result as a prompt."""
    generation = await before_deadline(interaction, find_visible(interaction, generation_id))
    prompt = prompt_field(find_text(generation) or "")
    await open_modal(interaction, f"f:{generation.id}:words", _("Use as prompt"), prompt)


@handles_modal(rf"f:{GENERATION_ID}:words")
async def take_words(interaction: discord.Interaction, answer: ModalInput) -> None:
    """Submit the request of that modal."""
    prompt = answer.texts.get("prompt", "")
    await derive(interaction, lambda source, who: source.use_text(answer.match["id"], who, prompt))


def picture_options(
    pictures: Sequence[int], chosen: int | None = None
) -> list[discord.SelectOption]:
    """Build the entries of a menu of pictures, by their positions."""
    labels = {str(picture): _("Picture {number}", number=picture + 1) for picture in pictures}
    return menu_options(labels, str(chosen))
