import asyncio
import os
import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.util import CommandError
from sqlalchemy import MetaData, Table, make_url, text

from db import migrations
from db.base import VERSION_TABLE
from db.database import Database
from db.engine import build_engine
from db.errors import DatabaseOutdated, DatabaseTooNew, DatabaseUnreadable
from db.migrations import MigrationState, scripts
from db.repositories.charges import ChargeRepository
from db.repositories.generations import GenerationFilter, GenerationRepository
from db.repositories.moderation.reviews import ReviewRepository
from db.repositories.outputs import OutputRepository
from db.tables import GuildRow
from db.tables.generations import InputRow, OutputContentRow
from db.urls import normalise_url
from tests.support.postgres import create_database, drop_database
from tests.support.processes import start_program

ROOT = Path(__file__).parents[2]


async def set_revision(url, revision):
    database = Database(url)
    with database.transaction() as session:
        session.execute(text("UPDATE limner_revision SET version_num = :r"), {"r": revision})
    await database.close()


async def test_upgrade_brings_an_empty_database_to_the_head(empty_database_url):
    assert await migrations.current_state(empty_database_url) is MigrationState.EMPTY
    await migrations.upgrade(empty_database_url)
    assert await migrations.current_state(empty_database_url) is MigrationState.CURRENT


async def test_upgrade_twice_changes_nothing(database_url):
    await migrations.upgrade(database_url)
    assert await migrations.current_state(database_url) is MigrationState.CURRENT


async def test_the_migrations_lead_to_the_tables_in_the_code(database_url, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", database_url)
    await asyncio.to_thread(command.check, scripts.config())


def test_postgresql_does_not_compress_files_again(postgres_server, empty_postgres_url):
    asyncio.run(migrations.upgrade(empty_postgres_url))
    name = make_url(empty_postgres_url).database
    stored = postgres_server.execute(
        "SELECT attrelid::regclass || '.' || attname, attstorage FROM pg_attribute"
        " JOIN pg_class ON pg_class.oid = attrelid AND relkind = 'r'"
        " WHERE atttypid = 'bytea'::regtype AND relnamespace = 'public'::regnamespace",
        name,
    )
    assert {column for column, _ in stored} >= {"inputs.content", "output_contents.content"}
    assert {storage for _, storage in stored} == {"e"}, stored


async def test_looking_creates_no_file(tmp_path):
    path = tmp_path / "limner.db"
    assert await migrations.current_state(f"sqlite:///{path}") is MigrationState.EMPTY
    assert not path.exists()


async def test_a_newer_database_is_refused_naming_both_revisions(database_url):
    await set_revision(database_url, "9999")
    assert await migrations.current_state(database_url) is MigrationState.TOO_NEW
    with pytest.raises(DatabaseTooNew, match="9999") as caught:
        await migrations.upgrade(database_url)
    assert scripts.newest_revision() in str(caught.value)
    assert caught.value.found == "9999"


async def test_processes_upgrading_at_the_same_time_all_succeed(
    empty_database_url, monkeypatch, tmp_path
):
    upgraders = [
        await start_program(
            *("-m", "bot", "db", "upgrade"),
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": empty_database_url, "LIMNER_DATA": str(tmp_path)},
            joins_errors=True,
        )
        for _ in range(4)
    ]
    said = [(await upgrader.communicate())[0].decode() for upgrader in upgraders]
    assert [upgrader.returncode for upgrader in upgraders] == [0, 0, 0, 0], said
    assert await migrations.current_state(empty_database_url) is MigrationState.CURRENT
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    await asyncio.to_thread(command.check, scripts.config())


async def test_tables_of_another_program_are_left_alone(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE recipes (id INTEGER PRIMARY KEY)")
    other.close()
    before = path.read_bytes()
    await migrations.current_state(f"sqlite:///{path}")
    with pytest.raises(DatabaseUnreadable, match="recipes"):
        await migrations.upgrade(f"sqlite:///{path}")
    assert path.read_bytes() == before


async def test_using_a_database_before_its_upgrade_says_what_to_run(empty_database_url, tmp_path):
    (tmp_path / "folder").mkdir()
    database = Database(empty_database_url)
    with (
        pytest.raises(DatabaseOutdated, match="limner db upgrade"),
        database.transaction() as session,
    ):
        session.get(GuildRow, 1)
    await database.close()


async def test_migrations_import_no_code_of_the_project():
    for script in (ROOT / "db" / "migrations" / "versions").glob("*.py"):
        lines = script.read_text().splitlines()
        imports = [line for line in lines if line.startswith(("import ", "from "))]
        assert all("sqlalchemy" in line or "alembic" in line for line in imports), script


async def test_alembic_by_hand_reads_the_address_from_the_environment(
    empty_database_url, monkeypatch, tmp_path
):
    (tmp_path / "folder").mkdir()
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    await asyncio.to_thread(command.upgrade, scripts.config(), "head")
    assert await migrations.current_state(empty_database_url) is MigrationState.CURRENT
    await asyncio.to_thread(command.downgrade, scripts.config(), "base")
    assert await migrations.current_state(empty_database_url) is MigrationState.EMPTY
    await migrations.upgrade(empty_database_url)


async def test_alembic_by_hand_asks_for_an_address():
    with pytest.raises(CommandError, match="DATABASE_URL"):
        await asyncio.to_thread(command.upgrade, scripts.config(), "head")


FIRST = "0001"

SAMPLES = {
    bool: False,
    bytes: b"\x89PNG",
    datetime: datetime(2026, 11, 1, tzinfo=UTC),
    int: 1,
    object: {},
    str: "x",
}


def _first_rows(connection):
    """One row in each table of the first version, all belonging together."""
    command.upgrade(scripts.config(connection), FIRST)
    tables = MetaData()
    tables.reflect(connection)
    given = {"id": "k7f3q", "generation_id": "k7f3q", "state": "succeeded", "kind": "charge"}
    given |= {"prompt": "a fox in the snow", "user_id": 7, "guild_id": 5, "seed": "12"}
    numbers = {"outputs": {"id": 1}, "audit": {"id": 1}, "guilds": {"id": 5, "daily_limit": 12}}
    for table in tables.sorted_tables:
        if table.name != VERSION_TABLE:
            own = given | numbers.get(table.name, {})
            samples = {one.name: SAMPLES[one.type.python_type] for one in table.columns}
            row = {name: own.get(name, sample) for name, sample in samples.items()}
            connection.execute(table.insert().values(row))


@contextmanager
def _first_version(database_url):
    """A connection to a database as the first version left it, committed at the end."""
    url = make_url(normalise_url(database_url))
    if url.get_backend_name() == "sqlite":
        Path(str(url.database)).parent.mkdir()
    engine = build_engine(url, for_migrations=True)
    with engine.begin() as connection:
        _first_rows(connection)
        yield connection
    engine.dispose()


async def test_what_the_first_version_kept_is_kept(empty_database_url):
    with _first_version(empty_database_url):
        """Nothing more is recorded."""
    assert await migrations.current_state(empty_database_url) is MigrationState.BEHIND
    await migrations.upgrade(empty_database_url)
    database = Database(empty_database_url)
    with database.transaction() as session:
        generations = GenerationRepository(session)
        found = generations.page(GenerationFilter(search="snow"), limit=5)
        assert [row.id for row in found.rows] == ["k7f3q"]
        (output,) = OutputRepository(session).outputs("k7f3q")
        assert output.thumbnail == b"\x89PNG"
        assert (session.get(OutputContentRow, output.id)).content == b"\x89PNG"
        assert (session.get(InputRow, ("k7f3q", "x"))).content == b"\x89PNG"
        assert (session.get(GuildRow, 5)).pictures == 12
        spent = ChargeRepository(session).usage(7, 5, since=datetime(2026, 1, 1, tzinfo=UTC)).spent
        assert spent.pictures == 1
    await database.close()


async def test_messages_to_moderators_of_earlier_versions_are_not_edited(empty_database_url):
    with _first_version(empty_database_url) as connection:
        command.upgrade(scripts.config(connection), "0021")
        review = {"generation_id": "k7f3q", "state": "refused", "channel_id": 9, "message_id": 11}
        moments = dict.fromkeys(("created_at", "decided_at", "undo_until"), SAMPLES[datetime])
        reviews = Table("reviews", MetaData(), autoload_with=connection)
        connection.execute(reviews.insert().values(review | moments))
    await migrations.upgrade(empty_database_url)
    database = Database(empty_database_url)
    with database.transaction() as session:
        reviews = ReviewRepository(session)
        now = SAMPLES[datetime]
        assert reviews.edits_due(now, 1) == ()
        # Once, when its time to undo ends.
        assert reviews.finish("k7f3q", now)
        assert reviews.edits_due(now, 1) == ("k7f3q",)
    await database.close()


async def test_a_database_without_every_character_is_refused(postgres_server):
    name = create_database(postgres_server, "template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    try:
        for look in (migrations.upgrade, migrations.current_state):
            with pytest.raises(DatabaseUnreadable, match="encoding of the database is SQL_ASCII"):
                await look(postgres_server.url(name))
    finally:
        drop_database(postgres_server, name)
