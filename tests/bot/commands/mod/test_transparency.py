"""What `/mod transparency` writes below its chart."""

from datetime import UTC, datetime

from bot.commands.mod.transparency import name_days
from bot.replies.inputs import parse_day

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_the_last_day_is_the_one_that_was_asked_for():
    begin = parse_day("2026-11-01", "since", NOW)
    until = parse_day("2026-11-10", "until", NOW, end=True)
    assert name_days(begin, until) == ("2026-11-01", "2026-11-10")
    assert name_days(begin, NOW) == ("2026-11-01", "2026-11-30")
