"""Cleaning text that people type, and filling facts into sentences that people read.

A sentence has places for its facts, as in "The model {model} is not installed". Whoever shows one
may translate it first: that is why the facts stay beside it.
"""

import re
import unicodedata
from collections.abc import Mapping

_PLACE = re.compile(r"\{([a-z_]+)\}")

BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and signs that show nothing, as spaces do, though Unicode counts them among others."""

_KEPT_CONTROLS = "\n\t"
_INVISIBLE = frozenset({"Cc", "Cs", "Co", "Cn"})


def clean_text(text: str) -> str:
    """The legible text without white space around it."""
    return legible(text).strip()


def legible(text: str) -> str:
    """The text without control characters and lone surrogates, with plain line ends."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = (
        character
        for character in plain
        if character in _KEPT_CONTROLS or unicodedata.category(character) not in _INVISIBLE
    )
    return "".join(kept)


def is_visible(text: str) -> bool:
    """Whether anything of it can be seen: a prompt of joiners, marks and blanks says nothing."""
    return any(unicodedata.category(one)[0] not in "CZM" and one not in BLANKS for one in text)


def fill(sentence: str, facts: Mapping[str, object]) -> str:
    """The sentence with the facts in its places; a place without its fact stays as it is."""
    return _PLACE.sub(lambda place: str(facts.get(place[1], place[0])), sentence)
