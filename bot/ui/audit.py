"""Formatting of the audit log's entries."""

from collections.abc import Mapping
from datetime import datetime

import discord

from bot.i18n.language import _, mark
from bot.ui.options import shown_name
from bot.ui.text import harmless
from generation.moderation.case_file import AuditEntry

SUBJECT_CHARACTERS = 60
VALUE_CHARACTERS = 100

ACTIONS: Mapping[str, str] = {
    "allow-channel": mark("Allowed pictures in"),
    "approve": mark("Approved"),
    "block": mark("Blocked"),
    "block-picture": mark("Put on the picture blocklist"),
    "cancel": mark("Cancelled"),
    "channel-workflow": mark("Set the default workflow of"),
    "clear-channel": mark("Reset the channel"),
    "clear-role": mark("Deleted the override of"),
    "close-appeal": mark("Closed appeal"),
    "deny-channel": mark("Blocked pictures in"),
    "disable-workflow": mark("Disabled workflow"),
    "drain-backend": mark("Stopped sending work to"),
    "enable-workflow": mark("Enabled workflow"),
    "gallery": mark("Set the channel to share in"),
    "grant": mark("Gave a bonus to"),
    "image-check": mark("Set the nudity filter"),
    "import-pictures": mark("Imported a picture blocklist"),
    "limits": mark("Set the limits"),
    "log-channel": mark("Set the moderators' channel"),
    "marking": mark("Set the word AI above results"),
    "pause": mark("Paused the queue"),
    "picture-mode": mark("Set what happens to blocked pictures"),
    "purge": mark("Deleted everything by"),
    "refuse": mark("Refused"),
    "remove": mark("Deleted"),
    "remove-wildcards": mark("Deleted wildcard list"),
    "remove-workflow": mark("Deleted workflow"),
    "rename-workflow": mark("Renamed workflow"),
    "reset-limits": mark("Reset the limits"),
    "resume": mark("Resumed the queue"),
    "resume-backend": mark("Sent work again to"),
    "retention": mark("Set how long things are kept"),
    "review": mark("Set what is reviewed in"),
    "revoke": mark("Took back the bonuses of"),
    "set-role": mark("Set the override of"),
    "set-wildcards": mark("Saved wildcard list"),
    "stage-workflow": mark("Added workflow"),
    "unblock": mark("Unblocked"),
    "unblock-picture": mark("Taken off the picture blocklist"),
    "undo": mark("Undid the decision on"),
    "unwatch": mark("Stopped watching"),
    "watch": mark("Watched"),
}
"""What was done, by what is recorded; most are followed by their subject."""

PEOPLE = frozenset({"block", "unblock", "purge", "grant", "revoke"})
ROLES = frozenset({"set-role", "clear-role"})
CHANNELS = frozenset(
    {
        *("allow-channel", "deny-channel", "clear-channel", "channel-workflow", "gallery"),
        *("review", "log-channel"),
    }
)
"""Actions whose subject is a channel's id."""

NO_CHANNEL: Mapping[str, str] = {
    "clear-channel": mark("Everywhere"),
    "gallery": mark("No channel"),
    "log-channel": mark("No channel"),
    "review": mark("Whole server"),
}
"""What is shown where such a subject is no channel's id."""

WITHOUT_SUBJECT = frozenset({"limits", "reset-limits", "pause", "resume"})
"""Actions whose subject only repeats what they are about."""

DETAILS: Mapping[str, str] = {
    "action": mark("then: {value}"),
    "age_restricted": mark("age-restricted channels: {value}"),
    "certainty": mark("certainty: {value} %"),
    "cooldown_s": mark("cooldown: {value} s"),
    "everywhere": mark("in all servers"),
    "expires_at": mark("until {value}"),
    "expression": mark("expression"),
    "gpu_s": mark("GPU seconds: {value}"),
    "has_priority": mark("priority: {value}"),
    "inputs": mark("what people attach: {value}"),
    "is_unlimited": mark("no limit: {value}"),
    "loras": mark("LoRAs: {value}"),
    "max_line": mark("queue: {value}"),
    "max_running": mark("running: {value}"),
    "max_waiting": mark("waiting: {value}"),
    "may_generate": mark("may make pictures: {value}"),
    "mode": mark("mode: {value}"),
    "models": mark("models: {value}"),
    "options": mark("options: {value}"),
    "period": mark("period: {value}"),
    "pictures": mark("pictures: {value}"),
    "prompts": mark("prompts: {value}"),
    "reason": mark("reason: {value}"),
    "records": mark("everything else: {value}"),
    "results": mark("results: {value}"),
    "role_rule": mark("several roles: {value}"),
    "timezone": mark("time zone: {value}"),
    "title": mark("now {value}"),
    "unit": mark("counted: {value}"),
    "until": mark("until {value}"),
    "user_id": mark("made by {value}"),
    "word": mark("word: {value}"),
    "workflow": mark("workflow: {value}"),
    "workflows": mark("workflows: {value}"),
}
"""Details of what was done, by the names under which they are recorded."""

CHOICES: Mapping[str, str] = {"gpu_s": "GPU seconds"}
"""Recorded choices that are called something else in Discord's menu of them."""

CHOSEN = frozenset({"action", "mode", "period", "role_rule", "unit"})
CHOSEN |= frozenset({"age_restricted", "inputs", "word"})
"""Details that were chosen from an option's choices, whose names are translated."""

TIMES = frozenset({"until", "expires_at"})
"""Details that are timestamps."""

FACTS = frozenset({"everywhere", "expression"})
"""Details that are shown only where they are true."""

PERSON = "user_id"
"""The detail that names the owner of the result."""


def audit_line(entry: AuditEntry) -> str:
    """Format an entry with its number in one line."""
    when = discord.utils.format_dt(entry.at, "f")
    done = _(ACTIONS[entry.action]) if entry.action in ACTIONS else harmless(entry.action)
    said = " ".join(filter(None, (f"**{done}**", _subject(entry))))
    details = ", ".join(filter(None, (_detail(*one) for one in entry.detail.items())))
    after = f" · {details}" if details else ""
    return f"`{entry.id}` {when} <@{entry.actor_id}> {said}{after}"


def _subject(entry: AuditEntry) -> str:
    # A watched word or a result's id may consist of digits too, so the action decides.
    if entry.action in WITHOUT_SUBJECT:
        return ""
    if entry.subject.isdecimal():
        if entry.action in PEOPLE:
            return f"<@{entry.subject}>"
        if entry.action in ROLES:
            return f"<@&{entry.subject}>"
        if entry.action in CHANNELS:
            return f"<#{entry.subject}>"
    elif entry.action in NO_CHANNEL:
        return _(NO_CHANNEL[entry.action])
    return harmless(entry.subject, SUBJECT_CHARACTERS)


def _detail(name: str, value: object) -> str:
    """Format a detail; empty where there is nothing to say."""
    if value is None or value == "" or (name in FACTS and not value):
        return ""
    told = _value(name, value)
    return _(DETAILS[name], value=told) if name in DETAILS else f"{harmless(name)}: {told}"


def _value(name: str, value: object) -> str:
    """Format a value: timestamps in the reader's time zone, people as mentions."""
    if name == PERSON:
        return f"<@{value}>"
    if name in TIMES:
        return discord.utils.format_dt(datetime.fromisoformat(str(value)), "f")
    if isinstance(value, bool):
        return _("On") if value else _("Off")
    if name in CHOSEN:
        return _(CHOICES.get(str(value), str(value)))
    if name == "options":
        value = ", ".join(map(shown_name, str(value).split(", ")))
    return harmless(str(value), VALUE_CHARACTERS)
