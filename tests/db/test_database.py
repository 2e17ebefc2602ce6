import asyncio
import os
import sqlite3
import threading
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url, select, text

from db.database import Database
from db.engine import IDLE_TRANSACTION_TIMEOUT_S
from db.error_translation import translated
from db.errors import (
    Conflict,
    DatabaseDenied,
    DatabaseError,
    DatabaseFull,
    DatabaseUnavailable,
    DatabaseUnreadable,
    InvalidDatabaseURL,
    Unstorable,
)
from db.repositories.charges import ChargeRepository
from db.tables import GuildRow
from db.urls import libpq_url, normalise_url
from tests.support.waiting import eventually

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "hunter2"


async def guild_ids(database):
    return await database.read(
        lambda session: list(session.scalars(select(GuildRow.id).order_by(GuildRow.id)))
    )


async def add_guild(database, *statements, read_only=False, **columns):
    def add(session):
        for statement in statements:
            session.execute(text(statement))
        session.add(GuildRow(**({"id": 1, "created_at": NOW} | columns)))
        session.flush()

    await (database.read if read_only else database.write)(add)


def cut_connections(postgres_server, url):
    name = url.rpartition("/")[2]
    postgres_server.execute(
        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608 - a name of our own
    )


async def test_a_checkpoint_moves_the_journal_to_the_file(sqlite_url):
    database = Database(sqlite_url)

    def is_in_file():
        return b"Some/Where" in Path(make_url(sqlite_url).database).read_bytes()

    await add_guild(database, timezone="Some/Where")
    assert not is_in_file()
    database.checkpoint()
    await eventually(is_in_file)
    await database.close()
    database.checkpoint()
    await use(sqlite_url)


async def use(url):
    database = Database(url)
    try:
        await database.write(lambda session: session.execute(text("SELECT 1")))
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("written", "normalised"),
    [
        ("sqlite:///data/limner.db", "sqlite+pysqlite:///data/limner.db"),
        ("sqlite+aiosqlite:////srv/x.db", "sqlite+pysqlite:////srv/x.db"),
        (" sqlite:///x.db\n", "sqlite+pysqlite:///x.db"),
        ("postgresql://u:p@h/d", "postgresql+psycopg://u:p@h/d"),
        ("postgres://u:p%40@h:1/d", "postgresql+psycopg://u:p%40@h:1/d"),
        ("postgresql+asyncpg://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+psycopg2://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+asyncpg://h/d?ssl=require", "postgresql+psycopg://h/d?sslmode=require"),
        ("postgresql://h/d?sslmode=require", "postgresql+psycopg://h/d?sslmode=require"),
    ],
)
def test_the_forms_people_write_are_understood(written, normalised):
    assert normalise_url(written) == normalised
    assert normalise_url(normalised) == normalised


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("", "not an address"),
        (f"u:{SECRET}@host", "not an address"),
        (f"postgresql://u:{SECRET}@host:port/d", "not an address"),
        (f"postgresql://u:p@{SECRET}@h/d", "%40 for @"),
        (f"mysql://u:{SECRET}@h/d", "'mysql'"),
        ("sqlite://", "file"),
        ("sqlite:///:memory:", "file"),
        ("sqlite:///x.db?mode=ro", "options"),
        (f"postgresql://u:{SECRET}@h/d?application_name=x", "application_name"),
    ],
)
def test_other_addresses_are_refused_without_repeating_the_password(written, hint):
    with pytest.raises(InvalidDatabaseURL, match=hint) as caught:
        normalise_url(written)
    assert SECRET not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_address_for_other_postgresql_programs():
    assert libpq_url("postgres://u:p@h/d?sslmode=require") == "postgresql://u:p@h/d?sslmode=require"
    assert libpq_url("sqlite:///x.db") is None


async def test_no_secret_shows_in_a_representation():
    database = Database(f"postgresql://ana:{SECRET}@db.example:5433/limner")
    assert repr(database) == "Database('PostgreSQL database limner at db.example:5433')"
    await database.close()
    await database.close()


async def test_a_transaction_commits_at_its_end(database):
    with database.transaction() as session:
        session.add(GuildRow(id=1, created_at=NOW))
    assert await guild_ids(database) == [1]


@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError()])
async def test_a_transaction_rolls_back_on_any_exception_and_lets_it_through(database, error):
    async def fail_late():
        with database.transaction() as session:
            session.add(GuildRow(id=1, created_at=NOW))
            session.flush()
            raise error

    with pytest.raises(type(error)):
        await fail_late()
    assert await guild_ids(database) == []


async def test_an_id_used_twice_is_a_conflict(database):
    await add_guild(database)
    with pytest.raises(Conflict):
        await add_guild(database)


async def test_what_the_caller_read_stays_true_until_it_writes(database, database_url):
    """Two transactions that read before they write must not both see the same state."""

    def add_next(session):
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("LOCK TABLE guilds"))
        seen = session.scalar(text("SELECT count(*) FROM guilds"))
        session.add(GuildRow(id=seen + 1, created_at=NOW))

    others = [Database(database_url) for _ in range(3)]
    await asyncio.gather(*(one.write(add_next) for one in (database, *others) * 2))
    for one in others:
        await one.close()
    assert await guild_ids(database) == list(range(1, 9))


async def test_a_reader_does_not_wait_for_a_writer(database):
    with database.transaction() as session:
        session.add(GuildRow(id=1, created_at=NOW))
        session.flush()
        assert await guild_ids(database) == []


async def test_sqlite_is_set_up_for_many_readers_and_checked_references(sqlite_url):
    database = Database(sqlite_url)
    with database.transaction() as session:
        pragmas = ("journal_mode", "foreign_keys", "busy_timeout")
        found = [session.scalar(text(f"PRAGMA {name}")) for name in pragmas]
    await database.close()
    assert found == ["wal", 1, 30_000]


async def test_the_first_connections_may_come_all_at_once(sqlite_url):
    """The first one changes the file's journal, and the others must wait for it."""
    databases = [Database(sqlite_url) for _ in range(8)]
    await asyncio.gather(*(add_guild(one, id=number) for number, one in enumerate(databases)))
    assert await guild_ids(databases[0]) == list(range(8))
    for one in databases:
        await one.close()


async def test_a_moment_without_time_zone_is_refused(database):
    with pytest.raises(DatabaseError):
        await add_guild(database, created_at=NOW.replace(tzinfo=None))


@pytest.mark.parametrize("columns", [{"timezone": "\ud800"}, {"id": 2**63}])
async def test_a_value_that_has_no_place_is_refused(database, columns):
    with pytest.raises(Unstorable):
        await add_guild(database, **columns)
    assert await guild_ids(database) == []


async def test_postgresql_refuses_the_null_character(postgres_url):
    database = Database(postgres_url)
    with pytest.raises(Unstorable):
        await add_guild(database, timezone="a\x00b")
    await database.close()


class Blocker:
    """A function for a transaction that stays in it until it is released."""

    def __init__(self):
        self.begun, self.released = threading.Event(), threading.Event()

    def __call__(self, session):
        session.add(GuildRow(id=1, created_at=NOW))
        session.flush()
        self.begun.set()
        self.released.wait(60)

    async def begin(self, database):
        task = asyncio.create_task(database.write(self))
        await asyncio.to_thread(self.begun.wait, 60)
        return task


async def test_a_transaction_whose_caller_is_cancelled_runs_to_its_end(database):
    stay = Blocker()
    staying = await stay.begin(database)
    staying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await staying
    stay.released.set()
    await add_guild(database, id=2)
    assert await guild_ids(database) == [1, 2]


async def test_a_writer_cancelled_before_its_turn_writes_nothing(sqlite_url):
    database, stay = Database(sqlite_url), Blocker()
    staying = await stay.begin(database)
    waiting = [asyncio.create_task(add_guild(database, id=number)) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
    stay.released.set()
    await staying
    await add_guild(database, id=5)
    assert await guild_ids(database) == [1, 5]
    await database.close()


async def test_a_writer_cancelled_while_it_waits_for_another_program_writes_nothing(sqlite_url):
    database = Database(sqlite_url)
    path = make_url(sqlite_url).database
    assert await guild_ids(database) == []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(add_guild(database, id=2))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        other.execute("ROLLBACK")
    await add_guild(database, id=5)
    assert await guild_ids(database) == [5]
    await database.close()


async def test_a_folder_instead_of_a_file(tmp_path):
    with pytest.raises(DatabaseUnreadable, match="cannot be opened"):
        await use(f"sqlite:///{tmp_path}")


async def test_a_file_in_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(DatabaseUnreadable, match="folder exists"):
        await use(f"sqlite:///{tmp_path / 'missing' / 'limner.db'}")


async def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "limner.db"
    path.write_text("Dear diary, today I made a fox in the snow. " * 50)
    with pytest.raises(DatabaseUnreadable, match="not a database"):
        await use(f"sqlite:///{path}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_file_without_permission(sqlite_url, tmp_path):
    (tmp_path / "limner.db").chmod(0)
    with pytest.raises(DatabaseUnreadable, match="may read"):
        await use(sqlite_url)


async def test_a_file_that_this_user_may_not_write(sqlite_url):
    database = Database(sqlite_url)
    with pytest.raises(DatabaseUnreadable, match="write permission"):
        await add_guild(database, "PRAGMA query_only = ON", read_only=True)
    await database.close()


async def test_a_file_that_another_program_holds(sqlite_url, tmp_path):
    database = Database(sqlite_url)
    with closing(sqlite3.connect(tmp_path / "limner.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailable, match="held by another"):
            await add_guild(database, "PRAGMA busy_timeout = 0", read_only=True)
    await database.close()


async def test_a_disk_without_space(sqlite_url):
    database = Database(sqlite_url)
    # SQLite never goes below the pages there are: the next one it needs does not fit.
    with pytest.raises(DatabaseFull, match="Make room"):
        await add_guild(database, "PRAGMA max_page_count = 1", timezone="x" * 100_000)
    await database.close()


async def test_a_server_that_does_not_answer(unused_tcp_port):
    with pytest.raises(DatabaseUnavailable, match=f"127.0.0.1:{unused_tcp_port}") as caught:
        await use(f"postgresql://ana:{SECRET}@127.0.0.1:{unused_tcp_port}/limner")
    assert SECRET not in str(caught.value)


async def test_a_host_that_does_not_exist():
    with pytest.raises(DatabaseUnavailable, match=r"host\.invalid"):
        await use("postgresql://ana@host.invalid/limner")


async def test_a_wrong_password(postgres_server):
    url = postgres_server.url("postgres").replace("guards", SECRET)
    with pytest.raises(DatabaseDenied, match="password") as caught:
        await use(url)
    assert SECRET not in str(caught.value)


async def test_a_database_that_the_server_does_not_have(postgres_server):
    with pytest.raises(DatabaseDenied, match="'missing'"):
        await use(postgres_server.url("missing"))


async def test_a_connection_that_the_server_cut_is_replaced(postgres_server, postgres_url):
    database = Database(postgres_url)
    assert await guild_ids(database) == []
    cut_connections(postgres_server, postgres_url)
    assert await guild_ids(database) == []
    await database.close()


async def test_a_connection_cut_in_a_transaction_is_unavailable(postgres_server, postgres_url):
    database = Database(postgres_url)

    async def lose_the_connection():
        with database.transaction() as session:
            cut_connections(postgres_server, postgres_url)
            session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        await lose_the_connection()
    assert await guild_ids(database) == []
    await database.close()


async def test_a_transaction_that_stands_still_lets_others_go_on(postgres_url):
    stopped, others = Database(postgres_url), Database(postgres_url)

    async def stand_still():
        with stopped.transaction() as session:
            limit = session.scalar(text("SHOW idle_in_transaction_session_timeout"))
            assert limit == f"{IDLE_TRANSACTION_TIMEOUT_S}s"
            session.execute(text("SET idle_in_transaction_session_timeout = '20ms'"))
            ChargeRepository(session).lock_guild(10)
            await others.write(lambda session: ChargeRepository(session).lock_guild(10))
            session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        await stand_still()
    assert await guild_ids(stopped) == []
    await stopped.close()
    await others.close()


async def test_stored_values_never_show_in_an_error(database):
    await add_guild(database)
    with pytest.raises(Conflict) as caught:
        await add_guild(database, timezone=SECRET)
    error = caught.value
    while error is not None:
        assert SECRET not in str(error)
        error = error.__cause__


def test_socket_errors_of_others_pass(sqlite_url):
    with pytest.raises(ConnectionRefusedError), translated(make_url(sqlite_url)):
        raise ConnectionRefusedError


async def test_a_closed_database_begins_no_transaction_and_lets_open_ones_end(database):
    stay = Blocker()
    staying = await stay.begin(database)
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    with pytest.raises(DatabaseUnavailable, match="stopping"):
        await guild_ids(database)
    assert not closing.done()
    stay.released.set()
    await staying
    await closing


async def test_closing_does_not_wait_for_another_program(sqlite_url):
    database = Database(sqlite_url)
    with closing(sqlite3.connect(make_url(sqlite_url).database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(add_guild(database))
        await asyncio.sleep(0)
        await database.close()
        other.execute("ROLLBACK")
        with suppress(DatabaseUnavailable):
            await waiting


async def test_closing_ends_what_waits_for_a_frozen_postgresql(postgres_url):
    database, begun = Database(postgres_url), threading.Event()

    def wait(session):
        begun.set()
        session.execute(text("SELECT pg_sleep(50)"))

    waiting = asyncio.create_task(database.read(wait))
    await asyncio.to_thread(begun.wait, 60)
    await database.close()
    with pytest.raises(DatabaseUnavailable):
        await waiting
