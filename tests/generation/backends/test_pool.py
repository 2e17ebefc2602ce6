import asyncio
import random

import pytest

from comfy.errors import BackendUnreachable
from generation.backends import inventory
from generation.backends import pool as pool_module
from generation.backends.members import MemberState, Occupancy, PoolMember
from generation.backends.pool import BackendPool, UnknownBackend
from generation.backends.power_calls import PowerSettings
from generation.backends.status import BackendState
from tests.support.fake_backend import FakeBackend


@pytest.fixture
def build(tools):
    async def build_(*backends, concurrency=2):
        pool = BackendPool(
            [PoolMember(backend, concurrency) for backend in backends],
            random_source=random.Random(3),  # noqa: S311 - repeatable on purpose
        )
        for backend in backends:
            if backend.is_reachable:
                await pool.inventory.refresh(backend.name)
        return pool

    return build_


async def test_the_least_loaded_is_chosen(build, tools):
    pool = await build(tools.FakeBackend("busy", load=2), tools.FakeBackend("idle", load=1))
    assert await pool.choose(tools.GRAPH) == "idle"


async def test_load_counts_for_less_where_more_runs_at_a_time(tools):
    wide, narrow = tools.FakeBackend("wide", load=3), tools.FakeBackend("narrow", load=2)
    pool = BackendPool([PoolMember(wide, concurrency=4), PoolMember(narrow, concurrency=1)])
    assert await pool.choose(tools.GRAPH) == "wide"
    wide.load = 9
    assert await pool.choose(tools.GRAPH) == "narrow"


async def test_what_was_just_handed_over_counts_as_load(build, tools):
    pool = await build(tools.FakeBackend("one"), tools.FakeBackend("two"))
    first = await pool.choose(tools.GRAPH)
    with pool.claim("a", first):
        assert await pool.choose(tools.GRAPH) != first


async def test_what_waits_for_a_backend_counts_as_its_load(build, tools):
    pool = await build(*(tools.FakeBackend(name) for name in "abcd"))
    chosen = []
    for number in range(8):
        chosen.append(await pool.choose(tools.GRAPH))
        pool.reserve(str(number), chosen[-1])
    assert sorted(chosen) == list("aabbccdd")
    pool.release("0")
    pool.release("0")
    assert {await pool.choose(tools.GRAPH) for _ in range(20)} == {chosen[0]}


async def test_equals_are_chosen_at_random(build, tools):
    pool = await build(*(tools.FakeBackend(name) for name in "abc"))
    assert {await pool.choose(tools.GRAPH) for _ in range(40)} == {"a", "b", "c"}


async def test_only_one_that_has_the_model_is_chosen(build, tools):
    poor = tools.FakeBackend("poor", info=tools.build_object_info(models=("x.safetensors",)))
    rich = tools.FakeBackend("rich", load=9)
    pool = await build(poor, rich)
    assert await pool.choose(tools.GRAPH) == "rich"
    assert pool.inventory.choices("CheckpointLoaderSimple", "ckpt_name") == (
        "x.safetensors",
        "alpha.safetensors",
        "beta.safetensors",
    )


async def test_when_none_is_capable_one_may_say_what_it_lacks(build, tools):
    pool = await build(tools.FakeBackend("only"))
    assert await pool.choose({"1": {"class_type": "Nothing", "inputs": {}}}) == "only"
    assert not pool.inventory.can_run({"Nothing"})
    assert pool.inventory.can_run({"KSampler"})


async def test_one_to_avoid_is_taken_only_when_alone(build, tools):
    other = tools.FakeBackend("other", load=9)
    pool = await build(tools.FakeBackend("bad"), other)
    assert await pool.choose(tools.GRAPH, avoid=["bad"]) == "other"
    other.is_reachable = False
    assert await pool.choose(tools.GRAPH, avoid=["bad"]) == "bad"


async def test_dead_ones_are_left_out_and_hold_nothing_up(build, tools, monkeypatch):
    class Hanging(tools.FakeBackend):
        async def fetch_load(self):
            await asyncio.Event().wait()

    monkeypatch.setattr(pool_module, "PROBE_TIMEOUT_S", 0.05)
    dead = tools.FakeBackend("dead", is_reachable=False)
    pool = await build(dead, Hanging("hanging"), tools.FakeBackend("alive", load=50))
    assert await pool.choose(tools.GRAPH) == "alive"
    assert pool.reachable_names == ("hanging", "alive")
    assert await pool.choose(tools.GRAPH) == "alive"
    assert pool.reachable_names == ("alive",), "one that never answers rests"


async def test_nothing_reachable_means_none(build, tools):
    pool = await build(tools.FakeBackend("dead", is_reachable=False))
    assert await pool.choose(tools.GRAPH) is None
    assert pool.inventory.choices("KSampler", "sampler_name") is None
    assert not pool.is_any_reachable


class WatchedBackend(FakeBackend):
    """Counts how often somebody looks whether it is reachable."""

    looks = 0

    @property
    def is_reachable(self):
        self.looks += 1
        return self._is_reachable

    @is_reachable.setter
    def is_reachable(self, value):
        self._is_reachable = value


async def test_what_a_backend_offers_is_learnt_once_it_is_there(tools, monkeypatch, caplog):
    monkeypatch.setattr(inventory, "REACHABLE_POLL_S", 0.01)
    backend = WatchedBackend("late", is_reachable=False)
    asked = []

    async def fetch(*, refresh):
        asked.append(refresh)
        if len(asked) == 1:
            raise BackendUnreachable("not yet")
        return backend.info

    backend.fetch_object_info = fetch
    pool = BackendPool([PoolMember(backend)])
    await pool.open()
    assert not pool.inventory.infos
    backend.is_reachable = True
    await tools.eventually(lambda: pool.inventory.infos)
    assert asked == [True, True]
    backend.is_reachable = False
    looks = backend.looks
    await tools.eventually(lambda: backend.looks > looks)
    backend.is_reachable = True
    await tools.eventually(lambda: len(asked) == 3)
    await pool.close()
    await pool.close()
    assert not backend.is_open


async def test_the_one_that_ran_these_models_last_is_preferred_among_equals(build, tools):
    pool = await build(*(tools.FakeBackend(name) for name in "abc"))
    other = {"4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "x.ckpt"}}}
    for name, graph in (("a", other), ("b", tools.GRAPH), ("c", other)):
        pool.reserve("1", name, graph)
        pool.release("1")
    assert {await pool.choose(tools.GRAPH) for _ in range(20)} == {"b"}
    with pool.claim("2", "b"):
        assert await pool.choose(tools.GRAPH) in {"a", "c"}, "an idle one beats a loaded model"


async def test_a_drained_one_gets_nothing_new_until_it_is_back(build, tools):
    pool = await build(tools.FakeBackend("one"), tools.FakeBackend("two", load=9))
    pool.drain("one")
    assert {await pool.choose(tools.GRAPH) for _ in range(5)} == {"two"}
    assert pool.is_drained("one")
    assert len(pool.reachable_names) == 1
    pool.drain("two")
    assert await pool.choose(tools.GRAPH) is None
    pool.resume("one")
    assert await pool.choose(tools.GRAPH) == "one"
    with pytest.raises(UnknownBackend):
        pool.drain("three")


async def test_one_that_fails_in_a_row_rests(tools, caplog):
    now = [100.0]
    flaky = tools.FakeBackend("flaky")
    pool = BackendPool(
        [PoolMember(flaky), PoolMember(tools.FakeBackend("busy", load=9))], clock=lambda: now[0]
    )
    pool.note_failure("flaky", "Lost a run.")
    assert await pool.choose(tools.GRAPH) == "flaky"
    assert not caplog.records
    pool.note_failure("flaky", "Lost another run.")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "flaky rests" in caplog.text
    assert "Lost another run." in caplog.text
    assert await pool.choose(tools.GRAPH) == "busy"
    status, _ = await pool.statuses()
    assert (status.state, status.problem) == (BackendState.RESTING, "Lost another run.")
    now[0] += 1
    assert await pool.choose(tools.GRAPH) == "flaky"
    pool.note_success("flaky")
    assert (await pool.statuses())[0].state is BackendState.READY


async def refuse():
    raise BackendUnreachable("It broke off.")


async def test_one_that_does_not_tell_its_load_rests(build, tools):
    silent = tools.FakeBackend("silent")
    silent.fetch_load = refuse
    pool = await build(silent, tools.FakeBackend("busy", load=9))
    assert await pool.choose(tools.GRAPH) == "busy"
    assert await pool.choose(tools.GRAPH) == "busy"
    status, _ = await pool.statuses()
    assert (status.state, status.problem) == (BackendState.RESTING, "It broke off.")


async def test_tags_are_demanded(build, tools):
    pool = BackendPool(
        [
            PoolMember(tools.FakeBackend("plain")),
            PoolMember(tools.FakeBackend("film", load=9), tags=frozenset({"video", "big"})),
        ]
    )
    assert await pool.choose(tools.GRAPH) == "plain"
    assert await pool.choose(tools.GRAPH, tags={"video"}) == "film"
    assert await pool.choose(tools.GRAPH, tags={"video", "fast"}) is None
    assert pool.has_tags({"big"})
    assert not pool.has_tags({"fast"})


async def test_the_only_capable_one_is_waited_for(build, tools):
    poor = tools.FakeBackend("poor", info=tools.build_object_info(models=("x.safetensors",)))
    rich = tools.FakeBackend("rich")
    pool = await build(poor, rich)
    rich.is_reachable = False
    assert await pool.choose(tools.GRAPH) is None
    rich.is_reachable = True
    assert await pool.choose(tools.GRAPH) == "rich"


async def test_a_status_for_every_backend(build, tools):
    pool = await build(
        tools.FakeBackend("here", load=3), tools.FakeBackend("away", is_reachable=False)
    )
    pool.drain("here")
    with pool.claim("1", "here"):
        here, away = await pool.statuses()
    assert (here.name, here.state, here.running, here.load) == (
        "here",
        BackendState.DRAINED,
        1,
        3,
    )
    assert (here.version, here.concurrency) == ("0", 2)
    assert (away.state, away.load) == (BackendState.UNREACHABLE, None)
    assert away.problem


def build_priced(tools, **members):
    """A pool of (load, cost, weight, max_wait_s) by name; each takes one graph at a time."""
    return BackendPool(
        [
            PoolMember(
                tools.FakeBackend(name, load=load),
                concurrency=1,
                cost=cost,
                weight=weight,
                max_wait_s=max_wait_s,
            )
            for name, (load, cost, weight, max_wait_s) in members.items()
        ]
    )


@pytest.mark.parametrize(
    ("members", "chosen"),
    [
        ({"dear": (0, 2, 9, 0), "cheap": (0, 1, 1, 0), "light": (0, 1, 0.5, 0)}, "cheap"),
        ({"cheap": (1, 1, 1, 0), "dear": (0, 2, 1, 0)}, "dear"),
        ({"cheap": (1, 1, 1, 0), "dear": (0, 2, 1, 30)}, "cheap"),
        ({"cheap": (1, 1, 1, 0), "dear": (0, 2, 1, 20)}, "dear"),
        ({"cheap": (5, 1, 1, 0), "dear": (2, 2, 1, 0)}, "cheap"),
        ({"heavy": (2, 1, 9, 0), "light": (1, 1, 1, 0)}, "light"),
        # The wait has to exceed the limit, and be for one that costs less.
        ({"cheap": (1, 1, 1, 0), "dear": (0, 2, 1, 25)}, "cheap"),
        ({"busy": (1, 1, 1, 0), "idle": (0, 1, 1, 30)}, "idle"),
        # One that does not say its load has the one that we know of.
        ({"silent": (None, 1, 1, 0), "busy": (1, 1, 1, 0)}, "silent"),
    ],
)
async def test_idle_cheap_and_weighty_ones_come_first(tools, members, chosen):
    pool = build_priced(tools, **members)
    for _ in range(5):
        assert await pool.choose(tools.GRAPH, wait_s=lambda _names: 25.0) == chosen


async def test_only_cheaper_ones_that_may_be_taken_are_waited_for(tools):
    pool = build_priced(tools, cheap=(1, 1, 1, 0), dear=(0, 2, 1, 30))
    waited_for = []

    def wait_s(names):
        waited_for.append(list(names))
        return 0.0

    assert await pool.choose(tools.GRAPH, among=["dear"], wait_s=wait_s) is None
    assert waited_for == [["cheap"]]
    assert pool.is_served(tools.GRAPH, ())
    assert await pool.choose(tools.GRAPH, avoid=["cheap"], wait_s=wait_s) == "dear"
    pool.drain("cheap")
    assert await pool.choose(tools.GRAPH, wait_s=wait_s) == "dear"
    assert len(waited_for) == 1


async def test_a_refusal_is_known_until_a_run_succeeds(build, tools):
    pool = await build(tools.FakeBackend("only"), tools.FakeBackend("other"))
    assert pool.refusals == {}
    pool.note_failure("only", "No credits.", needs_operator=True)
    pool.note_failure("only", "It broke off.")
    pool.note_failure("unknown", "It broke off.")
    assert pool.refusals == {"only": "No credits."}
    pool.note_success("only")
    pool.note_success("unknown")
    assert pool.refusals == {"only": ""}
    pool.note_failure("only", "It broke off.")
    assert "only" in pool.reachable_names, "failures are counted from the last success"


SLEEPER = PowerSettings(wake=("true",))


@pytest.mark.parametrize(
    ("facts", "power", "is_reachable", "failures", "state", "takes_work", "can_be_woken"),
    [
        ({}, PowerSettings(), True, 0, BackendState.READY, True, False),
        ({}, PowerSettings(), True, 1, BackendState.READY, True, False),
        ({}, PowerSettings(), True, 2, BackendState.RESTING, False, False),
        ({}, PowerSettings(), False, 0, BackendState.UNREACHABLE, False, False),
        ({}, SLEEPER, True, 0, BackendState.READY, True, False),
        ({}, SLEEPER, False, 0, BackendState.ASLEEP, False, True),
        ({"is_stopping": True}, SLEEPER, True, 0, BackendState.ASLEEP, False, False),
        ({"is_stopping": True}, SLEEPER, False, 0, BackendState.ASLEEP, False, False),
        ({"is_drained": True}, SLEEPER, False, 0, BackendState.DRAINED, False, False),
        ({"is_drained": True}, PowerSettings(), True, 0, BackendState.DRAINED, False, False),
    ],
)
def test_the_state_of_a_member(
    tools, facts, power, is_reachable, failures, state, takes_work, can_be_woken
):
    backend = tools.FakeBackend("one", is_reachable=is_reachable)
    member = MemberState(PoolMember(backend, power=power), **facts)
    for _ in range(failures):
        member.breaker.note_failure(100.0)
    assert member.state(100.0) is state
    assert (member.takes_work(100.0), member.can_be_woken) == (takes_work, can_be_woken)
    assert not member.member.has_key


async def test_a_load_is_asked_of_several_only_and_without_an_answer_there_is_none(build, tools):
    one, two = tools.FakeBackend("one"), tools.FakeBackend("two")
    one.fetch_load = two.fetch_load = refuse
    assert await (await build(one)).choose(tools.GRAPH) == "one"
    pool = await build(one, two)
    assert await pool.choose(tools.GRAPH, avoid=["one"]) == "two"
    assert await pool.choose(tools.GRAPH) is None


async def test_a_graph_without_models_leaves_those_that_are_loaded(build, tools):
    pool = await build(*(tools.FakeBackend(name) for name in "abc"))
    for name, graph in (("b", tools.GRAPH), ("b", {"1": {"class_type": "KSampler"}})):
        pool.reserve("1", name, graph)
        pool.release("1")
    pool.reserve("2", "unknown", tools.GRAPH)
    assert {await pool.choose(tools.GRAPH) for _ in range(20)} == {"b"}


async def test_what_is_known_of_the_backends_without_a_request(tools):
    stopped = PowerSettings(sleep=("true",))
    pool = BackendPool(
        [
            PoolMember(tools.FakeBackend("on"), concurrency=3),
            PoolMember(tools.FakeBackend("off", is_reachable=False), power=SLEEPER),
            PoolMember(tools.FakeBackend("stops"), power=stopped),
        ]
    )
    assert pool.names == ("on", "off", "stops")
    assert pool.concurrency == {"on": 3, "off": 2, "stops": 2}
    assert pool.powers == {"off": SLEEPER, "stops": stopped}
    with pool.claim("1", "on"):
        assert pool.occupancies == {
            "on": Occupancy(is_reachable=True, generations=1),
            "off": Occupancy(is_reachable=False, generations=0),
            "stops": Occupancy(is_reachable=True, generations=0),
        }
    assert pool.occupancies["on"].generations == 0
    assert pool.find("on").name == "on"
    assert pool.find("none") is None
    assert not pool.weighs_waits
    assert BackendPool([PoolMember(tools.FakeBackend("on"), max_wait_s=1.0)]).weighs_waits


@pytest.mark.parametrize(
    ("is_reachable", "power", "is_any_asleep", "is_any_usable"),
    [
        (True, PowerSettings(), False, True),
        (False, SLEEPER, True, True),
        (False, PowerSettings(), False, False),
    ],
)
def test_a_backend_can_be_used_if_it_answers_or_can_be_started(
    tools, is_reachable, power, is_any_asleep, is_any_usable
):
    away = PoolMember(tools.FakeBackend("away", is_reachable=False))
    pool = BackendPool(
        [away, PoolMember(tools.FakeBackend("one", is_reachable=is_reachable), power=power)]
    )
    assert pool.is_any_reachable is is_reachable
    assert (pool.is_any_asleep, pool.is_any_usable) == (is_any_asleep, is_any_usable)


@pytest.mark.parametrize(
    ("avoid", "woken"),
    [
        ([], "heavy"),
        (["heavy"], "cheap"),
        (["heavy", "cheap"], "dear"),
        (["heavy", "cheap", "dear"], None),
    ],
)
def test_the_cheapest_is_started_and_of_equals_the_weightiest(tools, avoid, woken):
    facts = {"dear": (2.0, 9.0), "cheap": (1.0, 1.0), "heavy": (1.0, 2.0)}
    members = [
        PoolMember(
            tools.FakeBackend(name, is_reachable=False), power=SLEEPER, cost=cost, weight=weight
        )
        for name, (cost, weight) in facts.items()
    ]
    pool = BackendPool([*members, PoolMember(tools.FakeBackend("on"), cost=3.0, power=SLEEPER)])
    assert pool.find_backend_to_wake(tools.GRAPH, avoid=avoid) == woken


async def test_what_is_back_in_service_is_no_longer_resting(build, tools):
    pool = await build(tools.FakeBackend("one"))
    for _ in range(2):
        pool.note_failure("one", "It broke off.")
    assert not pool.is_served(tools.GRAPH, ())
    pool.drain("one")
    pool.resume("one")
    assert pool.is_served(tools.GRAPH, ())
    pool.set_stopping("one", is_stopping=True)
    assert (pool.is_stopping("one"), pool.is_served(tools.GRAPH, ())) == (True, False)
    pool.set_stopping("one", is_stopping=False)
    assert (pool.is_stopping("one"), pool.is_drained("one")) == (False, False)
    for ask in (pool.is_drained, pool.is_stopping, pool.resume):
        with pytest.raises(UnknownBackend):
            ask("none")


async def test_a_problem_is_told_and_takes_nothing_out_of_service(build, tools, caplog):
    pool = await build(tools.FakeBackend("one"))
    pool.note_problem("one", "An old version.")
    pool.note_problem("unknown", "An old version.")
    (status,) = await pool.statuses()
    assert (status.state, status.problem) == (BackendState.READY, "An old version.")
    assert caplog.text.count("An old version.") == 2


async def test_a_status_that_does_not_come_says_so(build, tools, monkeypatch):
    async def never():
        await asyncio.Event().wait()

    monkeypatch.setattr(pool_module, "PROBE_TIMEOUT_S", 0.01)
    hanging, broken = tools.FakeBackend("hanging"), tools.FakeBackend("broken")
    hanging.fetch_load, broken.fetch_load = never, refuse
    pool = await build(hanging, broken)
    statuses = await pool.statuses()
    assert [one.problem for one in statuses] == ["It does not answer in time.", "It broke off."]
    assert [(one.version, one.devices) for one in statuses] == [(None, ())] * 2


async def test_all_are_closed_though_one_cannot_be(build, tools):
    bad, good = tools.FakeBackend("bad"), tools.FakeBackend("good")
    bad.close = refuse
    pool = await build(bad, good)
    await pool.open()
    assert good.is_open
    await pool.close()
    assert not good.is_open
    assert not any("object info" in task.get_name() for task in asyncio.all_tasks())
