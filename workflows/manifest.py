"""`workflow.toml`: which inputs people are asked for, and where they go in the graph."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from workflows.graph import Slot

Number = int | float
Scalar = bool | int | float | str
Value = Scalar | tuple[int, int]
"""A checked value: a scalar, or a size as (width, height)."""

NAME_CHARACTERS = 32
"""Discord's limit for the name of a command or an option."""

NAME = re.compile(rf"[a-z0-9_-]{{1,{NAME_CHARACTERS}}}", re.ASCII)
"""What Discord takes as the name of a command or an option."""

MAX_SEED = 2**64 - 1
"""The largest seed that ComfyUI's samplers take."""


class Kind(StrEnum):
    """Kind of a workflow: what it makes from which input."""

    TXT2IMG = "txt2img"
    IMG2IMG = "img2img"
    EDIT = "edit"
    INPAINT = "inpaint"
    OUTPAINT = "outpaint"
    UPSCALE = "upscale"
    TXT2VID = "txt2vid"
    IMG2VID = "img2vid"
    AUDIO = "audio"
    THREE_D = "3d"
    DESCRIBE = "describe"
    ENHANCE = "enhance"
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
    VIDEO = "video"
    AUDIO = "audio"
    SIZE = "size"
    SEED = "seed"

    @property
    def is_picture(self) -> bool:
        """Whether people attach a picture for it."""
        return self in (InputType.IMAGE, InputType.MASK)

    @property
    def is_attached(self) -> bool:
        """Whether people attach a file for it instead of typing something."""
        return self.is_picture or self in (InputType.VIDEO, InputType.AUDIO)


def parse_target(target: str) -> Slot | None:
    """The slot that "6.text" means, or None. Input names may have dots in them, ids have none."""
    node_id, dot, input_name = target.partition(".")
    return Slot(node_id, input_name) if node_id and dot and input_name else None


class _Table(BaseModel):
    """A table of the file: nothing unknown in it, nothing converted, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


_Text = Annotated[str, Field(min_length=1)]
_Ids = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)]
_Texts = Annotated[tuple[_Text, ...], Field(strict=False)]  # TOML has lists, not tuples


class Input(_Table):
    """One thing people may set.

    `default` is what is used when they do not: None leaves the graph as it is; one of `draw`, if
    there are any, goes before it. `min` and `max` bound numbers, and the number of characters of a
    text. `area` and `max_pixels` are in pixels. `positions` get a choice's place in the list, from
    0. A mask `replaces` what a node makes of its picture's transparency. `cuts` are the connections
    that a graph does without when no file is attached.
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
    positions: _Texts = ()
    draw: Annotated[tuple[Scalar, ...], Field(strict=False)] = ()
    prepend: str = ""
    append: str = ""
    width: _Texts = ()
    height: _Texts = ()
    area: Annotated[int, Field(gt=0)] | None = None
    multiple: Annotated[int, Field(ge=1, le=256)] = 8
    wraps: _Text | None = None
    replaces: _Text | None = None
    strength: Annotated[Number, Field(ge=-10, le=10)] = 1.0
    max_pixels: Annotated[int, Field(gt=0)] | None = None
    cuts: _Texts = ()

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Every slot of the graph that the value is written to."""
        targets = (*self.targets, *self.positions, *self.width, *self.height)
        return tuple(slot for target in targets if (slot := parse_target(target)) is not None)


class Output(_Table):
    """Where the results come from; no nodes named means every node that has some."""

    nodes: _Texts = ()


class Model(_Table):
    """A model file that the graph loads, and where it is to be had.

    `folder` is one of ComfyUI's, such as checkpoints. `size` is in bytes, and may be rounded.
    """

    name: _Text
    folder: _Text
    url: _Text
    size: Annotated[int, Field(gt=0)] | None = None
    license: str = ""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class Access(_Table):
    """Who may use a workflow and where; what is empty allows everybody, everywhere.

    Role and channel ids are Discord's.
    """

    roles: _Ids = ()
    channels: _Ids = ()
    age_restricted: bool = False


class Manifest(_Table):
    """A whole `workflow.toml`.

    `cost` is what one picture takes from the daily allowance; with `cost_input`, for every
    `cost_unit` that is begun of that input's value, of a size in pixels. `tags` are what a backend
    must have to be given it. `classes` are the node classes that it was written for, by node.
    """

    title: Annotated[str, Field(min_length=1, max_length=100)]
    description: Annotated[str, Field(max_length=300)] = ""
    kind: Annotated[Kind, Field(strict=False)] = Kind.OTHER
    command: _Text | None = None
    cost: Annotated[int, Field(ge=0, le=1000)] = 1
    cost_input: _Text | None = None
    cost_unit: Annotated[Number, Field(gt=0)] | None = None
    tags: _Texts = ()
    infer: bool = False
    access: Access = Access()
    classes: Mapping[str, str] = Field(default_factory=dict)
    inputs: Annotated[tuple[Input, ...], Field(strict=False, alias="input")] = ()
    output: Output = Output()
    models: Annotated[tuple[Model, ...], Field(strict=False, alias="model")] = ()

    def find(self, name: str) -> Input | None:
        """The input of this name."""
        return next((each for each in self.inputs if each.name == name), None)

    def is_exact(self, wanted: Input) -> bool:
        """Whether no other file than the default will do: nobody chooses it, and it is listed."""
        return wanted.hidden and any(model.name == wanted.default for model in self.models)

    @property
    def input_names(self) -> frozenset[str]:
        """The names of all inputs, hidden ones included."""
        return frozenset(each.name for each in self.inputs)

    @property
    def options(self) -> frozenset[str]:
        """The names of the inputs that people are offered."""
        return frozenset(each.name for each in self.inputs if not each.hidden)
