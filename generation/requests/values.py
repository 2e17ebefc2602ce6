"""A person's words and values on their way into a graph."""

import unicodedata
from collections.abc import Mapping

from generation.errors import FailureKind, RequestRefused
from generation.record import Generation
from workflows.binding import bind
from workflows.graph import Graph
from workflows.manifest import InputType
from workflows.workflow import Workflow

MAX_PROMPT_CHARACTERS = 2000
"""What Discord lets people type into one option."""

PROMPT = "prompt"
COUNT = "count"
SIZE = "size"

BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs that show nothing, as spaces do, though Unicode counts them among others."""

_KEPT_CONTROLS = "\n\t"
_INVISIBLE = frozenset({"Cc", "Cs", "Co", "Cn"})


def clean_text(text: str) -> str:
    """The legible text without white space around it."""
    return legible(text).strip()


def legible(text: str) -> str:
    """The text without control characters and lone surrogates, with plain line ends."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = (
        character
        for character in plain
        if character in _KEPT_CONTROLS or unicodedata.category(character) not in _INVISIBLE
    )
    return "".join(kept)


def is_visible(text: str) -> bool:
    """Whether anything of it can be seen: a prompt of joiners, marks and blanks says nothing."""
    return any(unicodedata.category(one)[0] not in "CZM" and one not in BLANKS for one in text)


def clean_prompt(text: str) -> str:
    """The prompt as it is recorded. Raises RequestRefused when it is too long."""
    cleaned = clean_text(text)
    if len(cleaned) > MAX_PROMPT_CHARACTERS:
        raise RequestRefused(
            FailureKind.INVALID_OPTION,
            "A prompt may have up to {limit} characters; this one has {length}.",
            {"option": PROMPT, "limit": MAX_PROMPT_CHARACTERS, "length": len(cleaned)},
        )
    return cleaned


def bind_generation(
    workflow: Workflow, generation: Generation, picture_names: Mapping[str, str]
) -> Graph:
    """The graph of a recorded generation, with the backend's names of its pictures.

    Raises WorkflowError when the workflow was changed so that it does not fit any more.
    """
    values: dict[str, object] = {**generation.values, **picture_names}
    if generation.prompt and PROMPT in workflow.manifest.options:
        values[PROMPT] = generation.prompt
    return bind(workflow, values)


def picture_inputs(workflow: Workflow) -> Mapping[str, InputType]:
    """The inputs that a picture is attached for."""
    return {
        wanted.name: wanted.type for wanted in workflow.manifest.inputs if wanted.type.is_picture
    }
