"""Validation of prompts and values, and binding them to a graph."""

from collections.abc import Mapping

from generation.errors import InvalidOption
from generation.record import Generation, InputFile
from generation.request import GenerationRequest, Value
from generation.text import clean_text
from workflows.binding import bind
from workflows.errors import InvalidValue
from workflows.graph import Graph
from workflows.lora_tags import format_value, parse_value, split_tags
from workflows.manifest import Input, InputType, Kind
from workflows.values import coerce, find_choice, size_like
from workflows.workflow import Workflow

MAX_PROMPT_CHARACTERS = 2000
"""Limit of Discord for the text of one option."""

PROMPT = "prompt"
NEGATIVE = "negative"
SIZE = "size"
LORA = "lora"

_CONTINUES_PICTURE = frozenset({Kind.IMG2IMG, Kind.EDIT, Kind.INPAINT, Kind.OUTPAINT, Kind.IMG2VID})
"""Kinds whose result is the given picture gone on with, so that another shape would crop it."""


def clean_prompt(text: str) -> str:
    """Return the prompt as recorded. Raises InvalidOption if it is too long."""
    cleaned = clean_text(text)
    if len(cleaned) > MAX_PROMPT_CHARACTERS:
        raise InvalidOption(
            "A prompt may have up to {limit} characters; this one has {length}.",
            {"option": PROMPT, "limit": MAX_PROMPT_CHARACTERS, "length": len(cleaned)},
        )
    return cleaned


def bind_generation(
    workflow: Workflow, generation: Generation, file_names: Mapping[str, str]
) -> Graph:
    """Return the graph of a recorded generation, with the uploaded names of its files.

    Raises WorkflowError if the workflow was changed and does not fit any more.
    """
    values: dict[str, object] = {**generation.values, **file_names}
    if generation.prompt and PROMPT in workflow.manifest.options:
        values[PROMPT], loras = split_tags(generation.prompt)
        wanted = find_lora_input(workflow)
        if loras and wanted is not None:
            given = values.get(wanted.name)
            chosen = parse_value(str(given)) if given else ()
            values[wanted.name] = format_value((*chosen, *loras))
    return bind(workflow, values)


def find_lora_input(workflow: Workflow) -> Input | None:
    """Return the input that takes the prompt's LoRAs."""
    offered = [
        wanted
        for wanted in workflow.manifest.inputs
        if wanted.type is InputType.LORA and not wanted.hidden
    ]
    return next((wanted for wanted in offered if wanted.name == LORA), next(iter(offered), None))


def picture_inputs(workflow: Workflow) -> Mapping[str, InputType]:
    """Return the inputs for which a picture is attached."""
    return {
        wanted.name: wanted.type for wanted in workflow.manifest.inputs if wanted.type.is_picture
    }


def follows_picture(workflow: Workflow) -> bool:
    """Return whether an omitted size takes the proportions of the given picture."""
    wanted = workflow.manifest.find(SIZE)
    return (
        workflow.manifest.kind in _CONTINUES_PICTURE
        and wanted is not None
        and wanted.type is InputType.SIZE
        and not (wanted.hidden or wanted.draw)
    )


def followed_size(
    workflow: Workflow, request: GenerationRequest, files: Mapping[str, InputFile]
) -> Mapping[str, Value]:
    """Return the size in the first picture's proportions; empty if there is none to follow."""
    wanted = workflow.manifest.find(SIZE)
    names = [name for name, kind in picture_inputs(workflow).items() if kind is InputType.IMAGE]
    given = [files[name].size for name in names if name in files]
    is_chosen = request.aspect is not None or request.values.get(SIZE) is not None
    if wanted is None or not given or is_chosen or not follows_picture(workflow):
        return {}
    width, height = size_like(given[0], wanted)
    return {SIZE: f"{width}x{height}"}


def fits(
    workflow: Workflow, name: str, value: Value, offered: Mapping[str, tuple[str, ...]]
) -> bool:
    """Return whether the workflow accepts this value; `offered` are the installed models."""
    wanted = workflow.manifest.find(name)
    if wanted is None or wanted.hidden:
        return False
    try:
        coerce(wanted, value)
    except InvalidValue:
        return False
    names = (
        [one.name for one in parse_value(str(value))] if wanted.type is InputType.LORA else [value]
    )
    choices = offered.get(name, ())
    return not choices or all(find_choice(one, choices) for one in names)
