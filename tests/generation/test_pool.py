import asyncio
import random

import pytest

from comfy.errors import BackendUnreachable
from generation import pool as pool_module
from generation.pool import BackendPool, PoolMember


@pytest.fixture
def build(tools):
    async def build_(*backends, concurrency=2):
        pool = BackendPool(
            [PoolMember(backend, concurrency) for backend in backends],
            random_source=random.Random(3),  # noqa: S311 - repeatable on purpose
        )
        for backend in backends:
            if backend.is_reachable:
                await pool.refresh(backend.name)
        return pool

    return build_


async def test_the_least_loaded_is_chosen(build, tools):
    pool = await build(tools.FakeBackend("busy", load=2), tools.FakeBackend("idle", load=1))
    assert await pool.choose(tools.GRAPH) == "idle"


async def test_what_was_just_handed_over_counts_as_load(build, tools):
    pool = await build(tools.FakeBackend("one"), tools.FakeBackend("two"))
    first = await pool.choose(tools.GRAPH)
    with pool.claim("a", first):
        assert await pool.choose(tools.GRAPH) != first


async def test_what_waits_for_a_backend_counts_as_its_load(build, tools):
    pool = await build(*(tools.FakeBackend(name) for name in "abcd"))
    for number in range(8):
        pool.reserve(str(number), await pool.choose(tools.GRAPH))
    assert sorted(pool._claims.values()) == list("aabbccdd")
    pool.release("0")
    pool.release("0")
    assert len(pool._claims) == 7


async def test_equals_are_chosen_at_random(build, tools):
    pool = await build(*(tools.FakeBackend(name) for name in "abc"))
    assert {await pool.choose(tools.GRAPH) for _ in range(40)} == {"a", "b", "c"}


async def test_only_one_that_has_the_model_is_chosen(build, tools):
    poor = tools.FakeBackend("poor", info=tools.build_object_info(models=("x.safetensors",)))
    rich = tools.FakeBackend("rich", load=9)
    pool = await build(poor, rich)
    assert await pool.choose(tools.GRAPH) == "rich"
    assert pool.choices("CheckpointLoaderSimple", "ckpt_name") == (
        "x.safetensors",
        "alpha.safetensors",
        "beta.safetensors",
    )


async def test_when_none_is_capable_one_may_say_what_it_lacks(build, tools):
    pool = await build(tools.FakeBackend("only"))
    assert await pool.choose({"1": {"class_type": "Nothing", "inputs": {}}}) == "only"
    assert not pool.can_run({"Nothing"})
    assert pool.can_run({"KSampler"})


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
    assert pool.reachable_count == 2


async def test_nothing_reachable_means_none(build, tools):
    pool = await build(tools.FakeBackend("dead", is_reachable=False))
    assert await pool.choose(tools.GRAPH) is None
    assert pool.choices("KSampler", "sampler_name") is None
    assert not pool.is_any_reachable


async def test_what_a_backend_offers_is_learnt_once_it_is_there(tools, monkeypatch, caplog):
    monkeypatch.setattr(pool_module, "REACHABLE_POLL_S", 0.01)
    backend = tools.FakeBackend("late", is_reachable=False)
    asked = []

    async def fetch(*, refresh):
        asked.append(refresh)
        if len(asked) == 1:
            raise BackendUnreachable("not yet")
        return backend.info

    backend.fetch_object_info = fetch
    pool = BackendPool([PoolMember(backend)])
    await pool.open()
    assert not pool.is_informed
    backend.is_reachable = True
    await tools.eventually(lambda: pool.is_informed)
    assert asked == [True, True]
    backend.is_reachable = False
    await asyncio.sleep(0.05)
    backend.is_reachable = True
    await tools.eventually(lambda: len(asked) == 3)
    await pool.close()
    await pool.close()
    assert not backend.is_open
