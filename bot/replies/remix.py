"""The remix modal: a generation's inputs, to be edited and submitted again."""

import re

import discord

from bot.i18n.language import _
from bot.replies.inputs import fetching, uploaded
from bot.replies.submission import derive
from bot.requester import find_visible
from bot.services import services_of
from bot.ui.components import menu_options
from bot.ui.limits import MODAL_DESCRIPTION_CHARACTERS
from bot.ui.modals import (
    GENERATION_ID,
    Field,
    ModalInput,
    choice_field,
    handles_modal,
    open_modal,
    prompt_field,
    text_field,
    upload_field,
)
from bot.ui.options import ASPECTS, input_name, shown_name
from bot.ui.responses import before_deadline
from bot.ui.text import size_text
from generation.errors import InvalidOption
from generation.library.summaries import InputKind, WorkflowSummary
from generation.record import Generation
from generation.request import Value
from generation.requests.derivations import Changes
from generation.requests.repetition import NOT_LISTED, listed_values
from generation.requests.values import MAX_PROMPT_CHARACTERS

AS_BEFORE = "same"

MORE_CHARACTERS = 2_000
"""Characters of further options: more lines than anybody edits on a phone."""

_DECIMAL_COMMA = re.compile(r"-?[0-9]+,[0-9]+")


async def open_remix(interaction: discord.Interaction, generation_id: str, _index: int) -> None:
    """Open the remix modal with the generation's inputs."""
    generation = await before_deadline(interaction, find_visible(interaction, generation_id))
    workflow = services_of(interaction).generations.workflow_of(generation)
    offered = workflow.options
    fields = []
    if "prompt" in offered:
        fields.append(prompt_field(generation.prompt))
    if "negative" in offered:
        negative, longest = str(generation.values.get("negative") or ""), MAX_PROMPT_CHARACTERS
        fields.append(
            text_field("negative", _("Things to avoid"), negative, long=True, longest=longest)
        )
    if _takes_picture(workflow):
        description = _("Replaces the one it started from")
        fields.append(upload_field("image", _("Picture"), description=description))
    if "size" in offered:
        fields.append(choice_field("aspect", _("Aspect ratio"), _aspect_options(generation)))
    if workflow.options - NOT_LISTED:
        fields.append(_more_field(generation, workflow))
    if not fields:
        raise InvalidOption("This workflow has nothing to change. Press Again instead.")
    await open_modal(interaction, f"f:{generation.id}:remix", _("Remix"), *fields)


@handles_modal(rf"f:{GENERATION_ID}:remix")
async def take_remix(interaction: discord.Interaction, answer: ModalInput) -> None:
    """Submit the remix."""
    values: dict[str, Value | None] = {}
    if "negative" in answer.texts:
        values["negative"] = answer.texts["negative"].strip() or None
    aspect = next(
        (choice for choice in answer.choices.get("aspect", ()) if choice != AS_BEFORE), None
    )
    changes = Changes(
        answer.texts.get("prompt", ""),
        values,
        aspect,
        picture=fetching(uploaded(answer.files)).get("image"),
        listed=parse_lines(answer.texts["more"]) if "more" in answer.texts else None,
    )
    await derive(interaction, lambda source, who: source.remix(answer.match["id"], who, changes))


def parse_lines(text: str) -> dict[str, str]:
    """Parse lines of `name=value`; lines without a value are left out. Raises RequestRefused."""
    values = {}
    for line in filter(str.strip, text.splitlines()):
        shown, separator, value = (part.strip() for part in line.partition("="))
        if not separator or not shown:
            raise InvalidOption("Write one name=value a line, such as seed=7.", {"option": "more"})
        if value:
            decimal = _DECIMAL_COMMA.fullmatch(value)
            values[input_name(shown)] = value.replace(",", ".") if decimal else value
    return values


def _more_field(generation: Generation, workflow: WorkflowSummary) -> Field:
    values = listed_values(generation, workflow.options)
    listed = sorted((shown_name(name), value) for name, value in values.items())
    return text_field(
        "more",
        _("More"),
        "\n".join(f"{name}={value}" for name, value in listed),
        long=True,
        longest=MORE_CHARACTERS,
        placeholder="seed=7",
        description=_describe_more(workflow),
    )


def _takes_picture(workflow: WorkflowSummary) -> bool:
    pictures = (input_.name for input_ in workflow.inputs if input_.kind is InputKind.PICTURE)
    return any(name != "mask" for name in pictures)


def _describe_more(workflow: WorkflowSummary) -> str:
    """Name the options that have a line, as many as fit."""
    attached = (InputKind.PICTURE, InputKind.VIDEO, InputKind.AUDIO)
    own = {input_.name for input_ in workflow.inputs if input_.kind in attached} | NOT_LISTED
    names = ", ".join(sorted(map(shown_name, workflow.options - own)))
    said = _("One a line, nothing for automatic: {names}", names=names)
    cut = said[: MODAL_DESCRIPTION_CHARACTERS - 1]
    return said if len(said) <= MODAL_DESCRIPTION_CHARACTERS else f"{cut}…"


def _aspect_options(generation: Generation) -> list[discord.SelectOption]:
    size = str(generation.values.get("size") or "")
    as_before = _("Unchanged ({size})", size=size_text(size)) if size else _("Unchanged")
    return menu_options({AS_BEFORE: as_before} | {aspect: aspect for aspect in ASPECTS}, AS_BEFORE)
