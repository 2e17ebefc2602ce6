"""Whose turn it is, as a pure function of what waits and runs."""

import random
from datetime import UTC, datetime, timedelta

from generation.estimates import LineEntry
from generation.line.turns import order_turns

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ANA, BEN, CAROL, EVE = 1, 2, 3, 4


def wait(id_, user_id=ANA, *, at=0, **facts):
    return LineEntry(id_, user_id, "quick", 1, NOW + at * SECOND, **facts)


def ids(waiting, running=(), ends=None, places=1):
    return [one.id for one in order_turns(waiting, running, ends or {}, places)]


def test_turns_go_round_between_people():
    many = [wait(f"a{n}", at=n) for n in range(50)]
    line = [*many, wait("b0", BEN, at=60), wait("b1", BEN, at=61), wait("c0", CAROL, at=70)]
    assert ids(line)[:6] == ["a0", "b0", "c0", "a1", "b1", "a2"]


def test_who_has_nothing_running_goes_first_whoever_asked_earlier():
    running = [wait("a0")]
    line = [wait("a1", at=1, lane=1), wait("b0", BEN, at=9)]
    assert ids(line, running, places=2) == ["b0", "a1"]


def test_who_was_served_waits_behind_who_has_been_ready_for_longer():
    line = [wait("a1"), wait("b0", BEN, at=5)]
    assert ids(line) == ["a1", "b0"]
    assert ids(line, ends={ANA: NOW + 6 * SECOND}) == ["b0", "a1"]
    # Newcomers do not pass whoever has been ready since before they came.
    line.append(wait("c0", CAROL, at=7))
    assert ids(line, ends={ANA: NOW + 6 * SECOND}) == ["b0", "a1", "c0"]


def test_the_two_rounds_take_turns():
    line = [
        wait(f"{name}{n}", user, at=n) for name, user in (("a", ANA), ("b", BEN)) for n in (0, 1)
    ]
    line += [wait(f"p{n}", EVE, at=9 + n, priority=True) for n in range(3)]
    assert ids(line) == ["p0", "a0", "p1", "b0", "p2", "a1", "b1"]
    assert ids(line, [wait("p", EVE + 1, priority=True)])[0] == "a0"


def test_what_was_sent_before_goes_on_before_all():
    line = [wait("a0"), wait("b0", BEN, at=1), wait("c0", CAROL, at=2, backend="alpha")]
    assert ids(line) == ["c0", "a0", "b0"]


def test_a_lane_holds_one_at_a_time():
    running = [wait("a0")]
    line = [wait("a1", at=1), wait("b0", BEN, at=2), wait("b1", BEN, at=3)]
    assert ids(line, running, places=3) == ["b0", "a1", "b1"]


def test_the_order_is_the_one_in_which_turns_are_given_one_by_one():
    """What is foreseen comes true, when runs end in the order in which they began."""
    source = random.Random(11)  # noqa: S311 - repeatable on purpose
    for _ in range(50):
        waiting = [
            wait(
                f"{number}",
                source.randrange(6),
                at=source.randrange(20),
                lane=source.randrange(2),
                priority=source.random() < 0.3,
            )
            for number in range(25)
        ]
        places = source.randint(1, 3)
        foreseen = ids(waiting, places=places)
        assert sorted(foreseen) == sorted(one.id for one in waiting)
        given, running, ends, at, last = [], [], {}, NOW + 100 * SECOND, False
        while waiting:
            if len(running) == places:
                at += SECOND
                ends[running.pop(0).user_id] = at
            order = order_turns(waiting, running, ends, places, had_priority=last)
            lanes = {(one.user_id, one.lane) for one in running}
            ready = [one for one in order if (one.user_id, one.lane) not in lanes]
            if not ready:
                at += SECOND
                ends[running.pop(0).user_id] = at
                continue
            waiting.remove(ready[0])
            running.append(ready[0])
            last = ready[0].priority
            given.append(ready[0].id)
        assert given == foreseen
