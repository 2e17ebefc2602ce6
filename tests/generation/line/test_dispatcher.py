"""Turns are given by what happens, and wait for no timer."""

import asyncio
from dataclasses import replace

import pytest
from dbos import DBOS

from generation.backends.members import PoolMember
from generation.record import GenerationState
from generation.runs.runner import RunLimits

NEVER_S = 3600.0


@pytest.fixture
def open_untimed(open_app, tools):
    """A service whose timers do not come round while a test lasts."""

    def open_(url, *backends, **options):
        timings = replace(tools.QUICK, reconcile_s=NEVER_S)
        limits = RunLimits(pause_s=NEVER_S)
        return open_app(url, *backends, timings=timings, limits=limits, **options)

    return open_


async def test_no_queue_of_the_engine_is_looked_at(open_untimed, database_url, backend):
    async with open_untimed(database_url, backend):
        assert await DBOS.list_queues_async() == []


async def test_what_is_accepted_starts_by_itself(open_untimed, database_url, backend, tools):
    async with open_untimed(database_url, backend) as app:
        accepted = await app.service.submit(tools.ask())
        assert (await app.ended(accepted.id)).state is GenerationState.SUCCEEDED


async def test_several_of_one_person_follow_each_other(
    open_untimed, database_url, backend, tools, unhurried
):
    async with open_untimed(database_url, backend) as app:
        await unhurried(app)
        asked = [await app.service.submit(tools.ask()) for _ in range(4)]
        for one in asked:
            assert (await app.ended(one.id)).state is GenerationState.SUCCEEDED
        assert backend.most_running == 1


async def test_the_next_is_handed_over_before_the_first_was_told(
    open_untimed, sqlite_url, backend, tools, unhurried
):
    told = asyncio.Event()
    async with open_untimed(sqlite_url, backend) as app:
        await unhurried(app)
        deliver = app.notifier.deliver

        async def deliver_later(generation, contents):
            await told.wait()
            return await deliver(generation, contents)

        app.notifier.deliver = deliver_later
        for _ in range(2):
            await app.service.submit(tools.ask())
        await tools.eventually(lambda: len(backend.submissions) == 2)
        assert not app.notifier.deliveries
        told.set()


async def test_what_comes_next_is_uploaded_while_the_first_runs(
    open_untimed, sqlite_url, backend, tools, unhurried
):
    hold = asyncio.Event()
    backend.script.append(tools.Run(hold=hold))
    async with open_untimed(sqlite_url, backend) as app:
        await unhurried(app)
        first = await app.service.submit(tools.ask())
        await app.until(first.id, GenerationState.RUNNING)
        image = {"image": tools.build_picture(colour="blue")}
        second = await app.service.submit(tools.ask(workflow="img2img-sd", files=image))
        await tools.eventually(lambda: backend.uploads)
        assert len(backend.submissions) == 1
        hold.set()
        assert (await app.ended(second.id)).state is GenerationState.SUCCEEDED
        assert len(backend.uploads) == 1


async def test_a_cancelled_one_lets_the_next_in(
    open_untimed, database_url, backend, tools, unhurried
):
    backend.script.append(tools.Run(hold=asyncio.Event()))
    async with open_untimed(database_url, backend) as app:
        await unhurried(app)
        first = await app.service.submit(tools.ask())
        second = await app.service.submit(tools.ask())
        await app.until(first.id, GenerationState.RUNNING)
        await app.service.cancel(first.id, user_id=1)
        assert (await app.ended(first.id)).state is GenerationState.CANCELLED
        assert (await app.ended(second.id)).state is GenerationState.SUCCEEDED


async def test_what_waits_for_a_backend_starts_when_it_is_back(open_app, sqlite_url, tools):
    backend = tools.FakeBackend("only", is_reachable=False)
    async with open_app(
        sqlite_url, backend, timings=replace(tools.QUICK, reconcile_s=NEVER_S)
    ) as app:
        accepted = await app.service.submit(tools.ask())
        backend.is_reachable = True
        assert (await app.ended(accepted.id)).state is GenerationState.SUCCEEDED


@pytest.mark.parametrize(("max_wait_s", "second"), [(1000.0, "cheap"), (0.05, "dear")])
async def test_a_dearer_one_waits_for_its_time(
    open_app, sqlite_url, tools, unhurried, max_wait_s, second
):
    cheap, dear = tools.FakeBackend("cheap"), tools.FakeBackend("dear")
    cheap.script.append(tools.Run(hold=(hold := asyncio.Event())))
    members = (
        PoolMember(cheap, concurrency=1),
        PoolMember(dear, cost=1.0, max_wait_s=max_wait_s),
    )
    async with open_app(sqlite_url, *members) as app:
        await unhurried(app)
        first = await app.service.submit(tools.ask())
        await app.until(first.id, GenerationState.RUNNING)
        accepted = await app.service.submit(tools.ask(user_id=2))
        if second == "dear":
            assert (await app.ended(accepted.id)).backend == "dear"
        hold.set()
        assert (await app.ended(accepted.id)).backend == second
        assert (await app.ended(first.id)).backend == "cheap"
