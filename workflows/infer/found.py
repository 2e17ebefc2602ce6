"""Findings of inference: inputs of the graph, with their roles and the reasons."""

from dataclasses import dataclass
from enum import StrEnum

from workflows.graph import Slot


class Role(StrEnum):
    """The part that a value plays in a graph."""

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


@dataclass(frozen=True, slots=True)
class Found:
    """A value that people might set.

    `slots` have plain values, all alike. `name` is what it might be called, `reason` one plain
    sentence. What is hidden is only in the manifest for the operator. `is_chosen` says that the
    graph's author put it on the surface. `replaces` is the node whose mask output an uploaded
    mask takes the place of. `description` is what the author says of it, if anything.
    """

    role: Role
    slots: tuple[Slot, ...]
    reason: str
    name: str = ""
    is_hidden: bool = False
    is_chosen: bool = False
    description: str = ""
    replaces: str | None = None
