"""Entries of the audit, as people read them."""

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.i18n.language import speaking
from bot.ui.audit import ACTIONS, DETAILS, audit_line
from generation.moderation.case_file import AuditEntry

ROOT = Path(__file__).parents[3]

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def line(action, subject, /, **detail):
    return audit_line(AuditEntry(3, NOON, 7, action, subject, detail))


@pytest.mark.parametrize(
    ("action", "subject", "shown"),
    [
        ("block", "12", "**Blocked** <@12>"),
        ("purge", "12", "**Deleted everything by** <@12>"),
        ("set-role", "12", "**Set the override of** <@&12>"),
        ("log-channel", "12", "**Set the moderators' channel** <#12>"),
        ("log-channel", "", "**Set the moderators' channel** No channel"),
        ("review", "12", "**Set what is reviewed in** <#12>"),
        ("review", "", "**Set what is reviewed in** Whole server"),
        ("deny-channel", "12", "**Blocked pictures in** <#12>"),
        ("clear-channel", "all", "**Reset the channel** Everywhere"),
        # A watched word, and a result's id, may be all digits.
        ("watch", "1488", "**Watched** 1488"),
        ("approve", "23456", "**Approved** 23456"),
        ("drain-backend", "alpha", "**Stopped sending work to** alpha"),
        ("limits", "limits", "**Set the limits**"),
        ("pause", "line", "**Paused the queue**"),
        ("of-a-later-version", "x", "**of-a-later-version** x"),
    ],
)
def test_the_subject_is_what_the_action_is_about(action, subject, shown):
    assert line(action, subject) == f"`3` <t:1795348800:f> <@7> {shown}"


def test_details_are_for_people():
    assert line("approve", "k7f3q", user_id="12").endswith("**Approved** k7f3q · made by <@12>")
    told = line("block", "12", reason="*enough*", until=NOON.isoformat())
    assert told.endswith(r" · reason: \*enough\*, until <t:1795348800:f>")
    assert "reason" not in line("block", "12", reason="", until=None)
    told = line("set-role", "12", may_generate=False, max_running=0, options="cfg, seed")
    assert told.endswith(" · may make pictures: Off, running: 0, options: guidance, seed")
    assert line("watch", "x", action="refuse", expression=True).endswith("then: refuse, expression")
    with speaking("de"):
        told = line("limits", "limits", unit="gpu_s", period="day", timezone="off")
    assert told.endswith(" · gezählt: GPU-Sekunden, Zeitraum: Tag, Zeitzone: off")


def test_every_action_and_detail_has_words():
    """Of calls such as `self._audit(session, actor, "block", …, reason=…)`."""
    calls = [
        call
        for path in (ROOT / "generation").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in ("_audit", "_note")
    ]
    actions = {
        part.value
        for call in calls
        for argument in call.args[1:3]
        for part in ast.walk(argument)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }
    assert "unblock" in actions
    assert actions - ACTIONS.keys() == set()
    details = {keyword.arg for call in calls for keyword in call.keywords if keyword.arg}
    assert details - DETAILS.keys() == set()
