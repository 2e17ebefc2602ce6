"""Names of inputs: unique, and valid as names of Discord options."""

import hashlib
import re
import unicodedata

from workflows.manifest import NAME, NAME_CHARACTERS, InputType
from workflows.rules import TAKEN, WELL_KNOWN

DIGITS = 4
"""Digits that distinguish long names with the same beginning; two of a thousand rarely share
them."""

_JOINED = re.compile(r"[^a-z0-9]+")
_DEVICE = re.compile(r"con|prn|aux|nul|(com|lpt)\d", re.IGNORECASE | re.ASCII)
_VAGUE = frozenset({"text", "value", "string", "input", "file", "user_prompt", "primitive"})
_NUMBERED = re.compile(r"(.+)_(\d{1,2})")
_BRACKETS = re.compile(r"^[^()]*\(([^()]+)\)\s*$")


def sanitise(text: str) -> str:
    """Convert a text to a name; empty if no valid character remains."""
    return _plain(text)[:NAME_CHARACTERS].strip("_")


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return _JOINED.sub("_", plain).strip("_")


def is_device(name: str) -> bool:
    """Return whether Windows reserves the name for a device.

    See https://learn.microsoft.com/windows/win32/fileio/naming-a-file.
    """
    return _DEVICE.fullmatch(name.partition(".")[0].strip()) is not None


def name_of_file(stem: str) -> str:
    """Return the name of a workflow and its command for a file name without suffix.

    A long name is cut and ends in digits of its hash, so that names with the same beginning stay
    different. A name that Windows reserves is changed.
    """
    lower = stem.lower()
    if NAME.fullmatch(lower) and not is_device(lower):
        return lower
    plain = _plain(stem)
    if is_device(plain):
        return f"{plain}_workflow"
    if len(plain) <= NAME_CHARACTERS:
        return plain or "workflow"
    digits = hashlib.sha256(stem.encode()).hexdigest()[:DIGITS]
    return f"{plain[: NAME_CHARACTERS - DIGITS - 1].rstrip('_')}_{digits}"


def is_vague(name: str) -> bool:
    """Return whether a name does not say what people are to give."""
    return name in _VAGUE or not name or name.isdigit()


def readable(title: str) -> str:
    """Return a name from a title; of "Text String (Prompt)" the part in parentheses."""
    inside = _BRACKETS.match(title)
    return sanitise(inside[1] if inside else title)


class NameAllocator:
    """Gives each input a unique name."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, wanted: str, kind: InputType) -> str:
        """Return the wanted name, or the next free one with the right meaning to commands."""
        name = wanted or kind.value
        if name in TAKEN or WELL_KNOWN.get(name, kind) is not kind:
            name = f"{name[: NAME_CHARACTERS - 6]}_value"
        numbered = _NUMBERED.fullmatch(name)
        stem, number = (numbered[1], int(numbered[2])) if numbered else (name, 1)
        unique = name
        while unique in self._given:
            number += 1
            unique = f"{stem[: NAME_CHARACTERS - 3]}_{number}"
        self._given.add(unique)
        return unique
