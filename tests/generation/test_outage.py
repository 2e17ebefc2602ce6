"""The database goes away in the middle of the work, and comes back."""

import asyncio
import logging
from collections import Counter

import pytest

from db import migrations
from db.quotas import ChargeRepository, Spent
from generation.errors import ServiceUnavailable
from generation.record import GenerationState
from generation.service import utc_now

PEOPLE = (1, 2, 3)


async def used(house, user_id):
    async with house.database.transaction(read_only=True) as session:
        since = utc_now().replace(year=2020)
        return await ChargeRepository(session).usage(user_id, 5, since)


async def test_postgresql_stops_in_mid_run_and_starts_again(
    open_house, own_postgres_server, backend, tools, caplog
):
    server = own_postgres_server
    url = server.url("postgres")
    await migrations.upgrade(url)
    hold = asyncio.Event()
    backend.script = [tools.Run(hold=hold)]
    caplog.set_level(logging.WARNING)
    async with open_house(url, backend) as house:
        running = await house.service.submit(tools.ask(user_id=PEOPLE[0]))
        await house.until_sampled(running.id)
        waiting = [await house.service.submit(tools.ask(user_id=one)) for one in PEOPLE[1:]]

        await asyncio.to_thread(server.stop)
        hold.set()
        with pytest.raises(ServiceUnavailable):
            await house.service.submit(tools.ask(user_id=9))
        await tools.eventually(lambda: "cannot use its tables just now" in caplog.text)
        await tools.eventually(lambda: backend.running == 0)
        await asyncio.to_thread(server.start_again)

        for one in (running, *waiting):
            ended = await house.ended(one.id, timeout_s=40)
            assert ended.state is GenerationState.SUCCEEDED
            assert len(house.audience.told(one.id)) == 1
            assert ended.reply == one.reply
        for user_id in PEOPLE:
            assert (await used(house, user_id)).pictures == 1
        assert await used(house, 9) == Spent(0, 0)
    assert len(backend.submissions) == len(set(backend.submissions)) == len(PEOPLE)
    assert not [one for one in caplog.records if one.exc_info]
    told = Counter(one.name for one in caplog.records)
    assert told["dbos"] == 1
    assert told["generation.line.lease"] <= 1
    assert told["generation.line.line"] <= 1
