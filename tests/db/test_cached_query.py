"""Results are kept until a table they were read from changes, here or in another process."""

import pytest
from sqlalchemy import select

from db.cached_query import CachedQuery
from db.repositories.guilds import GuildRepository
from db.repositories.people import PersonRepository
from db.tables import GuildRow
from generation.service import utc_now

GUILD = 5


@pytest.fixture
def loads():
    return []


@pytest.fixture
def build_cached(loads):
    def build(database):
        def load(session, guild_id):
            loads.append(guild_id)
            return session.scalar(select(GuildRow.paused).where(GuildRow.id == guild_id))

        return CachedQuery(database, (GuildRow,), load)

    return build


@pytest.fixture
async def cached(database, build_cached):
    await database.write(
        lambda session: GuildRepository(session).get_or_create(GUILD, now=utc_now())
    )
    return build_cached(database)


def pause(session):
    GuildRepository(session).update(GUILD, paused=True)


async def test_a_result_is_read_once_until_its_table_changes(database, cached, loads):
    assert [await cached.get(GUILD) for _ in range(3)] == [False] * 3
    assert loads == [GUILD]
    await database.write(pause)
    assert [await cached.get(GUILD) for _ in range(3)] == [True] * 3
    assert loads == [GUILD] * 2


async def test_what_was_rolled_back_and_other_tables_change_nothing(database, cached, loads):
    def fail(session):
        pause(session)
        raise ZeroDivisionError

    await cached.get(GUILD)
    with pytest.raises(ZeroDivisionError):
        await database.write(fail)
    await database.write(
        lambda session: PersonRepository(session).upsert(
            user_id=1, guild_id=GUILD, name="ana", now=utc_now(), last_request_at=utc_now()
        )
    )
    assert await cached.get(GUILD) is False
    assert loads == [GUILD]


async def test_what_changes_while_it_is_read_is_read_again(database, loads):
    await database.write(
        lambda session: GuildRepository(session).get_or_create(GUILD, now=utc_now())
    )

    def load(session, guild_id):
        loads.append(guild_id)
        if len(loads) == 1:
            with database.transaction() as other:
                pause(other)
        return len(loads)

    cached = CachedQuery(database, (GuildRow,), load)
    assert [await cached.get(GUILD) for _ in range(3)] == [1, 2, 2]


async def test_what_another_process_announces_is_read_again(database, cached, loads):
    await cached.get(GUILD)
    database.changes.count(["people"])
    await cached.get(GUILD)
    assert loads == [GUILD]
    database.changes.count(["guilds", "people"])
    await cached.get(GUILD)
    database.changes.count(None)
    await cached.get(GUILD)
    assert loads == [GUILD] * 3
