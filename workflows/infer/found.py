"""Findings of inference: inputs of the graph, with their roles and reasons."""

from dataclasses import dataclass
from enum import StrEnum

from workflows.graph import Slot


class Role(StrEnum):
    """The role of a value in a graph."""

    PROMPT = "prompt"
    NEGATIVE = "negative"
    IMAGE = "image"
    MASK = "mask"
    VIDEO = "video"
    AUDIO = "audio"
    SEED = "seed"
    WIDTH = "width"
    HEIGHT = "height"
    ASPECT = "aspect"
    LENGTH = "length"
    DURATION = "duration"
    COUNT = "count"
    STEPS = "steps"
    CFG = "cfg"
    STRENGTH = "strength"
    MODEL = "model"
    LORA = "lora"
    LORA_STRENGTH = "lora_strength"
    SAMPLER = "sampler"
    SCHEDULER = "scheduler"
    FPS = "fps"
    FILE = "file"
    OTHER = "other"


MEDIA_ROLES = frozenset({Role.IMAGE, Role.MASK, Role.VIDEO, Role.AUDIO})
"""Roles of files that people attach."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value that people might set.

    `slots` have equal plain values. `name` is a suggestion, `reason` one plain sentence. A `hidden`
    one is in the manifest for the operator only. `is_chosen` says that the graph's author exposed
    it. `replaces` is the node whose mask output an uploaded mask replaces. `description` is the
    author's, if any.
    """

    role: Role
    slots: tuple[Slot, ...]
    reason: str
    name: str = ""
    is_hidden: bool = False
    is_chosen: bool = False
    description: str = ""
    replaces: str | None = None
