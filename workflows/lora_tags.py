"""LoRA tags, `<lora:name:0.8>`, in prompts and as the value of an input for several LoRAs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_LORAS = 8
"""LoRAs of one generation: each is loaded from disk and merged into the model."""

MAX_WEIGHT = 10.0
"""Largest absolute weight; most LoRAs fail far below."""

_TAG = re.compile(r"[ \t]*<lora:([^<>:]+)(?::([^<>]*))?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA by file name, with its weight; None uses the workflow's."""

    name: str
    weight: float | None = None

    def __str__(self) -> str:
        return (
            f"<lora:{self.name}>" if self.weight is None else f"<lora:{self.name}:{self.weight:g}>"
        )


def split_tags(text: str) -> tuple[str, tuple[Lora, ...]]:
    """Return the text without tags, and the LoRAs. Raises ValueError for a weight out of range."""
    loras = tuple(Lora(match[1].strip(), parse_weight(match[2])) for match in _TAG.finditer(text))
    return (_TAG.sub("", text).strip(), loras) if loras else (text, ())


def parse_value(value: str) -> tuple[Lora, ...]:
    """Parse an input's value: tags, or one name. Raises ValueError for a weight out of range."""
    return split_tags(value)[1] or (Lora(value),)


def format_value(loras: Iterable[Lora]) -> str:
    """Return an input's value for these LoRAs: the name alone for one without a weight."""
    several = tuple(loras)
    if len(several) == 1 and several[0].weight is None:
        return several[0].name
    return "".join(map(str, several))


def parse_weight(text: str | None) -> float | None:
    """Parse a weight; None if there is none. Raises ValueError if it is out of range."""
    if text is None or not text.strip():
        return None
    weight = float(text)
    if not -MAX_WEIGHT <= weight <= MAX_WEIGHT:
        raise ValueError(text)
    return weight
