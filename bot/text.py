"""People's text made harmless for Discord: shown as typed, pinging nobody, changing no layout."""

import unicodedata
from datetime import datetime

import discord

SHOWN_PROMPT_CHARACTERS = 300
"""Of a prompt, in a message: the whole of it is in the record."""

BYTES_PER_MIB = 1024 * 1024

_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


def harmless(text: str, limit: int = SHOWN_PROMPT_CHARACTERS) -> str:
    """One line of at most `limit` characters before escaping, with no mention and no markdown.

    The result has at most three times as many characters.
    """
    visible = "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character) not in _INVISIBLE
    )
    line = " ".join(visible.split())
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    return _escape(line)


def _escape(line: str) -> str:
    # Markdown's characters, what opens mentions, time stamps, emoji and links, and what makes an
    # address unfurl.
    escaped = "".join(f"\\{c}" if c in "\\*_~`|[]<" else c for c in line)
    escaped = escaped.replace("://", "\\://")
    if escaped.startswith((">", "#", "-")):
        escaped = f"\\{escaped}"
    return discord.utils.escape_mentions(escaped)


def ordinal(number: int) -> str:
    """Write 3 as 3rd."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def relative(moment: datetime) -> str:
    """A time stamp that counts in the reader's client, such as "in 2 minutes"."""
    return discord.utils.format_dt(moment, "R")


def mebibytes(byte_count: int) -> str:
    """A size for people."""
    return f"{byte_count / BYTES_PER_MIB:.1f} MiB"
