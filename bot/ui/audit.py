"""Formatting of the audit log's entries."""

from datetime import datetime

import discord

from bot.i18n.language import _
from bot.ui.text import harmless
from generation.moderation.blocks import AuditEntry

SUBJECT_CHARACTERS = 60
VALUE_CHARACTERS = 100

PEOPLE = frozenset({"block", "unblock", "purge", "grant", "revoke"})
ROLES = frozenset({"set-role", "clear-role"})
CHANNELS = frozenset(
    {
        *("allow-channel", "deny-channel", "clear-channel", "channel-workflow", "gallery"),
        *("review", "log-channel"),
    }
)
"""Actions whose subject is a channel's id."""

TIMES = frozenset({"until", "expires_at"})
"""Details that are timestamps."""

PERSON = "user_id"
"""The detail that names the owner of the result."""


def audit_line(entry: AuditEntry) -> str:
    """Format an entry with its number in one line."""
    when = discord.utils.format_dt(entry.at, "f")
    said = " ".join(filter(None, (f"**{entry.action}**", _subject(entry))))
    details = ", ".join(_detail(name, value) for name, value in entry.detail.items() if value)
    after = f" · {details}" if details else ""
    return f"`{entry.id}` {when} <@{entry.actor_id}> {said}{after}"


def _subject(entry: AuditEntry) -> str:
    # A watched word or a result's id may consist of digits too, so the action decides.
    if entry.subject.isdecimal():
        if entry.action in PEOPLE:
            return f"<@{entry.subject}>"
        if entry.action in ROLES:
            return f"<@&{entry.subject}>"
        if entry.action in CHANNELS:
            return f"<#{entry.subject}>"
    return harmless(entry.subject, SUBJECT_CHARACTERS)


def _detail(name: str, value: object) -> str:
    """Format a detail: timestamps in the reader's time zone, people as mentions."""
    if name == PERSON:
        return _("made by {person}", person=f"<@{value}>")
    if name in TIMES:
        told = discord.utils.format_dt(datetime.fromisoformat(str(value)), "f")
    else:
        told = harmless(str(value), VALUE_CHARACTERS)
    return f"{harmless(name)}: {told}"
