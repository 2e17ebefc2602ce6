"""Reasons for reporting a result, and for refusing one."""

from bot.i18n.language import _

OTHER = "other"


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


def reason_text(recorded: str) -> str:
    """Format a recorded reason in the current language; empty if there is none."""
    kind, separator, words = recorded.partition(": ")
    name = reason_names().get(kind)
    return recorded if name is None else f"{name}{separator}{words}"
