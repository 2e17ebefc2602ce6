"""`workflow.toml`: which inputs people are asked for, and where they go in the graph."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from workflows.graph import Slot

Number = int | float
Scalar = bool | int | float | str
Value = Scalar | tuple[int, int]
"""A checked value: a scalar, or a size as (width, height)."""

NAME = re.compile(r"[a-z0-9_-]{1,32}", re.ASCII)
"""What Discord takes as the name of a command or an option."""

MAX_SEED = 2**64 - 1
"""The largest seed that ComfyUI's samplers take."""


class Kind(StrEnum):
    """What a workflow makes of what."""

    TXT2IMG = "txt2img"
    IMG2IMG = "img2img"
    INPAINT = "inpaint"
    UPSCALE = "upscale"
    OTHER = "other"


class InputType(StrEnum):
    """What people give, and how it is checked."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    CHECKPOINT = "checkpoint"
    LORA = "lora"
    IMAGE = "image"
    MASK = "mask"
    SIZE = "size"
    SEED = "seed"

    @property
    def is_picture(self) -> bool:
        """Whether people attach it instead of typing it."""
        return self in (InputType.IMAGE, InputType.MASK)


def parse_target(target: str) -> Slot | None:
    """The slot that "6.text" means, or None. Input names may have dots in them, ids have none."""
    node_id, dot, input_name = target.partition(".")
    return Slot(node_id, input_name) if node_id and dot and input_name else None


class _Table(BaseModel):
    """A table of the file: nothing unknown in it, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


_Text = Annotated[str, Field(min_length=1)]
_Texts = Annotated[tuple[_Text, ...], Field(strict=False)]  # TOML has lists, not tuples


class Input(_Table):
    """One thing people may set.

    `default` is what is used when they do not: None leaves the graph as it is. `min` and `max`
    bound numbers, and the number of characters of a text. `area` and `max_pixels` are in pixels.
    """

    name: _Text
    type: Annotated[InputType, Field(strict=False)]
    description: Annotated[str, Field(max_length=100)] = ""
    required: bool = False
    hidden: bool = False
    default: Scalar | None = None
    targets: _Texts = ()
    min: Number | None = None
    max: Number | None = None
    step: Annotated[Number, Field(gt=0)] | None = None
    choices: _Texts = ()
    width: _Texts = ()
    height: _Texts = ()
    area: Annotated[int, Field(gt=0)] | None = None
    multiple: Annotated[int, Field(ge=1, le=256)] = 8
    wraps: _Text | None = None
    strength: Annotated[Number, Field(ge=-10, le=10)] = 1.0
    max_pixels: Annotated[int, Field(gt=0)] | None = None

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Every slot of the graph that the value is written to."""
        targets = (*self.targets, *self.width, *self.height)
        return tuple(slot for target in targets if (slot := parse_target(target)) is not None)


class Output(_Table):
    """Where the results come from; no nodes named means every node that has some."""

    nodes: _Texts = ()


class Manifest(_Table):
    """A whole `workflow.toml`. `cost` is what one picture takes from the daily allowance."""

    title: Annotated[str, Field(min_length=1, max_length=100)]
    description: Annotated[str, Field(max_length=300)] = ""
    kind: Annotated[Kind, Field(strict=False)] = Kind.OTHER
    command: _Text | None = None
    cost: Annotated[int, Field(ge=0, le=1000)] = 1
    inputs: Annotated[tuple[Input, ...], Field(strict=False, alias="input")] = ()
    output: Output = Output()

    def find(self, name: str) -> Input | None:
        """The input of this name."""
        return next((each for each in self.inputs if each.name == name), None)

    @property
    def options(self) -> frozenset[str]:
        """The names of the inputs that people are offered."""
        return frozenset(each.name for each in self.inputs if not each.hidden)
