"""The engine and the one way to a transaction.

`Database.transaction` commits or rolls back, and lets nothing of SQLAlchemy or of a driver out.
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import URL, Connection, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from db.error_translation import translated
from db.errors import DatabaseUnavailable, InvalidDatabaseURL

BUSY_TIMEOUT_MS = 30_000
"""Milliseconds a writer waits for another on SQLite: longer than any of our transactions takes."""

CONNECT_TIMEOUT_S = 10
"""Seconds for reaching a PostgreSQL server: a person waits for the answer."""

COMMAND_TIMEOUT_S = 60
"""Seconds for one statement on PostgreSQL: a dead connection must not hold a generation."""

LAST_TRANSACTIONS_S = 2.0
"""Seconds for transactions that are open when the database is closed."""

Session = AsyncSession
"""What a transaction is, to whom only repositories are opened with it."""

_NO_ADDRESS = (
    "DATABASE_URL is not an address of a database. Write sqlite:///path/to/file.db or "
    "postgresql://user:password@host/name; special characters in the password are written with %, "
    "such as %40 for @."
)
_CLOSED = "Limner is just stopping. Try again in a minute."
_READ_ONLY = "limner_read_only"
_POSTGRESQL_OPTIONS = frozenset({"host", "port", "ssl"})


class Database:
    """One database, SQLite or PostgreSQL. Connects when it is first used."""

    def __init__(self, url: str) -> None:
        self._url = make_url(normalise_url(url))
        self._engine = build_engine(self._url)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._transactions = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._is_closed = False

    def __repr__(self) -> str:
        """Say which database it is, and no secret."""
        return f"Database({describe(self._url)!r})"

    @asynccontextmanager
    async def transaction(self, *, read_only: bool = False) -> AsyncGenerator[AsyncSession]:
        """Open a transaction that is committed at the end, or rolled back on any exception.

        On SQLite a transaction is alone in writing from its start, so that what it reads stays
        true; `read_only` lets it run beside others instead. Raises DatabaseError.
        """
        if self._is_closed:
            raise DatabaseUnavailable(_CLOSED)
        self._transactions += 1
        self._is_idle.clear()
        try:
            with translated(self._url):
                async with self._sessions.begin() as session:
                    await session.connection(execution_options={_READ_ONLY: read_only})
                    yield session
        finally:
            self._transactions -= 1
            if not self._transactions:
                self._is_idle.set()

    async def close(self) -> None:
        """Refuse new transactions, let others end for a moment, and close all connections.

        May be called twice.
        """
        self._is_closed = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_idle.wait(), LAST_TRANSACTIONS_S)
        await self._engine.dispose()


def normalise_url(url: str) -> str:
    """Turn the forms people write into the one that names the async driver.

    Raises InvalidDatabaseURL, whose message never repeats the URL: it may hold a password.
    """
    try:
        parsed = make_url(url.strip())
    except (ArgumentError, ValueError):
        raise InvalidDatabaseURL(_NO_ADDRESS) from None
    if "@" in (parsed.host or ""):
        # The rest of a password: it would be told as where the server is.
        raise InvalidDatabaseURL(_NO_ADDRESS)
    family = parsed.drivername.partition("+")[0]
    if family == "sqlite":
        return _normalise_sqlite(parsed).render_as_string(hide_password=False)
    if family in ("postgresql", "postgres"):
        return _normalise_postgresql(parsed).render_as_string(hide_password=False)
    raise InvalidDatabaseURL(
        f"DATABASE_URL names {family!r}, but Limner keeps its records in SQLite or PostgreSQL "
        "only. Write sqlite:///path/to/file.db or postgresql://user:password@host/name."
    )


def libpq_url(url: str) -> str | None:
    """Write a PostgreSQL URL as every other PostgreSQL program reads it; None for SQLite."""
    parsed = make_url(normalise_url(url))
    if parsed.get_backend_name() != "postgresql":
        return None
    query = {{"ssl": "sslmode"}.get(name, name): value for name, value in parsed.query.items()}
    plain = parsed.set(drivername="postgresql", query=query)
    # SQLAlchemy leaves spaces as they are; PostgreSQL's own library takes none in a URL.
    return plain.render_as_string(hide_password=False).replace(" ", "%20")


def sqlite_files(url: str) -> tuple[Path, ...]:
    """Name the file of a SQLite database and those that SQLite keeps beside it; none otherwise."""
    parsed = make_url(normalise_url(url))
    if parsed.get_backend_name() != "sqlite" or parsed.database is None:
        return ()
    return tuple(Path(parsed.database + ending) for ending in ("", "-wal", "-shm"))


def describe(url: URL) -> str:
    """Say which database it is, without user, password and options."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite file {url.database}"
    host = url.host or url.query.get("host") or "localhost"
    port = f":{url.port}" if url.port else ""
    return f"PostgreSQL database {url.database or ''} at {host}{port}"


def build_engine(url: URL, *, for_migrations: bool = False) -> AsyncEngine:
    """Build an engine for a normalised URL; stored values never show up in its messages.

    Migrations take as long as they need, and rebuild SQLite's tables with foreign keys off:
    dropping the old table would delete what refers to it.
    """
    if url.get_backend_name() == "sqlite":
        engine = create_async_engine(
            url, hide_parameters=True, connect_args={"async_creator_fn": _SQLiteConnection}
        )
        event.listen(engine.sync_engine, "do_connect", _try_opening_sqlite)
        prepare = _prepare_sqlite_for_migrations if for_migrations else _prepare_sqlite
        event.listen(engine.sync_engine, "connect", prepare)
        event.listen(engine.sync_engine, "begin", _begin_sqlite_transaction)
        return engine
    timeouts = {"timeout": CONNECT_TIMEOUT_S}
    if not for_migrations:
        timeouts["command_timeout"] = COMMAND_TIMEOUT_S
    return create_async_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=timeouts)


class _SQLiteConnection(aiosqlite.Connection):
    """A connection that is closed, and whose end can be awaited, whenever its user is cancelled.

    Two things that the driver leaves open. A file opened for somebody who was cancelled meanwhile,
    and one that is closed and stopped at once, would keep its lock until it is collected as
    garbage. Each `stop` is answered by the thread, which ends at the first: SQLAlchemy stops a
    connection while it still closes it gracefully, and that would wait for ever.
    """

    def __init__(self, database: str, **options: Any) -> None:  # noqa: ANN401 - passed on as they are
        super().__init__(self._open_file, iter_chunk_size=64)
        # A thread that waits for another program's lock must not hold up the end of the process.
        self._thread.daemon = True
        self._connect_file = partial(sqlite3.connect, database, **options)
        self._file: sqlite3.Connection | None = None
        self._stopped: asyncio.Future[Any] | None = None

    def stop(self) -> asyncio.Future[Any] | None:
        """Close the file and end the thread, once it has done what it was given."""
        if self._stopped is None:
            self._tx.put_nowait((None, self._close_file))
            self._stopped = super().stop()
        return self._stopped

    def _open_file(self) -> sqlite3.Connection:
        self._file = self._connect_file()
        return self._file

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()


def _normalise_sqlite(url: URL) -> URL:
    if url.database in (None, "", ":memory:") or url.query or url.host:
        raise InvalidDatabaseURL(
            "DATABASE_URL must name a SQLite file that outlives the program, without options, "
            "such as sqlite:///data/limner.db or, with a full path, sqlite:////srv/limner.db."
        )
    return url.set(drivername="sqlite+aiosqlite")


def _normalise_postgresql(url: URL) -> URL:
    query = {{"sslmode": "ssl"}.get(name, name): value for name, value in url.query.items()}
    unknown = sorted(set(query) - _POSTGRESQL_OPTIONS)
    if unknown:
        raise InvalidDatabaseURL(
            f"DATABASE_URL has an option that is not known here: {', '.join(unknown)}. After the "
            "question mark, sslmode, host and port are understood; take the others away."
        )
    return url.set(drivername="postgresql+asyncpg", query=query)


def _try_opening_sqlite(
    _dialect: object, _record: object, arguments: Sequence[Any], _options: object
) -> None:
    # When aiosqlite cannot open a file, its thread still reports to the event loop later on; in a
    # short command that loop is closed by then, and the thread prints a traceback of its own.
    sqlite3.connect(arguments[0]).close()


def _prepare_sqlite(dbapi_connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection has no common type
    pragmas = ("foreign_keys = ON", "synchronous = FULL", "journal_mode = WAL")
    _configure_sqlite(dbapi_connection, pragmas)


def _prepare_sqlite_for_migrations(dbapi_connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection has no common type
    # The journal is left as it is: the file may turn out to be another program's.
    _configure_sqlite(dbapi_connection, ("foreign_keys = OFF", "synchronous = FULL"))


def _configure_sqlite(dbapi_connection: Any, pragmas: Sequence[str]) -> None:  # noqa: ANN401 - a DBAPI connection has no common type
    try:
        # The driver must not begin transactions by itself: it begins too late, and not for reads.
        dbapi_connection.isolation_level = None
        # SQLite folds ASCII only; a search must find "Über" by "über" as PostgreSQL does.
        dbapi_connection.create_function("lower", 1, _lower, deterministic=True)
        cursor = dbapi_connection.cursor()
        for pragma in (f"busy_timeout = {BUSY_TIMEOUT_MS:d}", *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
    except BaseException:
        # The pool does not know it yet, and its thread would outlive the event loop.
        dbapi_connection.close()
        raise


def _begin_sqlite_transaction(connection: Connection) -> None:
    is_read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if is_read_only else "BEGIN IMMEDIATE")


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text
