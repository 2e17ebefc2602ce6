"""Entries of the audit, as people read them."""

from datetime import UTC, datetime

import pytest

from bot.ui.audit import audit_line
from generation.moderation.blocks import AuditEntry

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def line(action, subject, **detail):
    return audit_line(AuditEntry(3, NOON, 7, action, subject, detail))


@pytest.mark.parametrize(
    ("action", "subject", "shown"),
    [
        ("block", "12", "<@12>"),
        ("purge", "12", "<@12>"),
        ("set-role", "12", "<@&12>"),
        ("log-channel", "12", "<#12>"),
        ("review", "12", "<#12>"),
        ("deny-channel", "12", "<#12>"),
        ("clear-channel", "all", "all"),
        # A watched word, and a result's id, may be all digits.
        ("watch", "1488", "1488"),
        ("approve", "23456", "23456"),
        ("drain-backend", "alpha", "alpha"),
    ],
)
def test_the_subject_is_what_the_action_is_about(action, subject, shown):
    assert line(action, subject) == f"`3` <t:1795348800:f> <@7> **{action}** {shown}"


def test_an_action_without_a_subject_has_none():
    assert line("log-channel", "") == "`3` <t:1795348800:f> <@7> **log-channel**"


def test_details_are_for_people():
    assert line("approve", "k7f3q", user_id="12").endswith("**approve** k7f3q · made by <@12>")
    told = line("block", "12", reason="*enough*", until=NOON.isoformat())
    assert told.endswith(r" · reason: \*enough\*, until: <t:1795348800:f>")
    assert "reason" not in line("block", "12", reason="", until=None)
