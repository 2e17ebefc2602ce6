"""Reasons for which people report a result, and moderators refuse one."""

from bot.i18n.language import _

OTHER = "other"


def reason_names() -> dict[str, str]:
    """The reasons to choose from in the current language, by what is recorded."""
    return {
        "nudity": _("Nudity or sexual content"),
        "violence": _("Violence or gore"),
        "person": _("Shows a real person"),
        "hate": _("Hate or harassment"),
        OTHER: _("Something else"),
    }


def join_reason(kind: str, words: str) -> str:
    """What is recorded of a reason and somebody's own words, which may be empty."""
    said = [kind if kind != OTHER else "", words.strip()]
    return ": ".join(part for part in said if part)


def reason_text(recorded: str) -> str:
    """A recorded reason in the current language; empty without one."""
    kind, separator, words = recorded.partition(": ")
    name = reason_names().get(kind)
    return recorded if name is None else f"{name}{separator}{words}"
