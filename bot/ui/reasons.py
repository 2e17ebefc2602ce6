"""Reasons for reporting a result, and for refusing one."""

import re

from bot.i18n.language import _
from generation.moderation.image_filter import FLAG
from generation.moderation.review import REPORT
from generation.moderation.word_filter import WARNED, WATCHED

OTHER = "other"

_NAME = re.compile(r"[^0-9]*[^0-9 ]")
"""What a part of an image check's note begins with: "breast" in "breast 87%"."""


def reason_names() -> dict[str, str]:
    """Return the reasons in the current language, by their recorded form."""
    return {
        "nudity": _("Nudity or sexual content"),
        "violence": _("Violence or gore"),
        "person": _("Shows a real person"),
        "hate": _("Hate or harassment"),
        OTHER: _("Something else"),
    }


def join_reason(kind: str, words: str) -> str:
    """Return the recorded form of a reason and a person's own words, which may be empty."""
    said = [kind if kind != OTHER else "", words.strip()]
    return ": ".join(part for part in said if part)


def flag_text(kind: str, note: str) -> str:
    """Why a moderator may want to look at a result, in the current language."""
    name = {
        WATCHED: _("Watched word"),
        WARNED: _("Watched word, with a warning"),
        FLAG: _("Image check"),
        REPORT: _("Reported"),
    }.get(kind, kind)
    said = note
    if kind == REPORT:
        said = reason_text(note)
    elif kind == FLAG:
        said = _image_note(note)
    return _("{setting}: {state}", setting=name, state=said) if said else name


def reason_text(recorded: str) -> str:
    """Format a recorded reason in the current language; empty if there is none."""
    kind, separator, words = recorded.partition(": ")
    name = reason_names().get(kind)
    return recorded if name is None else f"{name}{separator}{words}"


def _image_note(note: str) -> str:
    """Format the image check's note, such as "attached: breast 87%", in the current language."""
    where, separator, found = note.rpartition(": ")
    said = (_NAME.sub(lambda name: _(name[0]), part, count=1) for part in found.split(", "))
    return f"{_(where)}{separator}{', '.join(said)}"
