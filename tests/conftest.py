"""What every test may ask for: a scrubbed environment, and fresh databases of both kinds."""

import asyncio
import os
import secrets
import shutil
import ssl
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.postgres import PostgresServer, running_postgres
from db import migrations
from db.base import Base
from db.database import Database


@pytest.fixture(autouse=True)
def _scrubbed_environment(monkeypatch):
    """Whatever is set outside, a test sees none of the program's settings."""
    for name in list(os.environ):
        is_setting = name.startswith("LIMNER_") and not name.startswith("LIMNER_TEST_")
        if is_setting or name in ("DISCORD_TOKEN", "COMFYUI_URLS", "DATABASE_URL"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def make_certificate(tmp_path_factory):
    """Certificates signed by an authority of our own; returns its file and a server's context."""
    folder = tmp_path_factory.mktemp("authority")

    def openssl(arguments):
        command = ["openssl", *arguments.split()]
        try:
            subprocess.run(command, check=True, capture_output=True, cwd=folder)  # noqa: S603 - our own arguments
        except FileNotFoundError:
            pytest.skip("makes its certificates with openssl")

    openssl(
        "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=Authority "
        "-addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.pem"
    )

    def make(name="IP:127.0.0.1", days=2):
        stem = uuid.uuid4().hex
        (folder / f"{stem}.ext").write_text(
            f"subjectAltName={name}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        )
        openssl(f"req -newkey rsa:2048 -nodes -subj /CN=server -keyout {stem}.key -out {stem}.csr")
        openssl(
            f"x509 -req -in {stem}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days {days} "
            f"-extfile {stem}.ext -out {stem}.pem"
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / f"{stem}.pem", folder / f"{stem}.key")
        return folder / "ca.pem", context

    return make


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with running_postgres() as server:
        yield server


@pytest.fixture
def own_postgres_server() -> Iterator[PostgresServer]:
    """A server of this test's own, which it may stop and start again."""
    with running_postgres(keeps_commits=True) as server:
        yield server


class MigratedDatabases:
    """Databases with our tables, and nothing in them: emptied after use, since that is quicker."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._template = _create_database(server, "template0")
        asyncio.run(migrations.upgrade(server.url(self._template)))
        self._tables = self._list_tables(self._template)
        self._spare: list[str] = []

    def take(self) -> str:
        """Give one that nobody else has."""
        return self._spare.pop() if self._spare else _create_database(self._server, self._template)

    def give_back(self, name: str) -> None:
        """Empty it for the next one, unless more than rows was changed."""
        self._server.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
            name,
        )
        if self._list_tables(name) != self._tables:
            _drop_database(self._server, name)
            return
        tables = ", ".join(Base.metadata.tables)
        self._server.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE", name)
        self._spare.append(name)

    def _list_tables(self, name: str) -> list[tuple[object, ...]]:
        return self._server.execute(
            "SELECT schemaname, tablename, version_num FROM pg_tables, limner_revision "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2",
            name,
        )


@pytest.fixture(scope="session")
def migrated_postgres_databases(postgres_server) -> MigratedDatabases:
    return MigratedDatabases(postgres_server)


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    asyncio.run(migrations.upgrade(f"sqlite:///{path}"))
    return path


@pytest.fixture
def empty_postgres_url(postgres_server) -> Iterator[str]:
    """A PostgreSQL database without any table."""
    name = _create_database(postgres_server, "template0")
    yield postgres_server.url(name)
    _drop_database(postgres_server, name)


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


def _create_database(server: PostgresServer, template: str) -> str:
    name = f"test_{secrets.token_hex(8)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return name


def _drop_database(server: PostgresServer, name: str) -> None:
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")
