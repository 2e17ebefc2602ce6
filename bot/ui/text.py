"""Escaping of untrusted text for Discord: no mentions, no markdown, no layout changes."""

import re
from collections.abc import Sequence
from datetime import datetime

import discord

from bot.i18n.language import ENGLISH, _, spoken
from generation.text import BLANKS

SHOWN_PROMPT_CHARACTERS = 300
"""Characters of a prompt shown in a message; the record has all of it."""

BYTES_PER_MIB = 1024 * 1024

_JOINERS = "\u200c\u200d"
"""Invisible joiners, needed inside emoji and words of many scripts; alone they are dropped."""

_MARKDOWN = str.maketrans({character: f"\\{character}" for character in "\\*_~`|[]<"})

_ACCENT = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"

_PILED = re.compile(rf"({_ACCENT}{{3}}){_ACCENT}+")
"""More combining marks on a letter than any language has, which would overlap other messages."""

_INVITE = re.compile(r"(discord(?:app)?\.(?:gg|com/invite))/", re.IGNORECASE)


def harmless(text: str, limit: int = SHOWN_PROMPT_CHARACTERS) -> str:
    """Escape a text to one line of at most `limit` characters, without mentions and markdown.

    The limit applies before escaping; the result has at most 2 * `limit` + 1 characters.
    """
    words = (word.strip(_JOINERS) for word in visible(text).split())
    line = " ".join(word for word in words if word)
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    return _escape(line)


def plain(text: str) -> str:
    """Clean a text to one line for places without markdown, such as choices and modals."""
    return " ".join(visible(text).split())


def visible(text: str) -> str:
    """Remove invisible characters, except for spaces and line ends, and excess combining marks."""
    # However long a text is, it consists of few different characters.
    table = {
        ord(character): " " if character in BLANKS else None
        for character in set(text)
        if character in BLANKS or not _is_shown(character)
    }
    return _PILED.sub(r"\1", text.translate(table) if table else text)


def _is_shown(character: str) -> bool:
    return character.isprintable() or character.isspace() or character in _JOINERS


def code_block(text: str) -> str:
    """Quote a text in a code block that the text cannot close."""
    inside = visible(text).replace("`", "`\u200b")
    return f"```\n{inside}\n```"


def lines_within(lines: Sequence[str], limit: int) -> str:
    """Join as many whole lines as fit into `limit` characters; the rest becomes an ellipsis."""
    text = ""
    for number, line in enumerate(lines, start=1):
        longer = f"{text}\n{line}" if text else line
        reserve = len("\n…") if number < len(lines) else 0
        if len(longer) + reserve > limit:
            return f"{text}\n…" if text else "…"
        text = longer
    return text


def _escape(line: str) -> str:
    # Markdown's characters, the start of mentions, timestamps, emoji and links, and what makes an
    # address or an invitation unfurl.
    escaped = line.translate(_MARKDOWN).replace("://", "\\://")
    escaped = _INVITE.sub(r"\1\\/", escaped)
    if escaped.startswith((">", "#", "-")):
        escaped = f"\\{escaped}"
    return discord.utils.escape_mentions(escaped)


def ordinal(number: int) -> str:
    """Format an ordinal number, such as 3rd, in the current language."""
    if not spoken().startswith(ENGLISH):
        return _("{number}.", number=number)
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def relative(moment: datetime) -> str:
    """Return a Discord timestamp shown relative to now, such as "in 2 minutes"."""
    return discord.utils.format_dt(moment, "R")


def clock_time(moment: datetime) -> str:
    """Return a Discord timestamp shown as a time of day, such as "20:15"."""
    return discord.utils.format_dt(moment, "t")


def size_text(size: str) -> str:
    """A size such as 1024x768, with the sign that people read."""
    return size.replace("x", "\u00d7")


def mebibytes(byte_count: int) -> str:
    """Format a number of bytes in MiB."""
    return f"{byte_count / BYTES_PER_MIB:.1f} MiB"
