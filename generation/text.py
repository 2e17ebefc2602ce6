"""Cleaning of typed text, and formatting of sentences with facts.

A sentence has placeholders for its facts, as in "The model {model} is not installed". It may be
translated before it is formatted, so the facts are kept separately.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence

MAX_LISTED = 8
"""Names listed in a message."""

_PLACE = re.compile(r"\{([a-z_]+)\}")

BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and symbols that render as blank, although Unicode does not classify them as spaces."""

_KEPT_CONTROLS = "\n\t"
_INVISIBLE = frozenset({"Cc", "Cs", "Co", "Cn"})


def clean_text(text: str) -> str:
    """Return the legible text without surrounding white space."""
    return legible(text).strip()


def legible(text: str) -> str:
    """Return the text without control characters and lone surrogates, with plain line ends."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = (
        character
        for character in plain
        if character in _KEPT_CONTROLS or unicodedata.category(character) not in _INVISIBLE
    )
    return "".join(kept)


def is_visible(text: str) -> bool:
    """Return whether any character renders: joiners, marks and blanks alone do not."""
    return any(unicodedata.category(one)[0] not in "CZM" and one not in BLANKS for one in text)


def fill(sentence: str, facts: Mapping[str, object]) -> str:
    """Format a sentence with its facts; a placeholder without a fact stays as it is."""
    return _PLACE.sub(lambda place: str(facts.get(place[1], place[0])), sentence)


def list_names(names: Sequence[str]) -> str:
    """Join the first names for a message, with an ellipsis for further ones."""
    return ", ".join(names[:MAX_LISTED]) + (", …" * (len(names) > MAX_LISTED))
