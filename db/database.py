"""The engine, and transactions: functions that run as a whole in a database thread.

A statement through an asynchronous driver costs several times what it costs in a thread that runs a
whole transaction, so only waiting for these threads is asynchronous here.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from types import MappingProxyType
from typing import Any, TypeVar
from weakref import WeakSet

import psycopg
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    UpdateBase,
    create_engine,
    event,
    func,
    make_url,
    orm,
    select,
)
from sqlalchemy.exc import ArgumentError

from db.error_translation import translated
from db.errors import DatabaseUnavailable, InvalidDatabaseURL

BUSY_TIMEOUT_MS = 30_000
"""Milliseconds that a writer waits for another on SQLite: longer than any of our transactions."""

POSTGRESQL_CONNECT_ARGS: Mapping[str, Any] = MappingProxyType(
    {
        "connect_timeout": 10,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25_000,
        "client_encoding": "UTF8",
    }
)
"""Options of libpq, in seconds, `tcp_user_timeout` in milliseconds.

A server that cannot be reached is given up while a person waits, and a dead network drops locks
within half a minute. Keepalive probes are not sent while data is unacknowledged: that is bounded
by `tcp_user_timeout`."""

STATEMENT_TIMEOUT_S = 60
"""Seconds for one statement on PostgreSQL; none of ours takes nearly that long."""

IDLE_TRANSACTION_TIMEOUT_S = 10
"""Seconds between two statements of a transaction before PostgreSQL ends its session.

Otherwise a stopped process or suspended machine would hold its locks, such as a guild's, all the
time, because the system answers TCP's probes. Our transactions wait for nothing between statements;
the longest computation, the digest of the largest result, takes a second.
"""

TRANSACTION_TIMEOUT_S = 60.0
"""Seconds for a transaction, including the wait for a thread: a frozen server never answers."""

LAST_TRANSACTIONS_S = 2.0
"""Seconds that closing waits for open transactions."""

SQLITE_READERS = 4
"""Threads that read beside the writing one: more would wait for the interpreter's lock."""

POSTGRESQL_CONNECTIONS = 8
"""Threads and connections of one process: PostgreSQL allows 100 by default in all."""

CHANGES_CHANNEL = "limner_changes"
"""Channel on which processes announce the watched tables that they changed (PostgreSQL)."""

Session = orm.Session
"""The session type, for callers that only open repositories."""

T = TypeVar("T")

_NO_ADDRESS = (
    "DATABASE_URL is not an address of a database. Write sqlite:///path/to/file.db or "
    "postgresql://user:password@host/name; special characters in the password are written with %, "
    "such as %40 for @."
)
_CLOSED = "Limner is just stopping. Try again in a minute."
_TOO_SLOW = "The database does not answer in time. Try again in a moment."
_READ_ONLY = "limner_read_only"
_POSTGRESQL_LIMITS = (
    f"-c statement_timeout={STATEMENT_TIMEOUT_S}s "
    f"-c idle_in_transaction_session_timeout={IDLE_TRANSACTION_TIMEOUT_S}s"
)
_POSTGRESQL_OPTIONS = frozenset({"host", "port", "sslmode"})


class Database:
    """One database, SQLite or PostgreSQL. Connects when it is first used."""

    def __init__(self, url: str) -> None:
        self._url = make_url(normalise_url(url))
        self._engine = build_engine(self._url)
        self._sessions = orm.sessionmaker(self._engine, expire_on_commit=False)
        if self._url.get_backend_name() == "sqlite":
            # Writers take turns here instead of spinning in SQLite's own wait for the lock.
            self._writers, self._readers = _Threads(1), _Threads(SQLITE_READERS)
        else:
            self._writers = self._readers = _Threads(POSTGRESQL_CONNECTIONS)
        self._changes = _Changes()
        event.listen(self._engine, "after_execute", self._changes.note)
        self._pending: set[asyncio.Future[Any]] = set()
        self._sockets: WeakSet[Any] = WeakSet()
        event.listen(self._engine, "connect", lambda connection, _: self._remember(connection))
        self._is_closed = False

    def __repr__(self) -> str:
        """Describe the database without secrets."""
        return f"Database({describe(self._url)!r})"

    async def read(self, query: Callable[[Session], T]) -> T:
        """Call a function that only reads, in a transaction of its own. Raises DatabaseError."""
        return await self._run(self._readers, query, read_only=True)

    async def write(self, change: Callable[[Session], T]) -> T:
        """Call a function in a transaction that is committed on return.

        It is rolled back on any exception. If the caller is cancelled before the function began, it
        is not called; otherwise it runs to its end and its transaction is committed. Raises
        DatabaseError.
        """
        return await self._run(self._writers, change, read_only=False)

    def version(self, tables: Collection[str]) -> int:
        """Return a number that changes after any write to these tables.

        Writes are counted from the first call for a table.
        """
        return self._changes.version(tables)

    def note_changed(self, tables: Collection[str] | None) -> None:
        """Note that another process wrote to these tables; None stands for all."""
        self._changes.count(tables)

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Generator[Session]:
        """Open a transaction in this thread, committed at the end or rolled back on an exception.

        On SQLite a transaction holds the write lock from its start, so that what it reads stays
        valid; `read_only` lets it run beside others instead. Raises DatabaseError.
        """
        if self._is_closed:
            raise DatabaseUnavailable(_CLOSED)
        with translated(self._url), self._sessions() as session:
            try:
                with self._changes.collecting() as changed, session.begin():
                    session.connection(execution_options={_READ_ONLY: read_only})
                    yield session
                    if changed and self._url.get_backend_name() == "postgresql":
                        announcement = func.pg_notify(CHANGES_CHANNEL, ",".join(sorted(changed)))
                        session.execute(select(announcement))
            finally:
                if self._is_closed:
                    # The pool is gone already, and would not close what comes back to it.
                    session.invalidate()

    async def close(self) -> None:
        """Refuse new transactions, wait a moment for open ones, and close all connections.

        May be called twice.
        """
        self._is_closed = True
        if self._pending:
            await asyncio.wait(self._pending, timeout=LAST_TRANSACTIONS_S)
        if self._pending:
            for connection in tuple(self._sockets):
                _hang_up(connection)
        self._engine.dispose()
        self._writers.stop()
        self._readers.stop()

    async def _run(
        self, threads: "_Threads", work: Callable[[Session], T], *, read_only: bool
    ) -> T:
        if self._is_closed:
            raise DatabaseUnavailable(_CLOSED)
        is_abandoned = threading.Event()

        def refuse_if_abandoned() -> None:
            if is_abandoned.is_set():
                raise DatabaseUnavailable(_TOO_SLOW)

        def call() -> T:
            refuse_if_abandoned()
            with self.transaction(read_only=read_only) as session:
                # The caller may have been told so while this waited for the lock.
                refuse_if_abandoned()
                return work(session)

        pending = asyncio.wrap_future(threads.submit(call))
        self._pending.add(pending)
        pending.add_done_callback(self._forget)
        try:
            async with asyncio.timeout(TRANSACTION_TIMEOUT_S):
                # Waiting cancels nothing: `close` waits for what runs when its caller gave up.
                await asyncio.wait({pending})
                return pending.result()
        except TimeoutError:
            raise DatabaseUnavailable(_TOO_SLOW) from None
        finally:
            is_abandoned.set()

    def _forget(self, pending: asyncio.Future[Any]) -> None:
        self._pending.discard(pending)
        if not pending.cancelled():
            pending.exception()  # whoever it was for may have given up; asyncio would complain

    def _remember(self, connection: Any) -> None:  # noqa: ANN401 - a DBAPI connection has no common type
        if self._url.get_backend_name() == "postgresql":
            self._sockets.add(connection)


class _Changes:
    """Counts committed writes to the tables whose version was requested."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}
        self._counting = threading.Lock()
        self._of_thread = threading.local()

    def version(self, tables: Collection[str]) -> int:
        with self._counting:
            return sum(self._versions.setdefault(table, 0) for table in tables)

    def count(self, tables: Collection[str] | None) -> None:
        with self._counting:
            for table in self._versions:
                if tables is None or table in tables:
                    self._versions[table] += 1

    def note(self, _connection: Connection, statement: object, *_arguments: object) -> None:
        """Note a statement that was executed in this thread."""
        if isinstance(statement, UpdateBase):
            name = getattr(statement.table, "name", "")
            changed = getattr(self._of_thread, "changed", None)
            if name in self._versions and changed is not None:
                changed.add(name)

    @contextmanager
    def collecting(self) -> Generator[set[str]]:
        """Collect the changes of this thread's transaction, and count them when it commits."""
        changed: set[str] = set()
        outer, self._of_thread.changed = getattr(self._of_thread, "changed", None), changed
        try:
            yield changed
        finally:
            self._of_thread.changed = outer
        if changed:
            self.count(changed)


class _Threads:
    """Threads that run calls in order.

    Unlike those of an executor they are not joined when the process ends: one may be waiting for a
    lock of another program.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._is_started = False

    def submit(self, call: Callable[[], T]) -> Future[T]:
        """Queue a call for one of the threads."""
        if not self._is_started:
            self._is_started = True
            for _ in range(self._count):
                threading.Thread(target=self._work, name="database", daemon=True).start()
        future: Future[T] = Future()
        self._calls.put((future, call))
        return future

    def stop(self) -> None:
        """Stop each thread after all calls that are queued. May be called twice."""
        for _ in range(self._count if self._is_started else 0):
            self._calls.put(None)

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            future, call = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
                future.set_exception(error)
            else:
                future.set_result(result)
            # Nothing of it, neither results nor an error's frames, stays while this thread waits.
            del item, future, call
            result = None


def normalise_url(url: str) -> str:
    """Convert common forms of a database URL to the one that names the driver.

    Raises InvalidDatabaseURL, whose message never contains the URL: it may have a password.
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
    """Return the URL in libpq's form; None for SQLite."""
    parsed = make_url(normalise_url(url))
    if parsed.get_backend_name() != "postgresql":
        return None
    plain = parsed.set(drivername="postgresql")
    # SQLAlchemy leaves spaces as they are; PostgreSQL's own library takes none in a URL.
    return plain.render_as_string(hide_password=False).replace(" ", "%20")


def sqlite_files(url: str) -> tuple[Path, ...]:
    """Return the files of a SQLite database, including journals; none for PostgreSQL."""
    parsed = make_url(normalise_url(url))
    if parsed.get_backend_name() != "sqlite" or parsed.database is None:
        return ()
    return tuple(Path(parsed.database + ending) for ending in ("", "-wal", "-shm"))


def describe(url: URL) -> str:
    """Describe the database without user, password and options."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite file {url.database}"
    host = url.host or url.query.get("host") or "localhost"
    port = f":{url.port}" if url.port else ""
    return f"PostgreSQL database {url.database or ''} at {host}{port}"


def build_engine(url: URL, *, for_migrations: bool = False) -> Engine:
    """Build an engine for a normalized URL; stored values never appear in its messages.

    Migrations have no time-out, and rebuild SQLite's tables with foreign keys off: dropping the old
    table would delete the rows that refer to it.
    """
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, hide_parameters=True)
        prepare = _prepare_sqlite_for_migrations if for_migrations else _prepare_sqlite
        event.listen(engine, "connect", prepare)
        event.listen(engine, "begin", _begin_sqlite_transaction)
        return engine
    return create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_size=POSTGRESQL_CONNECTIONS,
        connect_args={
            **POSTGRESQL_CONNECT_ARGS,
            "options": "" if for_migrations else _POSTGRESQL_LIMITS,
        },
    )


def _hang_up(connection: Any) -> None:  # noqa: ANN401 - a DBAPI connection has no common type
    """Shut down the socket of a connection in use, which drivers cannot do."""
    # It may have been closed meanwhile, here or there.
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)


def _normalise_sqlite(url: URL) -> URL:
    if url.database in (None, "", ":memory:") or url.query or url.host:
        raise InvalidDatabaseURL(
            "DATABASE_URL must name a SQLite file that outlives the program, without options, "
            "such as sqlite:///data/limner.db or, with a full path, sqlite:////srv/limner.db."
        )
    return url.set(drivername="sqlite+pysqlite")


def _normalise_postgresql(url: URL) -> URL:
    query = {{"ssl": "sslmode"}.get(name, name): value for name, value in url.query.items()}
    unknown = sorted(set(query) - _POSTGRESQL_OPTIONS)
    if unknown:
        raise InvalidDatabaseURL(
            f"DATABASE_URL has an option that is not known here: {', '.join(unknown)}. After the "
            "question mark, sslmode, host and port are understood; take the others away."
        )
    return url.set(drivername="postgresql+psycopg", query=query)


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
        # The pool does not know it yet.
        dbapi_connection.close()
        raise


def _begin_sqlite_transaction(connection: Connection) -> None:
    is_read_only = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if is_read_only else "BEGIN IMMEDIATE")


def _lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text
