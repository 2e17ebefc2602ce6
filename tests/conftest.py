"""What every test may ask for: a scrubbed environment, and fresh databases of both kinds."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from benchmarks.postgres import PostgresServer, running_postgres
from db import migrations
from db.database import Database
from generation.marking.keys import KEY_FILE, make_key
from tests.support import collected, compiled_statements
from tests.support.certificates import Authority
from tests.support.logs import logging_restored
from tests.support.postgres import MigratedDatabases, create_database, drop_database
from tests.support.running_service import migrate_engine

# Examples are judged by what comes out, not by how long a busy machine takes.
settings.register_profile("untimed", settings.default, deadline=None)
settings.load_profile("untimed")

compiled_statements.share()

pytest_collection_modifyitems = collected.keep_processes_busy
pytest_collection_finish = collected.freeze
pytest_runtest_logfinish = collected.forget_servers


@pytest.fixture(autouse=True)
def _scrubbed_environment(monkeypatch):
    """Whatever is set outside, a test sees none of the program's settings."""
    for name in list(os.environ):
        is_setting = name.startswith("LIMNER_") and not name.startswith("LIMNER_TEST_")
        if is_setting or name in ("DISCORD_TOKEN", "COMFYUI_URLS", "DATABASE_URL"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logging_restored():
    """Whatever a test sets up to log, the next one's records reach its `caplog`."""
    with logging_restored():
        yield


@pytest.fixture
def no_test_variables(monkeypatch):
    """The variables that tests themselves read, such as LIMNER_TEST_COMFYUI_URL, are unset.

    They are none of Limner's settings, and it says so of each when it starts.
    """
    for name in [name for name in os.environ if name.startswith("LIMNER_TEST_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def make_certificate(tmp_path_factory):
    """Sign a certificate; returns the authority's file and the server's context."""
    return Authority(tmp_path_factory.mktemp("authority")).sign


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def own_postgres_server() -> Iterator[PostgresServer]:
    """A server of this test's own, which it may stop and start again."""
    with running_postgres(keeps_commits=True) as server:
        yield server


@pytest.fixture(scope="session")
def migrated_postgres_databases(postgres_server) -> MigratedDatabases:
    return MigratedDatabases(postgres_server)


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    asyncio.run(migrations.upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def migrated_engine_file(tmp_path_factory) -> Path:
    """The engine's file with its tables: making them takes it a second, on every first start."""
    path = tmp_path_factory.mktemp("engine") / "engine.db"
    asyncio.run(migrate_engine(path))
    return path


@pytest.fixture(scope="session")
def signing_key_file(tmp_path_factory) -> Path:
    """A key for Content Credentials: each is made in a process of its own."""
    path = tmp_path_factory.mktemp("key") / KEY_FILE
    make_key(path)
    return path


@pytest.fixture
def empty_postgres_url(postgres_server) -> Iterator[str]:
    """A PostgreSQL database without any table."""
    name = create_database(postgres_server, "template0")
    yield postgres_server.url(name)
    drop_database(postgres_server, name)


@pytest.fixture
def postgres_url(postgres_server, migrated_postgres_databases) -> Iterator[str]:
    """A PostgreSQL database of its own for this test, with our tables."""
    name = migrated_postgres_databases.take()
    yield postgres_server.url(name)
    migrated_postgres_databases.give_back(name)


@pytest.fixture
def sqlite_url(migrated_sqlite_file, tmp_path) -> str:
    """A SQLite file of its own for this test, with our tables."""
    path = tmp_path / "limner.db"
    shutil.copyfile(migrated_sqlite_file, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request) -> str:
    """A database with our tables; the test runs once on each kind."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request, tmp_path) -> str:
    """A database without tables (on SQLite not even the file); once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'folder' / 'limner.db'}"
    return request.getfixturevalue("empty_postgres_url")


@pytest.fixture
async def database(database_url):
    """An open Database of each kind, with our tables."""
    opened = Database(database_url)
    yield opened
    await opened.close()
