"""The engine, and transactions: functions that run as a whole in a database thread.

A statement through an asynchronous driver costs several times what it costs in a thread that runs a
whole transaction, so only waiting for these threads is asynchronous here.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from weakref import WeakSet

import psycopg
from sqlalchemy import event, func, make_url, orm, select

from db.engine import POSTGRESQL_CONNECTIONS, READING, build_engine
from db.error_translation import translated
from db.errors import DatabaseUnavailable
from db.table_versions import TableVersions
from db.threads import Threads
from db.urls import describe, normalise_url

TRANSACTION_TIMEOUT_S = 60.0
"""Seconds for a transaction, including the wait for a thread: a frozen server never answers."""

LAST_TRANSACTIONS_S = 2.0
"""Seconds that closing waits for open transactions."""

READERS = 4
"""Threads that read beside those that write: more would wait for the interpreter's lock."""

CHANGES_CHANNEL = "limner_changes"
"""Channel on which processes announce the watched tables that they changed (PostgreSQL)."""

Session = orm.Session
"""The session type, for callers that only open repositories."""

T = TypeVar("T")

_CLOSED = "Limner is just stopping. Try again in a minute."
_TOO_SLOW = "The database does not answer in time. Try again in a moment."


class Database:
    """One database, SQLite or PostgreSQL. Connects when it is first used."""

    def __init__(self, url: str) -> None:
        self._url = make_url(normalise_url(url))
        self._engine = build_engine(self._url)
        self._sessions = orm.sessionmaker(self._engine, expire_on_commit=False)
        if self._url.get_backend_name() == "sqlite":
            # Writers take turns here instead of spinning in SQLite's own wait for the lock.
            self._writers = Threads(1)
        else:
            self._writers = Threads(POSTGRESQL_CONNECTIONS - READERS)
        # Apart, so that checks of requests do not wait behind those that are being recorded.
        self._readers = Threads(READERS)
        self.changes = TableVersions()
        """Writes to tables, of this process and of those that announced theirs."""
        event.listen(self._engine, "after_execute", self.changes.note)
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

    @contextmanager
    def transaction(self, *, read_only: bool = False) -> Generator[Session]:
        """Open a transaction in this thread, committed at the end or rolled back on an exception.

        On SQLite a transaction holds the write lock from its start, so that what it reads stays
        valid; `read_only` lets it run beside others instead. On PostgreSQL each statement of a
        `read_only` one is committed by itself. Raises DatabaseError.
        """
        if self._is_closed:
            raise DatabaseUnavailable(_CLOSED)
        options = READING[self._url.get_backend_name()] if read_only else None
        with translated(self._url), self._sessions() as session:
            try:
                with self.changes.collecting() as changed, session.begin():
                    session.connection(execution_options=options)
                    yield session
                    # Delivered with the commit, never after a rollback:
                    # https://www.postgresql.org/docs/current/sql-notify.html
                    if changed and self._url.get_backend_name() == "postgresql":
                        announcement = func.pg_notify(CHANGES_CHANNEL, ",".join(sorted(changed)))
                        session.execute(select(announcement))
            finally:
                if self._is_closed:
                    # The disposed pool would not close a connection that is returned to it.
                    session.invalidate()

    def checkpoint(self) -> None:
        """Move what was written from SQLite's journal to the file, in the background.

        If that fails, a later commit does so.
        """
        if self._url.get_backend_name() == "sqlite" and not self._is_closed:
            self._track(self._readers.submit(self._checkpoint))

    async def close(self) -> None:
        """Refuse new transactions, wait a moment for open ones, and close all connections.

        May be called twice.
        """
        self._is_closed = True
        if self._pending:
            await asyncio.wait(self._pending, timeout=LAST_TRANSACTIONS_S)
        if self._pending:
            # Nothing else interrupts a thread that waits for a server which does not answer.
            for connection in tuple(self._sockets):
                _shut_down_socket(connection)
        self._engine.dispose()
        self._writers.stop()
        self._readers.stop()

    async def _run(self, threads: Threads, work: Callable[[Session], T], *, read_only: bool) -> T:
        if self._is_closed:
            raise DatabaseUnavailable(_CLOSED)
        is_abandoned = threading.Event()

        def refuse_if_abandoned() -> None:
            if is_abandoned.is_set():
                raise DatabaseUnavailable(_TOO_SLOW)

        def call() -> T:
            refuse_if_abandoned()
            with self.transaction(read_only=read_only) as session:
                # The caller may have given up while this waited for the lock.
                refuse_if_abandoned()
                return work(session)

        pending = self._track(threads.submit(call))
        try:
            # `wait` cancels nothing: `close` waits for transactions whose caller gave up.
            await asyncio.wait({pending}, timeout=TRANSACTION_TIMEOUT_S)
            if not pending.done():
                raise DatabaseUnavailable(_TOO_SLOW)
            return pending.result()
        finally:
            # A call that still waits for its thread or the lock must not run without its caller.
            is_abandoned.set()

    def _checkpoint(self) -> None:
        connection = self._engine.raw_connection()
        try:
            # Waits for no other connection: https://www.sqlite.org/pragma.html
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            if self._is_closed:
                connection.invalidate()
            connection.close()

    def _track(self, call: Future[T]) -> asyncio.Future[T]:
        """Return the future of a call in a thread; `close` waits for it."""
        pending = asyncio.wrap_future(call)
        self._pending.add(pending)
        pending.add_done_callback(self._forget)
        return pending

    def _forget(self, pending: asyncio.Future[Any]) -> None:
        self._pending.discard(pending)
        if not pending.cancelled():
            pending.exception()  # retrieved, or asyncio would log it if the caller gave up

    def _remember(self, connection: Any) -> None:  # noqa: ANN401 - a DBAPI connection has no common type
        if self._url.get_backend_name() == "postgresql":
            self._sockets.add(connection)


def _shut_down_socket(connection: Any) -> None:  # noqa: ANN401 - a DBAPI connection has no common type
    """Shut down the socket of a connection in use, which drivers cannot do."""
    # It may have been closed meanwhile, here or there.
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as end:
        end.shutdown(socket.SHUT_RDWR)
