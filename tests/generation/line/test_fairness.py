"""Whose turn it is, counted in generations that a backend was handed."""

import asyncio
from datetime import UTC, datetime

import pytest

from db.repositories.guilds import GuildRepository
from db.repositories.policies import PolicyRepository
from generation.quota.guild_settings import Administration
from generation.record import GenerationState
from generation.request import Actor
from generation.runs.runner import build_prompt_id
from generation.service import utc_now

GUILD, PRIORITY = 5, 88
ANA, BEN = 1, 2


@pytest.fixture
def run(tools):
    """One run's hold, for each generation that a backend is handed."""
    holds = []

    def make():
        holds.append(asyncio.Event())
        return tools.Run(hold=holds[-1])

    make.holds = holds
    return make


async def allow(app, **limits):
    with app.database.transaction() as session:
        guilds = GuildRepository(session)
        guilds.get_or_create(GUILD, now=datetime.now(UTC))
        guilds.update(GUILD, cooldown_s=0, pictures=1000, max_waiting=100, max_line=1000, **limits)
        PolicyRepository(session).set_role(GUILD, PRIORITY, has_priority=True)


def handed(backend, generations):
    """Whose generations the backend was handed, in order."""
    owners = {build_prompt_id(one, 0): one.user_id for one in generations}
    return [owners[prompt_id] for prompt_id in backend.submissions]


async def test_who_queues_fifty_delays_anothers_first_by_the_one_that_runs(
    open_app, database_url, backend, tools, run
):
    backend.script = [run() for _ in range(60)]
    async with open_app(database_url, backend) as app:
        await allow(app)
        asked = [await app.service.submit(tools.ask(user_id=ANA)) for _ in range(50)]
        await tools.eventually(lambda: backend.running == 1)
        asked.append(await app.service.submit(tools.ask(user_id=BEN)))
        await tools.eventually(lambda: backend.running == 2)
        # One of ana's runs, and nothing else of hers was handed over before ben's.
        assert handed(backend, asked) == [ANA, BEN]
        for hold in run.holds:
            hold.set()
        assert (await app.ended(asked[-1].id)).state is GenerationState.SUCCEEDED


async def test_everybodys_first_goes_before_anybodys_further_ones(
    open_app, sqlite_url, backend, tools, run
):
    backend.script = [run() for _ in range(9)]
    async with open_app(sqlite_url, backend) as app:
        await allow(app, max_running=3)
        asked = [await app.service.submit(tools.ask(user_id=ANA))]
        await tools.eventually(lambda: backend.running == 1)
        asked += [await app.service.submit(tools.ask(user_id=ANA)) for _ in range(5)]
        assert [one.lane for one in asked] == [0, 1, 2, 0, 1, 2]
        await tools.eventually(lambda: backend.running == 2)
        # Her third waits for a place on the backend; ben's first overtakes it.
        asked.append(await app.service.submit(tools.ask(user_id=BEN)))
        run.holds[0].set()
        await tools.eventually(lambda: len(backend.submissions) == 3)
        assert handed(backend, asked) == [ANA, ANA, BEN]
        for hold in run.holds:
            hold.set()
        for one in asked:
            assert (await app.ended(one.id)).state is GenerationState.SUCCEEDED


async def test_priority_shortens_the_wait_and_starves_nobody(
    open_app, sqlite_url, backend, tools, run
):
    backend.script = [run() for _ in range(40)]
    people, eve = range(1, 9), 50
    async with open_app(sqlite_url, backend) as app:
        await allow(app)
        asked = [
            await app.service.submit(tools.ask(user_id=person))
            for person in people
            for _ in range(2)
        ]
        await tools.eventually(lambda: backend.running == 2)
        asked += [
            await app.service.submit(tools.ask(user_id=eve, role_ids=[PRIORITY])) for _ in range(10)
        ]
        run.holds[0].set()
        await tools.eventually(lambda: len(backend.submissions) == 3)
        # She came last of nine, behind sixteen generations, and has the first place that is free.
        assert handed(backend, asked)[2] == eve
        for hold in run.holds:
            hold.set()
        for one in asked:
            assert (await app.ended(one.id)).state is GenerationState.SUCCEEDED
    order = handed(backend, asked)
    # Not all of hers were made before the others got on: everybody's first went before her last.
    last = len(order) - 1 - order[::-1].index(eve)
    assert all(order.index(person) < last for person in people)


async def test_a_paused_guilds_turn_goes_to_others_and_comes_back(
    open_app, database_url, backend, tools
):
    async with open_app(database_url, backend) as app:
        await allow(app)
        administration = Administration(app.database, utc_now, app.service.refresh_line)
        await administration.set_paused(Actor(1, GUILD), is_paused=True)
        held = [await app.service.submit(tools.ask(user_id=user)) for user in range(1, 7)]
        elsewhere = await app.service.submit(tools.ask(user_id=9, guild_id=None))
        assert (await app.ended(elsewhere.id)).state is GenerationState.SUCCEEDED
        assert backend.submissions == [build_prompt_id(elsewhere, 0)]
        line = await app.service.line(GUILD, 1)
        assert [entry.is_paused for entry in line.entries] == [True]
        await app.service.cancel(held[0].id, user_id=1)
        assert (await app.ended(held[0].id)).state is GenerationState.CANCELLED
        await administration.set_paused(Actor(1, GUILD), is_paused=False)
        for one in held[1:]:
            assert (await app.ended(one.id)).state is GenerationState.SUCCEEDED
        assert len(backend.submissions) == len(held)
