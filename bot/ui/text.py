"""People's text made harmless for Discord: shown as typed, pinging nobody, changing no layout."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime

import discord

from bot.i18n.language import ENGLISH, _, spoken
from generation.text import BLANKS

SHOWN_PROMPT_CHARACTERS = 300
"""Of a prompt, in a message: the whole of it is in the record."""

BYTES_PER_MIB = 1024 * 1024

_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})

_JOINERS = "\u200c\u200d"
"""They are invisible, and yet part of emoji and of many scripts' words; alone they are nothing."""

_BLANKS = str.maketrans(dict.fromkeys(BLANKS, " "))

_ACCENT = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"

_PILED = re.compile(rf"({_ACCENT}{{3}}){_ACCENT}+")
"""Accents piled upon one letter, beyond what any language has: they reach into other messages."""

_INVITE = re.compile(r"(discord(?:app)?\.(?:gg|com/invite))/", re.IGNORECASE)


def harmless(text: str, limit: int = SHOWN_PROMPT_CHARACTERS) -> str:
    """One line of at most `limit` characters before escaping, with no mention and no markdown.

    The result has at most twice as many characters and one.
    """
    words = (word.strip(_JOINERS) for word in visible(text).split())
    line = " ".join(word for word in words if word)
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    return _escape(line)


def plain(text: str) -> str:
    """One line for places that show text as it is: choices, and titles and labels of forms."""
    return " ".join(visible(text).split())


def visible(text: str) -> str:
    """The text without characters that show nothing, except for spaces and ends of lines.

    Nor are there more accents upon one letter than any language has.
    """
    shown = "".join(
        character
        for character in text.translate(_BLANKS)
        if character.isspace()
        or character in _JOINERS
        or unicodedata.category(character) not in _INVISIBLE
    )
    return _PILED.sub(r"\1", shown)


def lines_within(lines: Sequence[str], limit: int) -> str:
    """As many whole lines as fit into so many characters; an ellipsis stands for the others."""
    text = ""
    for number, line in enumerate(lines, start=1):
        longer = f"{text}\n{line}" if text else line
        reserve = len("\n…") if number < len(lines) else 0
        if len(longer) + reserve > limit:
            return f"{text}\n…" if text else "…"
        text = longer
    return text


def _escape(line: str) -> str:
    # Markdown's characters, what opens mentions, time stamps, emoji and links, and what makes an
    # address or an invitation unfurl.
    escaped = "".join(f"\\{c}" if c in "\\*_~`|[]<" else c for c in line)
    escaped = _INVITE.sub(r"\1\\/", escaped.replace("://", "\\://"))
    if escaped.startswith((">", "#", "-")):
        escaped = f"\\{escaped}"
    return discord.utils.escape_mentions(escaped)


def ordinal(number: int) -> str:
    """Write 3 as 3rd, or as the language being spoken does."""
    if not spoken().startswith(ENGLISH):
        return _("{number}.", number=number)
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def relative(moment: datetime) -> str:
    """A time stamp that counts in the reader's client, such as "in 2 minutes"."""
    return discord.utils.format_dt(moment, "R")


def mebibytes(byte_count: int) -> str:
    """A size for people."""
    return f"{byte_count / BYTES_PER_MIB:.1f} MiB"
