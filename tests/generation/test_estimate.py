from datetime import UTC, datetime, timedelta

from generation.estimate import starts_at, typical_duration

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DURATIONS = {"quick": 10.0, "slow": 60.0, "new": None}


def test_the_middle_of_recent_runs_is_typical():
    assert typical_duration([1.0, 100.0, 3.0]) == 3.0
    assert typical_duration([]) is None


def test_what_is_ahead_and_the_rest_of_what_runs_add_up():
    running = [("slow", NOW - timedelta(seconds=20)), ("quick", NOW - timedelta(seconds=99))]
    start = starts_at(["quick", "quick"], running, DURATIONS, 2, NOW)
    assert start == NOW + timedelta(seconds=(20 + 40) / 2)


def test_nobody_guesses():
    assert starts_at(["new"], [], DURATIONS, 1, NOW) is None
    assert starts_at([], [("new", None)], DURATIONS, 1, NOW) is None
    assert starts_at([], [], DURATIONS, 0, NOW) is None
