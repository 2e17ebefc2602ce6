"""Exclusive leases on a process's name and on scheduling.

Two live processes with one name would run the same work twice, and two schedulers would assign one
place twice.
"""

import asyncio
import logging
import secrets
import sqlite3
import zlib
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from db.engine import POSTGRESQL_CONNECT_ARGS
from generation.errors import GenerationError, ServiceUnavailable

LOCK_SPACE = 0x4C494D4E
"""First key of our advisory locks, to separate them from other programs' in the same database."""

MAX_SLOTS = 64
"""Processes that may share one PostgreSQL database."""

WORKER, FRONT = "limner-", "limner-bot-"
"""Prefixes of the names of processes that run generations, and of the others."""

TURNS = "limner-turns"
"""Lock of the scheduling process."""

STANDSTILL_S = 20.0
"""Seconds without a statement after which a scheduling process counts as standing still; it reads
the records every five."""

OLD_SESSION_MS = 5_000
"""Milliseconds to wait for the end of our own session whose connection broke."""

CHANNEL = "limner_line"
"""PostgreSQL's NOTIFY channel for messages between processes."""

_log = logging.getLogger(__name__)


class LineTaken(GenerationError):
    """Another process works on the same data, so this one must not."""


class Lease:
    """A lease held until it is released or the process dies; this class is for a lone process."""

    slot = ""
    """The name that is held, stable over restarts."""

    async def release(self) -> None:
        """Release the lease. May be called twice."""

    async def ensure(self) -> bool:
        """Verify the lease; return True if it was lost and acquired again.

        Another process may have held it in between and died. Raises LineTaken if another one holds
        it.
        """
        return False

    async def take_turns(self) -> bool:
        """Become or remain the scheduling process; return False while another one is."""
        return True

    async def peers(self) -> frozenset[str]:
        """Return the names that live processes hold, this one's included."""
        return frozenset({self.slot})

    async def send(self, message: str) -> None:
        """Send a message to all processes, this one included. Raises ServiceUnavailable."""


def takes_work(slot: str) -> bool:
    """Return whether a process with this name runs generations."""
    return slot.startswith(WORKER) and not slot.startswith(FRONT)


class FileLease(Lease):
    """A lock on a file beside the engine's database, for SQLite: one process at a time."""

    def __init__(self, engine_path: Path, *, takes_work: bool = True) -> None:
        self.slot = f"{WORKER if takes_work else FRONT}0"
        self._path = engine_path.with_name(engine_path.name + ".lock")
        self._connection: sqlite3.Connection | None = None

    async def acquire(self) -> "FileLease":
        """Acquire the lease without waiting, or raise LineTaken."""
        await asyncio.to_thread(self._acquire)
        return self

    async def release(self) -> None:
        """Release the lease. May be called twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.to_thread(connection.close)

    def _acquire(self) -> None:
        connection = None
        try:
            connection = sqlite3.connect(
                self._path, isolation_level=None, timeout=0, check_same_thread=False
            )
            # The lock of an open transaction, which the system releases however the process dies.
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if connection is not None:
                connection.close()
            if "locked" not in str(error):
                raise LineTaken(f"The lock file {self._path} cannot be used: {error}.") from error
            raise LineTaken(
                f"Another Limner is already running on {self._path.parent}. "
                "Stop it first, or give this one a folder of its own (LIMNER_DATA)."
            ) from error
        self._connection = connection


class PostgresLease(Lease):
    """A session lock on a name for each process; the first free name is used."""

    def __init__(
        self, url: str, *, takes_work: bool = True, standstill_s: float = STANDSTILL_S
    ) -> None:
        self._url = url
        self._standstill_s = standstill_s
        self._prefix = WORKER if takes_work else FRONT
        self._connection: psycopg.Connection | None = None
        # Tells our sessions from those of others.
        self._session_name = f"limner-lease-{secrets.token_hex(8)}"
        self._slot: int | None = None
        self._turn = asyncio.Lock()
        self._gives_turns = False

    async def acquire(self) -> "PostgresLease":
        """Acquire the first free name, or raise LineTaken."""
        async with self._turn:
            with reaching_postgres():
                await asyncio.to_thread(self._acquire, range(MAX_SLOTS))
        return self

    async def release(self) -> None:
        """Release the lease. May be called twice."""
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                await asyncio.to_thread(connection.close)

    async def ensure(self) -> bool:
        """Acquire the same name again after the connection broke, or raise LineTaken."""
        async with self._turn:
            with reaching_postgres():
                return await asyncio.to_thread(self._ensure)

    async def take_turns(self) -> bool:
        """Become or remain the scheduling process; return False while another one is.

        Ends the session of one that stands still: when it continues, it can send nothing.
        """
        async with self._turn:
            # Asked for only once: a session can take its own lock again.
            if not self._gives_turns:
                with reaching_postgres():
                    self._gives_turns = await asyncio.to_thread(self._take_turns)
            return self._gives_turns

    async def peers(self) -> frozenset[str]:
        """Return the names that live processes hold, from PostgreSQL's list of locks."""
        async with self._turn:
            with reaching_postgres():
                return await asyncio.to_thread(self._list_peers)

    async def send(self, message: str) -> None:
        """NOTIFY all processes, this one included. Raises ServiceUnavailable.

        Uses the connection that holds the locks, so a process that lost them cannot send.
        """
        async with self._turn:
            with reaching_postgres():
                await asyncio.to_thread(self._send, message)

    def _acquire(self, numbers: range) -> None:
        # All session locks went with the old connection, the scheduler's among them.
        self._gives_turns = False
        self._connection = connect(self._url, application_name=self._session_name)
        # On the server's side: a machine that vanished frees its locks within half a minute.
        for setting in ("idle = 10", "interval = 5", "count = 3"):
            with suppress(psycopg.Error):  # unknown over a Unix socket, where it is not needed
                self._connection.execute(f"SET tcp_keepalives_{setting}".encode())
        if self._slot is not None:
            # Where only this side noticed that the connection broke, the server keeps our old
            # session, with its locks, for half a minute more.
            self._connection.execute(
                "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity "
                "WHERE application_name = %s AND pid <> pg_backend_pid()",
                (OLD_SESSION_MS, self._session_name),
            )
        for number in numbers:
            if self._ask("pg_try_advisory_lock", _key(f"{self._prefix}{number}")):
                self._slot, self.slot = number, f"{self._prefix}{number}"
                return
        self._connection.close()
        self._connection = None
        raise LineTaken("Another Limner has taken over the work of this one.")

    def _ensure(self) -> bool:
        try:
            if self._connection is None:
                raise psycopg.OperationalError("not connected")
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            broken, self._connection = self._connection, None
            if broken is not None:
                _log.warning("The connection that holds the line's lease broke; taking it anew.")
                broken.close()
            assert self._slot is not None  # noqa: S101 - ensure comes after acquire
            self._acquire(range(self._slot, self._slot + 1))
            return True
        return False

    def _take_turns(self) -> bool:
        if self._ask("pg_try_advisory_lock", _key(TURNS)):
            return True
        if self._connection is not None:
            ended = self._connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) "
                "WHERE locktype = 'advisory' AND classid = %s AND objid = %s AND granted "
                "AND database = datid AND datname = current_database() AND usename = current_user "
                "AND state_change < clock_timestamp() - make_interval(secs => %s)",
                (LOCK_SPACE, _key(TURNS), self._standstill_s),
            ).fetchall()
            if ended:
                _log.warning("The process that gives turns stands still; another one takes over.")
        return False

    def _ask(self, function: str, key: int) -> bool:
        if self._connection is None:
            return False
        row = self._connection.execute(
            f"SELECT {function}(%s, %s)".encode(),
            (LOCK_SPACE, key),
        ).fetchone()
        return bool(row and row[0])

    def _list_peers(self) -> frozenset[str]:
        if self._connection is None:
            return frozenset()
        # Of two keys, classid is the first:
        # https://www.postgresql.org/docs/current/view-pg-locks.html
        rows = self._connection.execute(
            "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND granted "
            "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            (LOCK_SPACE,),
        ).fetchall()
        held = {row[0] for row in rows}
        names = [f"{prefix}{number}" for prefix in (WORKER, FRONT) for number in range(MAX_SLOTS)]
        return frozenset(name for name in names if _key(name) in held)

    def _send(self, message: str) -> None:
        if self._connection is None:
            raise psycopg.OperationalError("not connected")
        self._connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, message))


@contextmanager
def reaching_postgres() -> Generator[None]:
    """Translate psycopg's errors into ServiceUnavailable."""
    try:
        yield
    except psycopg.Error as error:
        raise ServiceUnavailable("The queue can't reach PostgreSQL right now.") from error


def connect(url: str, application_name: str = "limner") -> psycopg.Connection:
    """Open a connection that detects a dead network within half a minute. Raises psycopg.Error."""
    return psycopg.connect(
        url, autocommit=True, application_name=application_name, **POSTGRESQL_CONNECT_ARGS
    )


def _key(slot: str) -> int:
    """Return a signed 32-bit number for a name, the size of both keys of an advisory lock."""
    # 31 bits: as a key the rest would be negative, but pg_locks shows keys as unsigned oids.
    return zlib.crc32(slot.encode()) % 2**31
