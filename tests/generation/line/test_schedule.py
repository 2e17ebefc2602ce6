"""What a schedule makes of records, of the engine's attempts, and of ends."""

from datetime import UTC, datetime, timedelta

import pytest

from generation.estimates import MIN_RUNS, Durations, LineEntry, MeasuredRun
from generation.history.records import LineState
from generation.line.schedule import Schedule, now_s
from generation.line.workflows import Attempt

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANA, BEN = 1, 2


def entry(id_, user_id=ANA, *, at=0, **facts):
    return LineEntry(id_, user_id, "quick", 1, NOW + timedelta(seconds=at), **facts)


def merged(schedule, line, *, running=None, past=None, later_s=1.0):
    """Merge what was read that long after now."""
    return schedule.merge(line, read_at=now_s() + later_s, running=running or {}, past=past or {})


@pytest.fixture
async def schedule():
    return Schedule()


async def test_each_attempt_has_a_number_and_each_backend_an_index(schedule):
    first = entry("a")
    schedule.put(first)
    assert schedule.assign(first, "one", "s1").attempt == Attempt("a", 0, "one", 0)
    assert schedule.waiting == {}
    schedule.end("a", was_lost=True, is_over=None)
    again = schedule.waiting["a"]
    assert again.backend == "one"
    assert schedule.assign(again, "two", "s2").attempt == Attempt("a", 1, "two", 1)
    schedule.end("a", was_lost=True, is_over=None)
    assert schedule.assign(again, "one", "s3").attempt == Attempt("a", 2, "one", 0)
    assert [one.was_lost for one in schedule.past["a"]] == [True, True]


@pytest.mark.parametrize(
    ("was_lost", "is_over", "waits"),
    [(False, None, False), (False, True, False), (False, False, True), (True, True, True)],
)
async def test_what_is_not_over_waits_again(schedule, was_lost, is_over, waits):
    schedule.put(entry("a"))
    schedule.assign(entry("a"), "one", "s")
    schedule.end("a", was_lost=was_lost, is_over=is_over)
    assert ("a" in schedule.waiting) is waits
    # What is over is not waited for again, though the records that were read say so still.
    merged(schedule, LineState(waiting=(entry("a"),)), later_s=-1.0)
    assert ("a" in schedule.waiting) is waits


async def test_a_place_is_free_once(schedule):
    schedule.put(entry("a"))
    schedule.assign(entry("a"), "one", "s")
    assert schedule.taken_places() == {"one": 1}
    assert schedule.is_lane_taken(entry("b"))
    assert not schedule.is_lane_taken(entry("b", lane=1))
    assert not schedule.is_lane_taken(entry("b", BEN))
    assert schedule.free("a", NOW)
    assert not schedule.free("a", NOW)
    assert schedule.free("unknown", NOW) is False
    assert (schedule.holding(), schedule.taken_places()) == ([], {})
    assert [one.id for one in schedule.everything()] == ["a"]


async def test_leaving_is_noticed_once(schedule):
    schedule.put(entry("a"))
    assert schedule.leave("a")
    assert not schedule.leave("a")
    # Records that were read before do not bring it back; those read after do.
    merged(schedule, LineState(waiting=(entry("a"),)), later_s=-1.0)
    assert schedule.waiting == {}
    merged(schedule, LineState(waiting=(entry("a"),)))
    assert list(schedule.waiting) == ["a"]


async def test_attempts_that_the_engine_runs_are_found_once(schedule):
    line = LineState(running=(entry("a"),), waiting=(entry("b", BEN),))
    running = {
        "a": (Attempt("a", 0, "one", 0), "s1"),
        "unknown": (Attempt("unknown", 0, "one", 0), "s2"),
    }
    assert merged(schedule, line, running=running) == ([running["a"][0]], [])
    assert (list(schedule.assigned), list(schedule.waiting)) == (["a"], ["b"])
    assert merged(schedule, line, running=running) == ([], [])
    running["b"] = (Attempt("b", 0, "two", 0), "s3")
    assert merged(schedule, line, running=running) == ([running["b"][0]], [])
    assert (list(schedule.assigned), schedule.waiting) == (["a", "b"], {})


async def test_an_attempt_that_ended_is_not_found_again(schedule):
    line = LineState(running=(entry("a"),))
    attempt = Attempt("a", 0, "one", 0)
    found, _ = merged(schedule, line, running={"a": (attempt, "s")}, past={"a": [attempt]})
    assert (found, list(schedule.waiting)) == ([], ["a"])
    schedule.leave("a")
    found, _ = merged(schedule, line, running={"a": (attempt, "s")}, later_s=-1.0)
    assert (found, schedule.assigned) == ([], {})


async def test_what_the_records_have_no_more_leaves_unless_it_is_newer(schedule):
    schedule.put(entry("a"))
    assert merged(schedule, LineState(), later_s=-1.0) == ([], [])
    assert list(schedule.waiting) == ["a"]
    assert merged(schedule, LineState()) == ([], ["a"])
    assert schedule.waiting == {}
    merged(schedule, LineState(waiting=(entry("b"),)))
    assert merged(schedule, LineState(), later_s=2.0) == ([], ["b"])


async def test_of_two_turns_in_a_row_one_has_priority(schedule):
    for one in (entry("a"), entry("b", BEN, priority=True), entry("c", 3, priority=True)):
        schedule.put(one)
    assert schedule.order(1)[0].id == "b"
    schedule.assign(schedule.waiting["b"], "one", "s")
    assert schedule.order(2)[0].id == "a"
    schedule.assign(schedule.waiting["a"], "one", "s")
    assert schedule.order(3)[0].id == "c"


async def test_the_time_of_its_start_is_learned(schedule):
    schedule.put(entry("a"))
    schedule.assign(entry("a"), "one", "s")
    merged(schedule, LineState(running=(entry("a", started_at=NOW),)))
    assert schedule.assigned["a"].entry.started_at == NOW


async def test_facts_of_what_is_over_are_forgotten(schedule):
    schedule.put(entry("a"))
    schedule.assign(entry("a"), "one", "s")
    schedule.free("a", NOW)
    schedule.end("a", was_lost=False, is_over=True)
    merged(schedule, LineState())
    assert (schedule.past, schedule._known_at, schedule._gone, schedule._last_ends) == ({},) * 4


async def test_ends_known_here_are_newer_than_those_read(schedule):
    schedule.put(entry("a"))
    schedule.put(entry("b", at=1))
    schedule.assign(entry("a"), "one", "s")
    schedule.free("a", NOW)
    line = LineState(waiting=(entry("b"),), last_ends={ANA: NOW - timedelta(days=1), BEN: NOW})
    merged(schedule, line)
    assert schedule._last_ends == {ANA: NOW}


async def test_what_began_long_ago_and_does_not_run_is_late(schedule):
    for id_, user_id in (("a", ANA), ("b", BEN)):
        schedule.put(entry(id_, user_id))
        schedule.assign(entry(id_, user_id), "one", "s").begun_at = 10.0
    assert schedule.find_late(10.0, ()) == ()
    assert schedule.find_late(11.0, ("b",)) == ("a",)


async def test_what_is_in_no_list_is_unknown(schedule):
    schedule.put(entry("a"))
    schedule.put(entry("b"))
    schedule.assign(entry("b"), "one", "s")
    line = LineState((entry("b"),), (entry("a"), entry("c")), (entry("d"),))
    assert schedule.find_unknown(line) == ("c", "d")


async def test_a_paused_guild_waits_but_for_what_was_sent_before(schedule):
    line = LineState(
        waiting=(entry("a", guild_id=6), entry("sent", BEN, guild_id=5, backend="one")),
        paused=(entry("b", BEN, guild_id=5), entry("direct", 3)),
        paused_guilds=frozenset({5, 0}),
    )
    merged(schedule, line)
    assert [one.id for one in schedule.order(4)] == ["sent", "a"]


async def test_a_wait_counts_what_runs_and_what_is_ahead(schedule):
    durations = Durations([MeasuredRun("quick", 1, "one", 60.0)] * MIN_RUNS)
    running = entry("a", started_at=NOW)
    asked = entry("c", 3)
    ordered = [entry("left"), entry("b", BEN), asked, entry("gone"), entry("d", 4)]
    for one in (running, *(one for one in ordered if one.user_id != ANA)):
        schedule.put(one)
    schedule.assign(running, "one", "s")

    def wait_s(backend):
        return schedule.estimate_wait_s(asked, ordered, durations, (backend,), NOW)

    assert (wait_s("one"), wait_s("two")) == (120.0, 60.0)
    schedule.free("a", NOW)
    assert wait_s("one") == 60.0
    ordered.insert(0, entry("left, too"))
    assert wait_s("one") == 60.0


async def test_what_changed_at_the_moment_of_reading_is_newer(schedule):
    running = {"a": (Attempt("a", 0, "one", 0), "s")}
    schedule.put(entry("a"))
    schedule.put(entry("b", BEN))
    added_at = schedule._known_at["b"]
    assert schedule.merge(LineState((entry("a"),)), read_at=added_at, running={}, past={})[1] == []
    schedule.leave("a")
    line, left_at = LineState(waiting=(entry("a"), entry("b", BEN))), schedule._gone["a"]
    for _ in range(2):
        assert schedule.merge(line, read_at=left_at, running=running, past={}) == ([], [])
        assert list(schedule.waiting) == ["b"]
