"""Resolution of LoRAs named in prompts (`<lora:name:0.8>`) or the option (`name:0.8, other`)."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from generation.errors import FailureKind, InvalidOption, RequestRefused
from generation.text import list_names
from workflows.lora_tags import (
    MAX_LORAS,
    MAX_WEIGHT,
    Lora,
    format_value,
    parse_weight,
    split_tags,
)


def read_tags(prompt: str, choices: Sequence[str] | None) -> tuple[str, tuple[Lora, ...]]:
    """Return the prompt with its LoRA tags naming installed files, and these LoRAs.

    `choices` are the files that backends have; None if unknown. Raises RequestRefused.
    """
    words, loras = _split(prompt)
    if not loras:
        return prompt, ()
    found = tuple(Lora(_find(lora.name, choices), lora.weight) for lora in loras)
    _check_count(found)
    return f"{words} {''.join(map(str, found))}".strip(), found


def read_option(text: str, choices: Sequence[str] | None) -> str:
    """Return the value of a LoRA input for the given option. Raises RequestRefused."""
    _, loras = _split(text)
    if not loras and text not in (choices or ()):
        loras = tuple(_parse(part) for part in text.split(",") if part.strip())
    found = tuple(Lora(_find(lora.name, choices), lora.weight) for lora in loras or [Lora(text)])
    _check_count(found)
    return format_value(found)


def _parse(part: str) -> Lora:
    name, colon, weight = part.strip().rpartition(":")
    try:
        return Lora(name.strip(), parse_weight(weight)) if colon else Lora(weight)
    except ValueError:
        raise _invalid_weight() from None


def _split(text: str) -> tuple[str, tuple[Lora, ...]]:
    try:
        return split_tags(text)
    except ValueError:
        raise _invalid_weight() from None


def _invalid_weight() -> RequestRefused:
    return InvalidOption(
        "The weight of a LoRA is a number from -{limit} to {limit}, as in <lora:name:0.8>.",
        {"option": "lora", "limit": f"{MAX_WEIGHT:g}"},
    )


def _check_count(loras: Sequence[Lora]) -> None:
    if len(loras) > MAX_LORAS:
        raise InvalidOption(
            "Use up to {limit} LoRAs; these are {count}.",
            {"option": "lora", "limit": MAX_LORAS, "count": len(loras)},
        )


def _find(name: str, choices: Sequence[str] | None) -> str:
    """Return the file of this name, with or without folder and suffix, ignoring case."""
    if choices is None or name in choices:
        return name
    wanted = name.casefold()
    # The whole name first: files in different folders may have the same stem.
    for same in (str.casefold, _stem):
        found = [choice for choice in choices if same(choice) == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            raise InvalidOption(
                "Several LoRAs are called {lora}. Use the full name: {listed}.",
                {"option": "lora", "lora": name, "listed": list_names(found)},
            )
    facts = {"option": "lora", "lora": name, "listed": list_names(choices)}
    if not choices:
        raise RequestRefused(
            FailureKind.MISSING_MODEL,
            "No LoRA is called {lora}, and none is installed.",
            facts,
        )
    raise RequestRefused(
        FailureKind.MISSING_MODEL, "No LoRA is called {lora}. Choose one of these: {listed}.", facts
    )


def _stem(file: str) -> str:
    name = PurePosixPath(file.replace("\\", "/")).name
    return name.rpartition(".")[0].casefold() or name.casefold()
