"""`workflow.toml`: the inputs that people are asked for, and their places in the graph."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from workflows.graph import Slot

Number = int | float
Scalar = bool | int | float | str
Value = Scalar | tuple[int, int]
"""A validated value: a scalar, or a size as (width, height)."""

NAME_CHARACTERS = 32
"""Discord's limit for the name of a command or option."""

NAME = re.compile(rf"[a-z0-9_-]{{1,{NAME_CHARACTERS}}}", re.ASCII)
"""Pattern of Discord's names of commands and options."""

MAX_SEED = 2**64 - 1
"""The largest seed of ComfyUI's samplers."""


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
    """Type of an input, which decides how it is given and checked."""

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
        """Whether people attach a file for it."""
        return self.is_picture or self in (InputType.VIDEO, InputType.AUDIO)


def parse_target(target: str) -> Slot | None:
    """Parse a target such as "6.text"; None if invalid. Ids have no dots, names may."""
    node_id, dot, input_name = target.partition(".")
    return Slot(node_id, input_name) if node_id and dot and input_name else None


class _Table(BaseModel):
    """Base of the file's tables: no unknown fields, no conversion, immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


_Text = Annotated[str, Field(min_length=1)]
_Ids = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)]
_Texts = Annotated[tuple[_Text, ...], Field(strict=False)]  # TOML has lists, not tuples


class Input(_Table):
    """One input that people may set.

    `default` is used for an omitted value: None leaves the graph unchanged. Values in `draw`, of
    which one is drawn at random, take precedence over it. `min` and `max` bound numbers, and the
    number of characters of a text. `area` and `max_pixels` are in pixels. `positions` get the index
    of the choice, from 0. A mask `replaces` the output that a node derives from its picture's
    transparency. `cuts` are connections removed if no file is attached.
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
        """Every slot of the graph to which the value is written."""
        targets = (*self.targets, *self.positions, *self.width, *self.height)
        return tuple(slot for target in targets if (slot := parse_target(target)) is not None)


class Output(_Table):
    """The nodes with the results; none means every output node."""

    nodes: _Texts = ()


class Model(_Table):
    """A model file that the graph loads, and where to download it.

    `folder` is one of ComfyUI's, such as checkpoints. `size` is in bytes and may be rounded.
    """

    name: _Text
    folder: _Text
    url: _Text
    size: Annotated[int, Field(gt=0)] | None = None
    license: str = ""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class Access(_Table):
    """Who may use a workflow, and where; an empty field is unrestricted.

    Role and channel ids are Discord's.
    """

    roles: _Ids = ()
    channels: _Ids = ()
    age_restricted: bool = False


class Manifest(_Table):
    """A whole `workflow.toml`.

    `cost` is the price of one picture in pictures of the quota; with `cost_input`, of every started
    `cost_unit` of that input's value, of a size in pixels. `tags` are required of backends.
    `classes` are the node classes for which it was written, by node.
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
        """Return the input of this name."""
        return next((each for each in self.inputs if each.name == name), None)

    def is_exact(self, wanted: Input) -> bool:
        """Return whether only the default file will do: it is listed and not chosen."""
        return wanted.hidden and any(model.name == wanted.default for model in self.models)

    @property
    def input_names(self) -> frozenset[str]:
        """Names of all inputs, including hidden ones."""
        return frozenset(each.name for each in self.inputs)

    @property
    def options(self) -> frozenset[str]:
        """Names of the inputs that people are offered."""
        return frozenset(each.name for each in self.inputs if not each.hidden)
