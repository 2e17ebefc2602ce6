from datetime import UTC, datetime, timedelta

import pytest

from generation.estimates import (
    Durations,
    LineEntry,
    MeasuredRun,
    Turn,
    earliest_end,
    estimate_wait_s,
    plan_turns,
    workload_of,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def wait(id_, user_id=1, *, at=0, workflow="quick", **facts):
    created_at = NOW + at * SECOND
    return LineEntry(id_, user_id, workflow, 1, created_at, **facts)


def measure(workflow="quick", seconds=10.0, backend="alpha", workload=1):
    return MeasuredRun(workflow, workload, backend, seconds)


@pytest.mark.parametrize(
    ("values", "given", "workload"),
    [
        ({"size": "512x256", "steps": 20, "count": 2}, 0, 512 * 256 * 40),
        ({"size": "512x256"}, 81, 512 * 256),
        ({"steps": 4}, 200, 800),
        ({"steps": True, "count": "many", "size": "large"}, 0, 1),
    ],
)
def test_a_workload_is_pixels_pictures_and_steps(values, given, workload):
    assert workload_of(values, given) == workload


def test_the_middle_of_what_such_runs_took_is_typical():
    durations = Durations([measure(seconds=s) for s in (1.0, 100.0, 3.0)])
    assert durations.typical_s("quick", 1, "alpha") == 3.0
    assert durations.typical_s("slow", 1, "alpha") is None
    assert durations.typical_s("quick", 50, "alpha") is None


def test_the_same_backend_counts_first_and_others_for_want_of_it():
    durations = Durations([measure(seconds=10), measure(seconds=50, backend="beta")])
    assert durations.typical_s("quick", 1, "alpha") == 10
    assert durations.typical_s("quick", 1, "beta") == 50
    assert durations.typical_s("quick", 1, "gamma") == 30


def test_every_backend_takes_the_next_one_when_it_is_free():
    durations = Durations([measure(seconds=10), measure(seconds=20, backend="beta")])
    running = [
        wait("r", 9, backend="alpha", started_at=NOW - 4 * SECOND),
        wait("s", 8, backend="beta", started_at=NOW - 99 * SECOND),
    ]
    line = [wait(f"w{n}", n) for n in range(4)]
    turns = plan_turns(line, running, durations, ["alpha", "beta"], NOW)
    assert [(turn.starts_at - NOW).total_seconds() for turn in turns] == [0, 6, 16, 20]


def test_nobody_guesses():
    durations = Durations([measure()])
    line = [wait("a"), wait("b", 2, workflow="new"), wait("c", 3)]
    starts = [turn.starts_at for turn in plan_turns(line, [], durations, ["alpha"], NOW)]
    assert starts == [NOW, NOW + 10 * SECOND, None]
    unknown = [wait("r", workflow="new", backend="alpha")]
    assert plan_turns(line[:1], unknown, durations, ["alpha"], NOW)[0].starts_at is None
    assert plan_turns(line[:1], [], durations, [], NOW)[0].starts_at is None


def test_the_first_end_of_several_is_told_and_no_end_that_is_past():
    durations = Durations([measure(seconds=10)])
    running = wait("r", started_at=NOW - 4 * SECOND)
    waiting = wait("w")
    turns = [Turn("w", NOW + 6 * SECOND)]
    assert earliest_end([running, waiting], turns, durations, NOW) == NOW + 6 * SECOND
    ahead = wait("r", started_at=NOW + 180_000 * SECOND)  # the clock was put back
    assert earliest_end([ahead], [], durations, NOW) == NOW + 10 * SECOND
    late = wait("r", started_at=NOW - 40 * SECOND)
    assert earliest_end([late, waiting], turns, durations, NOW) == NOW + 16 * SECOND
    assert earliest_end([late], turns, durations, NOW) is None
    assert earliest_end([wait("n", workflow="new")], [Turn("n", NOW)], durations, NOW) is None
    assert earliest_end([waiting], [Turn("w", None)], durations, NOW) is None


def test_the_wait_for_some_backends_ends_after_all_that_is_ahead():
    durations = Durations([measure(seconds=10)])
    running = [
        wait("r", 9, backend="alpha", started_at=NOW - 4 * SECOND),
        wait("s", 8, workflow="unknown", backend="beta", started_at=NOW),
    ]
    ahead = [wait("a", 2), wait("b", 3)]
    entry = wait("c", 4, at=-3)
    assert estimate_wait_s(entry, ahead, running, durations, ["alpha"], NOW) == 26
    assert estimate_wait_s(entry, [], running, durations, ["gamma"], NOW) == 0
    assert estimate_wait_s(entry, [], running, durations, ["alpha", "beta"], NOW) == 3
    stuck = [wait("t", 9, backend="alpha", started_at=NOW - 21 * SECOND)]
    assert estimate_wait_s(entry, [], stuck, durations, ["alpha"], NOW) == 3
