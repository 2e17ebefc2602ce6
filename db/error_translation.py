"""Translation of errors of SQLAlchemy and the drivers into this package's errors."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from sqlalchemy import URL, make_url
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from db.errors import (
    Conflict,
    DatabaseDenied,
    DatabaseError,
    DatabaseFull,
    DatabaseOutdated,
    DatabaseUnavailable,
    DatabaseUnreadable,
    Unstorable,
)
from db.urls import where

_UNSTORABLE = (
    "The database cannot store a value it was given: a text with characters that are none, or a "
    "number that is too large."
)
_OUTDATED = "The database lacks a table or column of this program. Run `limner db upgrade`."
_CONFLICT = "The database refused an entry that contradicts what is recorded already."

_Failures = tuple[tuple[tuple[str, ...], type[DatabaseError], str], ...]

# By prefix of SQLite's error name; the first match counts.
_SQLITE_FAILURES: _Failures = (
    (("SQLITE_CONSTRAINT",), Conflict, _CONFLICT),
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED"),
        DatabaseUnavailable,
        "The database file {path} is held by another program. Close it, or try again.",
    ),
    (
        ("SQLITE_FULL",),
        DatabaseFull,
        "There is no space left for the database file {path}. Make room on that disk.",
    ),
    (
        ("SQLITE_READONLY",),
        DatabaseUnreadable,
        (
            "The database file {path} cannot be written. Give this user write permission to the "
            "file and to its folder."
        ),
    ),
    (
        ("SQLITE_NOTADB", "SQLITE_CORRUPT"),
        DatabaseUnreadable,
        (
            "The file {path} is not a database, or is damaged. Correct DATABASE_URL, or restore a "
            "backup."
        ),
    ),
    (
        ("SQLITE_IOERR", "SQLITE_PROTOCOL", "SQLITE_NOMEM"),
        DatabaseUnavailable,
        (
            "The database file {path} cannot be read or written just now. Look for errors of its "
            "disk in the system's log, and for free memory."
        ),
    ),
    (
        ("SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH"),
        DatabaseUnreadable,
        (
            "The database file {path} cannot be opened. Check that its folder exists, that it is a "
            "file and not a folder, and that this user may read and write both."
        ),
    ),
)

# By prefix of the SQLSTATE; the first match counts.
_POSTGRESQL_FAILURES: _Failures = (
    (
        ("28",),
        DatabaseDenied,
        (
            "The PostgreSQL server at {where} refuses the user name or password. Correct them in "
            "DATABASE_URL."
        ),
    ),
    (
        ("3D000",),
        DatabaseDenied,
        (
            "The PostgreSQL server at {where} has no database {name!r}. Create it, or correct "
            "DATABASE_URL."
        ),
    ),
    (
        ("42501",),
        DatabaseDenied,
        (
            "The PostgreSQL server at {where} does not let this user do that. Make the user the "
            "owner of the database {name!r}."
        ),
    ),
    (("22",), Unstorable, _UNSTORABLE),
    (("23",), Conflict, _CONFLICT),
    (("42P01", "42703"), DatabaseOutdated, _OUTDATED),
    (
        ("53100",),
        DatabaseFull,
        "The PostgreSQL server at {where} has no space left. Make room on its disk.",
    ),
    (
        ("08", "25P03", "40", "53", "55P03", "57"),
        DatabaseUnavailable,
        (
            "The PostgreSQL server at {where} cannot do that just now (code {code}). Try again in "
            "a moment."
        ),
    ),
)


_CANNOT_CONNECT_NOW = "57P03"

# The server's messages on a refused connection, by the SQLSTATE that libpq does not report.
_REFUSALS = (
    (
        ("authentication failed", "no pg_hba.conf entry", "role ", "not permitted to log in"),
        "28000",
    ),
    (("database ",), "3D000"),
    (("permission denied",), "42501"),
    (("too many", "remaining connection slots"), "53300"),
)


@contextmanager
def translated(url: URL | str) -> Generator[None]:
    """Translate every database error of the block into DatabaseError."""
    try:
        yield
    except (SQLAlchemyError, psycopg.Error, sqlite3.Error) as error:
        raise _translate(error, make_url(url)) from error
    except (UnicodeEncodeError, OverflowError) as error:
        # SQLite's driver raises these untranslated.
        raise Unstorable(_UNSTORABLE) from error


def _translate(error: Exception, url: URL) -> DatabaseError:
    if isinstance(error, PoolTimeout):
        return DatabaseUnavailable(
            "All connections to the database are in use. Try again in a moment."
        )
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    if isinstance(cause, sqlite3.Error):
        return _translate_sqlite(cause, url)
    sqlstate = getattr(cause, "sqlstate", None)
    if isinstance(sqlstate, str):
        return _translate_postgresql(sqlstate, url)
    if isinstance(error, DataError) or isinstance(cause, psycopg.DataError):
        return Unstorable(_UNSTORABLE)
    if isinstance(error, DBAPIError) or isinstance(cause, psycopg.Error):
        return _translate_connection(cause, url)
    return DatabaseError(f"The database was used wrongly ({type(error).__name__}): see the log.")


def _translate_sqlite(error: sqlite3.Error, url: URL) -> DatabaseError:
    name = getattr(error, "sqlite_errorname", "")
    if "no such table" in str(error) or "no such column" in str(error):
        return DatabaseOutdated(_OUTDATED)
    for prefixes, kind, sentence in _SQLITE_FAILURES:
        if name.startswith(prefixes):
            return kind(sentence.format(path=url.database))
    return DatabaseError(
        f"SQLite reports an error with the database file {url.database}: see the log."
    )


def _translate_postgresql(sqlstate: str, url: URL) -> DatabaseError:
    for prefixes, kind, sentence in _POSTGRESQL_FAILURES:
        if sqlstate.startswith(prefixes):
            return kind(sentence.format(where=where(url), name=url.database, code=sqlstate))
    return DatabaseError(
        f"The PostgreSQL server at {where(url)} reports an error (code {sqlstate}): see the log."
    )


def _translate_connection(error: BaseException, url: URL) -> DatabaseError:
    if isinstance(error, psycopg.OperationalError) and _is_of_connecting(error):
        return _translate_refusal(str(error), url)
    return DatabaseUnavailable(
        f"The connection to the PostgreSQL server at {where(url)} was lost. Try again in a moment."
    )


def _is_of_connecting(error: psycopg.OperationalError) -> bool:
    beginnings = ("connection failed", "failed to resolve host", "connection timeout")
    return isinstance(error, psycopg.errors.ConnectionTimeout) or str(error).startswith(beginnings)


def _translate_refusal(words: str, url: URL) -> DatabaseError:
    """Translate a refused connection by its message: libpq reports no SQLSTATE for it."""
    if "FATAL" not in words:
        return DatabaseUnavailable(
            f"No PostgreSQL server answers at {where(url)}. Start it, or correct DATABASE_URL."
        )
    for marks, sqlstate in _REFUSALS:
        if any(mark in words for mark in marks):
            return _translate_postgresql(sqlstate, url)
    return _translate_postgresql(_CANNOT_CONNECT_NOW, url)
