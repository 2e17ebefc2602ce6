"""Workflows as front ends present them: plain values, made from manifests."""

from dataclasses import dataclass
from enum import StrEnum

from generation.requests.values import MAX_PROMPT_CHARACTERS, PROMPT
from workflows.manifest import Input, InputType, Number
from workflows.values import largest_seed
from workflows.workflow import Workflow


class InputKind(StrEnum):
    """How people give an input."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    MODEL = "model"
    PICTURE = "picture"
    VIDEO = "video"
    AUDIO = "audio"
    ASPECT = "aspect"
    WORKFLOW = "workflow"


_KINDS = {
    InputType.SEED: InputKind.INTEGER,
    InputType.CHECKPOINT: InputKind.MODEL,
    InputType.LORA: InputKind.MODEL,
    InputType.IMAGE: InputKind.PICTURE,
    InputType.MASK: InputKind.PICTURE,
    InputType.SIZE: InputKind.ASPECT,
}
"""Kinds of the types that are given in another way than their name says."""


@dataclass(frozen=True, slots=True)
class InputSummary:
    """One input offered to people.

    `minimum` and `maximum` bound numbers, and the number of characters of a text. `choices` are
    those of a choice; models change, so the service is asked for them.
    """

    name: str
    kind: InputKind
    description: str = ""
    required: bool = False
    minimum: Number | None = None
    maximum: Number | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkflowSummary:
    """A workflow as people choose it.

    `options` are the names of the offered inputs, `inputs` the same in the manifest's order.
    `command` is the name that its author wants for a command of its own. With `kinds` it stands for
    any workflow of these kinds; `defaults` are those used when none is named.
    """

    name: str
    title: str
    description: str
    kind: str
    options: frozenset[str]
    command: str | None = None
    inputs: tuple[InputSummary, ...] = ()
    is_age_restricted: bool = False
    kinds: tuple[str, ...] = ()
    defaults: tuple[str, ...] = ()


def summarise(workflow: Workflow) -> WorkflowSummary:
    """Build the summary of a workflow."""
    manifest = workflow.manifest
    return WorkflowSummary(
        name=workflow.name,
        title=manifest.title,
        description=manifest.description,
        kind=manifest.kind.value,
        options=manifest.options,
        command=manifest.command,
        inputs=tuple(_summarise_input(input_) for input_ in manifest.inputs if not input_.hidden),
        is_age_restricted=manifest.access.age_restricted,
    )


def _summarise_input(wanted: Input) -> InputSummary:
    minimum, maximum = wanted.min, wanted.max
    if wanted.type is InputType.SEED:
        minimum, maximum = 0, largest_seed(wanted)
    elif wanted.name == PROMPT:
        maximum = min(MAX_PROMPT_CHARACTERS, maximum or MAX_PROMPT_CHARACTERS)
    return InputSummary(
        name=wanted.name,
        kind=_KINDS.get(wanted.type) or InputKind(wanted.type.value),
        description=wanted.description,
        required=wanted.required,
        minimum=minimum,
        maximum=maximum,
        choices=wanted.choices,
    )
