"""Entries of the audit as people read them: who did what to whom or where."""

from datetime import datetime

import discord

from bot.i18n.language import _
from bot.ui.text import harmless
from generation.moderation.blocks import Deed

SUBJECT_CHARACTERS = 60
VALUE_CHARACTERS = 100

PEOPLE = frozenset({"block", "unblock", "purge", "grant", "revoke"})
ROLES = frozenset({"set-role", "clear-role"})
CHANNELS = frozenset({"allow-channel", "deny-channel", "clear-channel", "review", "log-channel"})
"""Actions by what their subject is the id of; the subject of all others is a name or a text."""

TIMES = frozenset({"until", "expires_at"})
"""Details that are times."""

PERSON = "user_id"
"""The detail that says whose result was acted upon."""


def audit_line(deed: Deed) -> str:
    """One entry, with its number, in one line."""
    when = discord.utils.format_dt(deed.at, "f")
    said = " ".join(filter(None, (f"**{deed.action}**", _subject(deed))))
    details = ", ".join(_detail(name, value) for name, value in deed.detail.items() if value)
    after = f" · {details}" if details else ""
    return f"`{deed.id}` {when} <@{deed.actor_id}> {said}{after}"


def _subject(deed: Deed) -> str:
    # A watched word, or the id of a result, may be all digits: only the action says what it is.
    if deed.subject.isdecimal():
        if deed.action in PEOPLE:
            return f"<@{deed.subject}>"
        if deed.action in ROLES:
            return f"<@&{deed.subject}>"
        if deed.action in CHANNELS:
            return f"<#{deed.subject}>"
    return harmless(deed.subject, SUBJECT_CHARACTERS)


def _detail(name: str, value: object) -> str:
    """A detail for people: a time in their own clock, a person as a mention."""
    if name == PERSON:
        return _("made by {person}", person=f"<@{value}>")
    if name in TIMES:
        told = discord.utils.format_dt(datetime.fromisoformat(str(value)), "f")
    else:
        told = harmless(str(value), VALUE_CHARACTERS)
    return f"{harmless(name)}: {told}"
