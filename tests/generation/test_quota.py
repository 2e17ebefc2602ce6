from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from generation.errors import FailureKind
from generation.quota import (
    DEFAULT_ALLOWANCE,
    PRIORITY_ALLOWANCE,
    Accepted,
    Allowance,
    Refused,
    Usage,
    day_bounds,
    decide,
    next_request_at,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DAILY, FULL, SLOW = FailureKind.DAILY_LIMIT, FailureKind.QUEUE_FULL, FailureKind.SLOW_DOWN


def ask(usage=None, *, cost=1, allowance=DEFAULT_ALLOWANCE, timezone=UTC):
    return decide(allowance, usage or Usage(), cost, NOW, timezone)


def test_the_defaults_are_those_promised():
    assert Allowance() == Allowance(50, 1, 3, 10, 50)
    assert (PRIORITY_ALLOWANCE.max_running, PRIORITY_ALLOWANCE.max_waiting) == (3, 10)


def test_priority_lowers_no_limit():
    generous = Allowance(max_running=5, max_waiting=5)
    assert generous.with_priority() == Allowance(max_running=5, max_waiting=10)


@pytest.mark.parametrize(
    ("usage", "cost", "allowance", "kind"),
    [
        (Usage(), 1, DEFAULT_ALLOWANCE, None),
        # A day's pictures.
        (Usage(used_today=49), 1, DEFAULT_ALLOWANCE, None),
        (Usage(used_today=50), 1, DEFAULT_ALLOWANCE, DAILY),
        (Usage(used_today=46), 4, DEFAULT_ALLOWANCE, None),
        (Usage(used_today=47), 4, DEFAULT_ALLOWANCE, DAILY),
        (Usage(used_today=60), 1, DEFAULT_ALLOWANCE, DAILY),
        (Usage(used_today=50), 0, DEFAULT_ALLOWANCE, None),
        (Usage(), 51, DEFAULT_ALLOWANCE, DAILY),
        (Usage(), 1, Allowance(daily_pictures=0), DAILY),
        # One's own running and waiting ones, counted together.
        (Usage(running=1, waiting=2), 1, DEFAULT_ALLOWANCE, None),
        (Usage(running=0, waiting=3), 1, DEFAULT_ALLOWANCE, None),
        (Usage(running=1, waiting=3), 1, DEFAULT_ALLOWANCE, FULL),
        (Usage(running=0, waiting=4), 1, DEFAULT_ALLOWANCE, FULL),
        (Usage(running=1, waiting=3), 1, PRIORITY_ALLOWANCE, None),
        (Usage(running=3, waiting=10), 1, PRIORITY_ALLOWANCE, FULL),
        # The guild's line.
        (Usage(waiting_in_guild=49), 1, DEFAULT_ALLOWANCE, None),
        (Usage(waiting_in_guild=50), 1, DEFAULT_ALLOWANCE, FULL),
        # The time between two requests.
        (Usage(last_request_at=NOW - 10 * SECOND), 1, DEFAULT_ALLOWANCE, None),
        (Usage(last_request_at=NOW - 9 * SECOND), 1, DEFAULT_ALLOWANCE, SLOW),
        (Usage(last_request_at=NOW), 1, Allowance(cooldown_s=0), None),
        (Usage(last_request_at=NOW + SECOND), 1, DEFAULT_ALLOWANCE, SLOW),
        # What lasts longest is told first.
        (Usage(50, 1, 3, 50, NOW), 1, DEFAULT_ALLOWANCE, DAILY),
        (Usage(0, 1, 3, 50, NOW), 1, DEFAULT_ALLOWANCE, FULL),
    ],
)
def test_who_may_ask(usage, cost, allowance, kind):
    decision = ask(usage, cost=cost, allowance=allowance)
    assert (decision.kind if isinstance(decision, Refused) else None) == kind


@pytest.mark.parametrize(
    ("usage", "cost", "allowance", "sentence"),
    [
        (
            Usage(used_today=50),
            1,
            DEFAULT_ALLOWANCE,
            "You have made your 50 pictures of today: more come with the next day.",
        ),
        (
            Usage(used_today=48),
            4,
            DEFAULT_ALLOWANCE,
            (
                "This makes 4 pictures, and you have 2 of 50 left today: ask for fewer, or come "
                "back the next day."
            ),
        ),
        (
            Usage(),
            4,
            Allowance(daily_pictures=1),
            "This makes 4 pictures, but only 1 a day may be made: ask for fewer.",
        ),
        (
            Usage(),
            1,
            Allowance(daily_pictures=0),
            "No pictures may be made here: the daily limit is 0.",
        ),
        (
            Usage(running=1, waiting=3),
            1,
            DEFAULT_ALLOWANCE,
            (
                "You have 4 unfinished generations, and no more than 4 are allowed at a time: wait "
                "for one to end, or cancel one."
            ),
        ),
        (
            Usage(waiting_in_guild=50),
            1,
            DEFAULT_ALLOWANCE,
            (
                "50 generations wait here already, which is as many as may: try again in a few "
                "minutes."
            ),
        ),
        (
            Usage(last_request_at=NOW),
            1,
            DEFAULT_ALLOWANCE,
            "There must be 10 seconds between two requests: try again in a moment.",
        ),
    ],
)
def test_what_a_refused_person_reads(usage, cost, allowance, sentence):
    assert ask(usage, cost=cost, allowance=allowance).sentence == sentence


def test_a_refusal_says_when_to_come_back():
    slow = ask(Usage(last_request_at=NOW - 4 * SECOND))
    assert slow.facts == {"retry_at": "2026-03-01T12:00:06+00:00", "cooldown_s": 10}
    full = ask(Usage(used_today=50), timezone=ZoneInfo("Asia/Tokyo"))
    assert full.facts["retry_at"] == "2026-03-01T15:00:00+00:00"


def test_a_request_that_no_day_has_room_for_names_no_time():
    assert "retry_at" not in ask(cost=51).facts


def test_the_end_of_the_cooldown():
    assert next_request_at(DEFAULT_ALLOWANCE, Usage(), NOW) is None
    assert next_request_at(DEFAULT_ALLOWANCE, Usage(last_request_at=NOW), NOW) == NOW + 10 * SECOND
    assert next_request_at(DEFAULT_ALLOWANCE, Usage(last_request_at=NOW - 10 * SECOND), NOW) is None


def test_nothing_against_it():
    assert ask() == Accepted()


@pytest.mark.parametrize(
    ("zone", "now", "begin", "end"),
    [
        ("UTC", "2026-03-01T12:00", "2026-03-01T00:00", "2026-03-02T00:00"),
        ("UTC", "2026-03-01T00:00", "2026-03-01T00:00", "2026-03-02T00:00"),
        # East and west of UTC the date is another one than in UTC.
        ("Asia/Tokyo", "2026-03-01T16:00", "2026-03-01T15:00", "2026-03-02T15:00"),
        ("America/Los_Angeles", "2026-03-01T05:00", "2026-02-28T08:00", "2026-03-01T08:00"),
        ("Asia/Kathmandu", "2026-03-01T12:00", "2026-02-28T18:15", "2026-03-01T18:15"),
        # 23 hours in spring, 25 in autumn.
        ("Europe/Vienna", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("Europe/Vienna", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        # Midnight is skipped: the day begins at one o'clock.
        ("Asia/Beirut", "2026-03-29T12:00", "2026-03-28T22:00", "2026-03-29T21:00"),
        # Midnight comes twice: the day begins with the first.
        ("America/Havana", "2025-11-02T12:00", "2025-11-02T04:00", "2025-11-03T05:00"),
    ],
)
def test_a_day_by_the_guilds_clock(zone, now, begin, end):
    found = day_bounds(datetime.fromisoformat(f"{now}+00:00"), ZoneInfo(zone))
    assert [moment.isoformat(timespec="minutes") for moment in found] == [
        f"{begin}+00:00",
        f"{end}+00:00",
    ]


@pytest.mark.parametrize("zone", ["Europe/Vienna", "Asia/Beirut", "America/Havana"])
def test_every_moment_is_in_its_own_day_and_days_have_no_gap(zone):
    moment, last_end = datetime(2026, 1, 1, tzinfo=UTC), None
    while moment.year == 2026:
        begin, end = day_bounds(moment, ZoneInfo(zone))
        assert begin <= moment < end
        assert last_end in (None, begin, end)
        last_end, moment = end, moment + timedelta(hours=1)
