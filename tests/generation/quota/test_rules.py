from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.errors import FailureKind
from generation.quota.periods import Period
from generation.quota.rules import (
    Allowance,
    Cost,
    Unit,
    Usage,
    decide,
    made_cost,
    next_request_at,
)
from generation.text import fill

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
DEFAULT_ALLOWANCE = Allowance()
PRIORITY = Allowance(max_running=3, max_waiting=10)
GPU = Allowance(amount=60, unit=Unit.GPU_SECONDS)
DAILY, FULL, SLOW = FailureKind.DAILY_LIMIT, FailureKind.QUEUE_FULL, FailureKind.SLOW_DOWN
ELSEWHERE = FailureKind.NOT_ALLOWED_HERE


def ask(usage=None, *, cost=1, allowance=DEFAULT_ALLOWANCE, timezone=UTC):
    cost = cost if isinstance(cost, Cost) else Cost(cost)
    return decide(allowance, usage or Usage(), cost, NOW, timezone)


def spent(pictures=0, gpu_ms=0, **facts):
    return Usage(Cost(pictures, gpu_ms), **facts)


def test_the_defaults_are_those_promised():
    assert Allowance() == Allowance(50, Unit.PICTURES, Period.DAY, 1, 3, 10, 50)
    assert (Allowance().may_generate, Allowance().has_priority) == (True, False)
    assert Usage() == Usage(Cost(0, 0), 0, 0, 0)


@pytest.mark.parametrize(
    ("usage", "cost", "allowance", "kind"),
    [
        (Usage(), 1, DEFAULT_ALLOWANCE, None),
        # A period's pictures.
        (spent(49), 1, DEFAULT_ALLOWANCE, None),
        (spent(50), 1, DEFAULT_ALLOWANCE, DAILY),
        (spent(46), 4, DEFAULT_ALLOWANCE, None),
        (spent(47), 4, DEFAULT_ALLOWANCE, DAILY),
        (spent(60), 1, DEFAULT_ALLOWANCE, DAILY),
        (spent(50), 0, DEFAULT_ALLOWANCE, None),
        (Usage(), 51, DEFAULT_ALLOWANCE, DAILY),
        (Usage(), 1, Allowance(amount=0), DAILY),
        (spent(10**6), 10**6, Allowance(amount=None), None),
        # A period's seconds of a GPU; pictures do not count then, nor the other way round.
        (spent(999, 59_000), Cost(99, 1_000), GPU, None),
        (spent(0, 59_001), Cost(1, 1_000), GPU, DAILY),
        (spent(0, 0), Cost(1, 60_001), GPU, DAILY),
        (spent(0, 10**9), 1, DEFAULT_ALLOWANCE, None),
        # One's own running and waiting ones, counted together.
        (Usage(running=1, waiting=2), 1, DEFAULT_ALLOWANCE, None),
        (Usage(running=0, waiting=3), 1, DEFAULT_ALLOWANCE, None),
        (Usage(running=1, waiting=3), 1, DEFAULT_ALLOWANCE, FULL),
        (Usage(running=0, waiting=4), 1, DEFAULT_ALLOWANCE, FULL),
        (Usage(running=1, waiting=3), 1, PRIORITY, None),
        (Usage(running=3, waiting=10), 1, PRIORITY, FULL),
        # The guild's line.
        (Usage(waiting_in_guild=49), 1, DEFAULT_ALLOWANCE, None),
        (Usage(waiting_in_guild=50), 1, DEFAULT_ALLOWANCE, FULL),
        # The time between two requests.
        (Usage(last_request_at=NOW - 10 * SECOND), 1, DEFAULT_ALLOWANCE, None),
        (Usage(last_request_at=NOW - 9 * SECOND), 1, DEFAULT_ALLOWANCE, SLOW),
        (Usage(last_request_at=NOW), 1, Allowance(cooldown_s=0), None),
        # Another process recorded it while this one waited, with a clock that is ahead.
        (Usage(last_request_at=NOW + SECOND), 1, Allowance(cooldown_s=0), None),
        (Usage(last_request_at=NOW + SECOND), 1, DEFAULT_ALLOWANCE, SLOW),
        (Usage(last_request_at=NOW + 2 * SECOND), 1, DEFAULT_ALLOWANCE, SLOW),
        (Usage(last_request_at=NOW + 2.5 * SECOND), 1, DEFAULT_ALLOWANCE, None),
        # The clock was put back meanwhile.
        (Usage(last_request_at=NOW + 180_000 * SECOND), 1, DEFAULT_ALLOWANCE, None),
        # What lasts longest is told first.
        (Usage(), 1, Allowance(amount=0, may_generate=False), ELSEWHERE),
        (Usage(Cost(50), 1, 3, 50, NOW), 1, DEFAULT_ALLOWANCE, DAILY),
        (Usage(Cost(), 1, 3, 50, NOW), 1, DEFAULT_ALLOWANCE, FULL),
    ],
)
def test_who_may_ask(usage, cost, allowance, kind):
    decision = ask(usage, cost=cost, allowance=allowance)
    assert (decision.kind if decision else None) == kind


@pytest.mark.parametrize(
    ("usage", "cost", "allowance", "sentence"),
    [
        (
            spent(48),
            4,
            DEFAULT_ALLOWANCE,
            "2 of 50 pictures left today; this costs 4.",
        ),
        (
            spent(0, 50_500),
            Cost(1, 12_000),
            Allowance(amount=60, unit=Unit.GPU_SECONDS, period=Period.WEEK),
            "9 of 60 GPU seconds left this week; this takes about 12.",
        ),
        (
            Usage(),
            4,
            Allowance(amount=1),
            "This costs 4 pictures, but your whole allowance is 1. Ask for fewer.",
        ),
        (
            Usage(),
            Cost(1, 61_000),
            Allowance(amount=60, unit=Unit.GPU_SECONDS),
            (
                "This takes about 61 GPU seconds, but your whole allowance is 60. Ask for fewer "
                "or smaller pictures."
            ),
        ),
        (
            Usage(),
            1,
            Allowance(amount=0),
            "No pictures may be made here: your allowance is 0.",
        ),
        (
            Usage(running=1, waiting=3),
            1,
            DEFAULT_ALLOWANCE,
            (
                "You already have 4 requests in progress (limit 4). Wait for one to finish, or "
                "cancel one."
            ),
        ),
        (
            Usage(waiting_in_guild=50),
            1,
            DEFAULT_ALLOWANCE,
            "50 requests are waiting here (limit 50). Try again in a few minutes.",
        ),
        (
            Usage(last_request_at=NOW),
            1,
            DEFAULT_ALLOWANCE,
            "You can make one request every 10 s. Try again in a moment.",
        ),
    ],
)
def test_what_a_refused_person_reads(usage, cost, allowance, sentence):
    refused = ask(usage, cost=cost, allowance=allowance)
    assert fill(refused.template, refused.facts) == sentence


@pytest.mark.parametrize("unit", Unit)
@pytest.mark.parametrize("period", Period)
def test_every_refusal_of_an_amount_says_when_there_is_more(unit, period):
    allowance = Allowance(amount=10, unit=unit, period=period)
    refused = ask(spent(10, 10_000), cost=Cost(1, 1), allowance=allowance)
    assert "{left} of {limit}" in refused.template
    assert datetime.fromisoformat(refused.facts["retry_at"]) > NOW


def test_a_refusal_says_when_to_come_back():
    slow = ask(Usage(last_request_at=NOW - 4 * SECOND))
    assert slow.facts == {"retry_at": "2026-03-01T12:00:06+00:00", "cooldown_s": 10}
    full = ask(spent(50), timezone=ZoneInfo("Asia/Tokyo"))
    assert full.facts["retry_at"] == "2026-03-01T15:00:00+00:00"


def test_a_request_that_no_period_has_room_for_names_no_time():
    assert "retry_at" not in ask(cost=51).facts
    assert "retry_at" in ask(spent(1), cost=50).facts


def test_the_end_of_the_cooldown():
    assert next_request_at(DEFAULT_ALLOWANCE, Usage(), NOW) is None
    assert next_request_at(DEFAULT_ALLOWANCE, Usage(last_request_at=NOW), NOW) == NOW + 10 * SECOND
    assert next_request_at(DEFAULT_ALLOWANCE, Usage(last_request_at=NOW - 10 * SECOND), NOW) is None
    ahead = Usage(last_request_at=NOW + SECOND)
    assert next_request_at(DEFAULT_ALLOWANCE, ahead, NOW) == NOW + 10 * SECOND


def test_nothing_against_it():
    assert ask() is None


@pytest.mark.parametrize(
    ("reserved", "asked", "made", "charged"),
    [
        (4, 4, 4, 4),
        (4, 4, 3, 3),
        (4, 4, 1, 1),
        (4, 4, 0, 4),
        (4, 4, 9, 4),
        (3, 2, 1, 2),
        (0, 4, 2, 0),
    ],
)
def test_the_pictures_that_came_are_charged(reserved, asked, made, charged):
    assert made_cost(reserved, asked, made) == charged


@given(st.integers(0, 100_000), st.integers(1, 16), st.integers(0, 64))
def test_a_charge_is_never_negative_and_never_more_than_was_reserved(reserved, asked, made):
    assert 0 <= made_cost(reserved, asked, made) <= reserved


@given(
    st.integers(0, 100),
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["charge", "refund", "fewer"]))),
)
def test_whatever_is_asked_and_however_it_ends_nothing_is_overspent(limit, requests):
    allowance = Allowance(amount=limit, cooldown_s=0)
    used = 0
    for cost, end in requests:
        if ask(spent(used), cost=cost, allowance=allowance) is not None:
            continue
        used += cost
        assert used <= limit
        used -= {"charge": 0, "refund": cost, "fewer": cost - made_cost(cost, 4, 1)}[end]
        assert used >= 0
