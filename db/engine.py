"""SQLAlchemy engines, configured for each database."""

import re
import selectors
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

BUSY_TIMEOUT_MS = 30_000
"""Milliseconds that a writer waits for another on SQLite: longer than any of our transactions."""

SQLITE_CACHE_KIB = 256
"""Page cache of each connection. SQLite's default of 2 MiB fills with pages of results, which are
written once, and the system caches the file anyway."""

SQLITE_CHECKPOINT_PAGES = 4_000
"""Pages in the journal after which a commit moves them to the file: 16 MB. Where results are
recorded, `Database.checkpoint` does so earlier and keeps nobody waiting."""

POSTGRESQL_CONNECT_ARGS: Mapping[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    "client_encoding": "UTF8",
}
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

POSTGRESQL_CONNECTIONS = 8
"""Threads and connections of one process: PostgreSQL allows 100 by default in all."""

_READ_ONLY = "limner_read_only"

_ACCENTS = dict.fromkeys(range(0x300, 0x370))
"""Combining diacritical marks; vowel signs of other scripts are parts of words."""

READING: Mapping[str, Mapping[str, Any]] = {
    "sqlite": {_READ_ONLY: True},
    # Each statement sees its own snapshot anyway: BEGIN and COMMIT would be two round trips more.
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
}
"""Execution options of transactions that only read, for each database."""

_POSTGRESQL_LIMITS = (
    f"-c statement_timeout={STATEMENT_TIMEOUT_S}s "
    f"-c idle_in_transaction_session_timeout={IDLE_TRANSACTION_TIMEOUT_S}s"
)


def build_engine(url: URL, *, for_migrations: bool = False) -> Engine:
    """Build an engine for a normalized URL; stored values never appear in its messages.

    Migrations have no time-out, and rebuild SQLite's tables with foreign keys off: dropping the old
    table would delete the rows that refer to it.
    """
    # The connection used last comes first: each keeps memory of the largest result it stored.
    options = {"hide_parameters": True, "pool_use_lifo": True}
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, **options)
        prepare = _prepare_sqlite_for_migrations if for_migrations else _prepare_sqlite
        event.listen(engine, "connect", prepare)
        event.listen(engine, "begin", _begin_sqlite_transaction)
        return engine
    engine = create_engine(
        url,
        **options,
        pool_size=POSTGRESQL_CONNECTIONS,
        connect_args={
            **POSTGRESQL_CONNECT_ARGS,
            "options": "" if for_migrations else _POSTGRESQL_LIMITS,
        },
    )
    event.listen(engine, "checkout", _refuse_ended)
    return engine


def _refuse_ended(dbapi_connection: Any, _record: object, _proxy: object) -> None:  # noqa: ANN401 - a DBAPI connection has no common type
    """Have the pool replace a connection that the server ended, without asking the server.

    A server writes to an idle connection when it ends it, and hardly ever else.
    """
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(dbapi_connection, selectors.EVENT_READ)
            if not selector.select(timeout=0):
                return
        dbapi_connection.execute("SELECT 1")
        dbapi_connection.rollback()
    except psycopg.Error as error:
        raise DisconnectionError from error


def _prepare_sqlite(dbapi_connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection has no common type
    pragmas = (
        "foreign_keys = ON",
        "synchronous = FULL",
        "journal_mode = WAL",
        f"wal_autocheckpoint = {SQLITE_CHECKPOINT_PAGES:d}",
        f"cache_size = -{SQLITE_CACHE_KIB:d}",
    )
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
        dbapi_connection.create_function("has_words", 2, _has_words, deterministic=True)
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


def _has_words(text: str, beginnings: str) -> bool:
    """Return whether each of these words begins one of the text, as the full-text index decides."""
    folded = _fold(text)
    words = _fold(beginnings).split()
    return all(re.search(rf"(?<![^\W_]){word}", folded) is not None for word in words)


def _fold(text: str) -> str:
    """Return the text in lower case, without accents."""
    lowered = text.lower()
    return lowered if lowered.isascii() else "".join(map(_fold_character, lowered))


@lru_cache(4096)
def _fold_character(character: str) -> str:
    parts = unicodedata.normalize("NFD", character)
    bare = parts.translate(_ACCENTS)
    # Others are kept whole: a syllable of Hangul would begin every longer one.
    return bare if len(bare) < len(parts) else character
