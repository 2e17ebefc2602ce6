"""Formatting of a file's statements on its origin."""

from collections.abc import Iterable

from bot.i18n.language import _
from bot.ui.text import harmless
from generation.marking.statements import Statement

NAME_CHARACTERS = 60


def statement_lines(statement: Statement | None) -> Iterable[str]:
    """Return lines on who states what, whether it was changed since, and the limits of that."""
    if statement is None:
        yield _("Nothing in this file says whether AI made it. That can be removed by anyone.")
        return
    if statement.issuer:
        said = ", ".join(map(_describe, statement.source_types)) or _("not how it was made")
        issuer = harmless(statement.issuer, NAME_CHARACTERS)
        program = harmless(statement.program, NAME_CHARACTERS) or "?"
        yield _("**Content Credentials** {said}, says {issuer}", said=said, issuer=issuer)
        changed = (
            _("unchanged since")
            if statement.is_intact
            else _("changed since, or damaged: don't rely on it")
        )
        trust = _("known issuer") if statement.is_trusted else _("anyone can sign under this name")
        yield _(
            "Signed with {program} · {changed} · {trust}",
            program=program,
            changed=changed,
            trust=trust,
        )
    if statement.xmp_source_type:
        said = _describe(statement.xmp_source_type)
        yield _("**IPTC** {said}; not signed", said=said)


def _describe(source_type: str) -> str:
    """Describe IPTC's name of a source type.

    https://cv.iptc.org/newscodes/digitalsourcetype/
    """
    return {
        "trainedAlgorithmicMedia": _("made by AI"),
        "compositeWithTrainedAlgorithmicMedia": _("changed or put together with AI"),
        "compositeSynthetic": _("put together, partly by AI"),
        "algorithmicMedia": _("made by a program"),
        "digitalCapture": _("taken with a camera"),
        "computationalCapture": _("taken with a camera"),
        "digitalCreation": _("made by a person"),
        "humanEdits": _("edited by a person"),
        "screenCapture": _("a screenshot"),
    }.get(source_type, harmless(source_type, NAME_CHARACTERS))
