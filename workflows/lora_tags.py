"""LoRA tags, `<lora:name:0.8>`: in people's prompts, and as the value of an input for several."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_LORAS = 8
"""LoRAs of one generation: each is read from disk and added to the model."""

MAX_WEIGHT = 10.0
"""The largest weight, and with a minus the smallest; most LoRAs break far below."""

_TAG = re.compile(r"[ \t]*<lora:([^<>:]+)(?::([^<>]*))?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Lora:
    """A LoRA by its file, and how strongly it counts; None leaves that to the workflow."""

    name: str
    weight: float | None = None

    def __str__(self) -> str:
        """The tag."""
        return (
            f"<lora:{self.name}>" if self.weight is None else f"<lora:{self.name}:{self.weight:g}>"
        )


def split_tags(text: str) -> tuple[str, tuple[Lora, ...]]:
    """The text without LoRA tags, and the LoRAs. Raises ValueError for a weight out of range."""
    loras = tuple(Lora(match[1].strip(), parse_weight(match[2])) for match in _TAG.finditer(text))
    return (_TAG.sub("", text).strip(), loras) if loras else (text, ())


def parse_value(value: str) -> tuple[Lora, ...]:
    """The LoRAs of an input's value: tags, or the name of one. Raises ValueError likewise."""
    return split_tags(value)[1] or (Lora(value),)


def format_value(loras: Iterable[Lora]) -> str:
    """The value of an input for these LoRAs: the name alone for one without a weight."""
    several = tuple(loras)
    if len(several) == 1 and several[0].weight is None:
        return several[0].name
    return "".join(map(str, several))


def parse_weight(text: str | None) -> float | None:
    """A weight as written; None where none was. Raises ValueError when it is out of range."""
    if text is None or not text.strip():
        return None
    weight = float(text)
    if not -MAX_WEIGHT <= weight <= MAX_WEIGHT:
        raise ValueError(text)
    return weight
