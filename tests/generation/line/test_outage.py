"""The database goes away or fills up in the middle of the work, and comes back."""

import asyncio
import io
import logging
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import event

from db import migrations
from db.errors import DatabaseUnavailable
from db.repositories.charges import ChargeRepository, Spent
from generation.errors import ServiceUnavailable
from generation.line.engine import destroy_engine, launch_engine
from generation.line.queries import EngineQueries
from generation.line.settings import EngineSettings
from generation.record import GenerationState
from generation.service import utc_now

PEOPLE = (1, 2, 3)
ROOM = 1_000_000
"""Pages of SQLite: as good as no limit."""


async def used(app, user_id):
    with app.database.transaction(read_only=True) as session:
        since = utc_now().replace(year=2020)
        return ChargeRepository(session).usage(user_id, 5, since).spent


def noise():
    """A picture that no file has free pages enough for."""
    buffer = io.BytesIO()
    Image.effect_noise((600, 600), 100).save(buffer, "PNG")
    return buffer.getvalue()


def limit_pages(database):
    """How many pages its SQLite file may have, to be changed at will; and refused statements."""
    pages = {"most": ROOM, "refused": 0}

    def apply(connection):
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages['most']}")

    def count(context):
        pages["refused"] += "full" in str(context.original_exception)

    event.listen(database._engine, "begin", apply)
    event.listen(database._engine, "handle_error", count)
    return pages


def make_read_only_at_will(database):
    """Let SQLite refuse what is written while it is so; and count what it refused."""
    disk = {"is_read_only": False, "refused": 0}

    def apply(connection):
        connection.exec_driver_sql(f"PRAGMA query_only = {int(disk['is_read_only'])}")

    def count(context):
        disk["refused"] += "readonly" in str(context.original_exception)

    event.listen(database._engine, "begin", apply)
    event.listen(database._engine, "handle_error", count)
    return disk


async def test_postgresql_stops_in_mid_run_and_starts_again(
    open_app, own_postgres_server, backend, tools, caplog
):
    server = own_postgres_server
    url = server.url("postgres")
    await migrations.upgrade(url)
    hold = asyncio.Event()
    # Two run at a time. Neither ends before the outage, which would have it told once more.
    backend.script = [tools.Run(hold=hold), tools.Run(hold=hold)]
    caplog.set_level(logging.WARNING)
    async with open_app(url, backend) as app:
        asked = [await app.service.submit(tools.ask(user_id=one)) for one in PEOPLE]
        for one in asked[:2]:
            await app.until_sampled(one.id)

        await asyncio.to_thread(server.stop)
        hold.set()
        with pytest.raises(ServiceUnavailable):
            await app.service.submit(tools.ask(user_id=9))
        await tools.eventually(lambda: "The line waits" in caplog.text)
        await tools.eventually(lambda: backend.running == 0)
        await asyncio.to_thread(server.start_again)

        for one in asked:
            ended = await app.ended(one.id, timeout_s=40)
            assert ended.state is GenerationState.SUCCEEDED
            assert len(app.notifier.told(one.id)) == 1
            assert ended.reply == one.reply
        for user_id in PEOPLE:
            assert (await used(app, user_id)).pictures == 1
        assert await used(app, 9) == Spent(0, 0)
    assert len(backend.submissions) == len(set(backend.submissions)) == len(PEOPLE)
    assert not [one for one in caplog.records if one.exc_info]
    told = Counter(one.name for one in caplog.records)
    assert told["dbos"] <= 1
    assert told["generation.line.lease"] <= 1
    assert caplog.text.count("The line waits") == 1


async def test_queries_of_the_engine_do_not_wait_for_postgresql(own_postgres_server):
    """The engine's own calls would, and try again after a pause that grows to 90 seconds."""
    url = own_postgres_server.url("postgres")
    engine = EngineSettings.beside(url, Path())
    await launch_engine(engine, "limner-0")
    queries = EngineQueries(engine)
    try:
        assert await queries.find_open() == ()
        await asyncio.to_thread(own_postgres_server.stop)
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable):
                await queries.find_open()
        await asyncio.to_thread(own_postgres_server.start_again)
        assert await queries.find_open() == ()
    finally:
        queries.close()
        await destroy_engine()


async def test_a_full_disk_refuses_in_words_and_loses_nothing(
    open_app, sqlite_url, backend, tools, caplog
):
    hold = asyncio.Event()
    backend.script = [tools.Run(pictures=(noise(),), hold=hold)]
    async with open_app(sqlite_url, backend) as app:
        pages = limit_pages(app.database)
        running = await app.service.submit(tools.ask(user_id=PEOPLE[0]))
        await app.until_sampled(running.id)
        waiting = [await app.service.submit(tools.ask(user_id=one)) for one in PEOPLE[1:]]

        # SQLite never goes below the pages there are: the next one it needs does not fit.
        pages["most"] = 1
        with pytest.raises(ServiceUnavailable, match="Try again"):
            await app.service.submit(
                tools.ask(user_id=9, workflow="img2img-sd", files={"image": noise()})
            )
        assert "Make room on that disk" in caplog.text
        hold.set()
        await tools.eventually(lambda: pages["refused"] > 1)
        assert not app.notifier.told(running.id)
        pages["most"] = ROOM

        for one in (running, *waiting):
            ended = await app.ended(one.id, timeout_s=40)
            assert ended.state is GenerationState.SUCCEEDED
            assert len(app.notifier.told(one.id)) == 1
        later = await app.service.submit(tools.ask(user_id=9))
        assert (await app.ended(later.id)).state is GenerationState.SUCCEEDED
        for user_id in (*PEOPLE, 9):
            assert (await used(app, user_id)).pictures == 1
    assert len(backend.submissions) == len(set(backend.submissions)) == len(PEOPLE) + 1
    assert not [one for one in caplog.records if one.exc_info]


async def test_a_disk_that_is_read_only_for_a_while_loses_nothing(
    open_app, sqlite_url, backend, tools, caplog
):
    """So systems mount a disk with errors; once it is mended, work goes on where it was."""
    hold = asyncio.Event()
    backend.script = [tools.Run(hold=hold)]
    async with open_app(sqlite_url, backend) as app:
        disk = make_read_only_at_will(app.database)
        running = await app.service.submit(tools.ask(user_id=PEOPLE[0]))
        await app.until_sampled(running.id)
        waiting = await app.service.submit(tools.ask(user_id=PEOPLE[1]))
        disk["is_read_only"] = True
        with pytest.raises(ServiceUnavailable):
            await app.service.submit(tools.ask(user_id=9))
        before = disk["refused"]
        hold.set()
        await tools.eventually(lambda: disk["refused"] > before + 3)
        assert not app.notifier.told(running.id)
        disk["is_read_only"] = False
        for one in (running, waiting):
            ended = await app.ended(one.id, timeout_s=40)
            assert ended.state is GenerationState.SUCCEEDED
            assert len(app.notifier.told(one.id)) == 1
            assert (await used(app, one.user_id)).pictures == 1
    assert len(backend.submissions) == 2
    assert "begins again" not in caplog.text, "its steps were repeated, as for any outage"
