"""Maintenance of the database: backup, restoration, and size statistics."""

import asyncio
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import func, make_url, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from db import migrations
from db.base import VERSION_TABLE, Base
from db.database import Database
from db.engine import BUSY_TIMEOUT_MS
from db.error_translation import translated
from db.errors import BackupRefused, DatabaseUnreadable
from db.tables import OutputContentRow, OutputRow
from db.urls import normalise_url


@dataclass(frozen=True, slots=True)
class Stats:
    """Size of the database: rows and bytes by table, in all, and of the largest columns.

    `table_bytes` includes indexes; it is empty if SQLite was built without DBSTAT.
    """

    rows: dict[str, int]
    table_bytes: dict[str, int]
    total_bytes: int
    thumbnail_bytes: int
    content_bytes: int

    def lines(self) -> tuple[str, ...]:
        """Format it as a table for the terminal."""
        sizes = {
            "thumbnails": self.thumbnail_bytes,
            "pictures": self.content_bytes,
            "whole database": self.total_bytes,
        }
        return (
            *(self._table_line(name, count) for name, count in self.rows.items()),
            *(f"{name:<20}{_mebibytes(size)}" for name, size in sizes.items()),
        )

    def _table_line(self, name: str, count: int) -> str:
        line = f"{name:<20}{count:>12,} {'row ' if count == 1 else 'rows'}"
        return line + _mebibytes(self.table_bytes[name]) if self.table_bytes else line.rstrip()


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:>12,.1f} MiB"


async def backup(url: str, path: Path) -> None:
    """Write a consistent copy of the SQLite database to a new file while it is in use."""
    parsed = make_url(normalise_url(url))
    if parsed.get_backend_name() != "sqlite" or parsed.database is None:
        raise BackupRefused(
            "A PostgreSQL database is copied with PostgreSQL's own program: run pg_dump."
        )
    with translated(parsed):
        await asyncio.to_thread(_copy_file, Path(parsed.database), path)


async def restore(url: str, path: Path) -> None:
    """Replace the content of the SQLite database by that of a backup.

    An older copy is upgraded. The copy is verified before anything is replaced. Nothing else may
    use the database meanwhile. Raises DatabaseError.
    """
    parsed = make_url(normalise_url(url))
    if parsed.get_backend_name() != "sqlite" or parsed.database is None:
        raise BackupRefused(
            "A PostgreSQL database is restored with PostgreSQL's own program: run pg_restore."
        )
    database = Path(parsed.database)
    candidate = database.with_name(f"{database.name}.restoring")
    candidate_url = parsed.set(database=str(candidate))
    database.parent.mkdir(parents=True, exist_ok=True)
    try:
        with translated(candidate_url):
            await asyncio.to_thread(_copy_backup, path, candidate)
        await migrations.upgrade(candidate_url.render_as_string())
        with translated(parsed):
            await asyncio.to_thread(_overwrite, candidate, database)
    finally:
        candidate.unlink(missing_ok=True)


def _copy_backup(path: Path, candidate: Path) -> None:
    if not path.is_file():
        raise BackupRefused(f"There is no file {path}.")
    candidate.unlink(missing_ok=True)
    try:
        _overwrite(path, candidate)
        with closing(sqlite3.connect(candidate)) as copy:
            is_ours = _holds_our_tables(copy)
            is_whole = copy.execute("PRAGMA quick_check").fetchone() == ("ok",)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        is_ours = is_whole = False
    if not (is_ours and is_whole):
        raise BackupRefused(f"{path} is not a backup of Limner's database, or is damaged.")


def _overwrite(source: Path, path: Path) -> None:
    path.touch(0o600)
    with (
        closing(sqlite3.connect(source)) as original,
        closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000)) as copy,
    ):
        original.backup(copy)


async def stats(url: str) -> Stats:
    """Count rows and bytes. Raises DatabaseError, also if there is no file yet."""
    parsed = make_url(normalise_url(url))
    if parsed.get_backend_name() == "sqlite" and parsed.database is not None:
        await asyncio.to_thread(_require_file, Path(parsed.database))
    database = Database(url)
    try:
        return await database.read(_measure)
    finally:
        await database.close()


def _require_file(path: Path) -> None:
    if not path.exists():
        raise DatabaseUnreadable(f"There is no database file {path} yet: `limner run` makes it.")


def _measure(session: Session) -> Stats:
    return Stats(
        rows={
            name: session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in sorted(Base.metadata.tables.items())
        },
        table_bytes=_bytes_by_table(session),
        total_bytes=_total_bytes(session),
        thumbnail_bytes=_sum_of_lengths(session, OutputRow.thumbnail),
        content_bytes=_sum_of_lengths(session, OutputContentRow.content),
    )


def _copy_file(source: Path, path: Path) -> None:
    if not source.exists():
        raise BackupRefused(f"There is no database file {source} yet, so nothing to copy.")
    if path.exists():
        raise BackupRefused(f"{path} exists already. Choose another name, or move it away.")
    if not path.parent.is_dir():
        raise BackupRefused(f"There is no folder {path.parent}. Make it, or choose another one.")
    _copy(source, path)


def _copy(source: Path, path: Path) -> None:
    # Under a temporary name until complete, so that a partial file is never taken for a backup.
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        unfinished.touch(0o600)
        # A touched folder would not be refused.
        unfinished.write_bytes(b"")
        with (
            closing(sqlite3.connect(source, timeout=BUSY_TIMEOUT_MS / 1000)) as original,
            closing(sqlite3.connect(unfinished)) as copy,
        ):
            if not _holds_our_tables(original):
                raise BackupRefused(f"{source} holds nothing of Limner yet, so nothing to copy.")
            original.backup(copy)
            # One file that can be copied anywhere, without a log beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
        unfinished.rename(path)
    except OSError as error:
        raise BackupRefused(
            f"{path} cannot be written. Choose a folder this user may write to."
        ) from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        raise BackupRefused(f"There is no room for {path}. Choose another folder.") from error
    finally:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _holds_our_tables(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (VERSION_TABLE,))
    return found.fetchone() is not None


def _bytes_by_table(session: Session) -> dict[str, int]:
    """Return the bytes of each table with its indexes; empty if SQLite cannot tell."""
    if session.get_bind().dialect.name == "postgresql":
        statement = (
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class "
            "WHERE relkind = 'r' AND pg_table_is_visible(oid)"
        )
    elif session.scalar(text("SELECT sqlite_compileoption_used('ENABLE_DBSTAT_VTAB')")):
        statement = (
            "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_master USING (name) "
            "GROUP BY tbl_name"
        )
    else:
        return {}
    found = {name: int(size) for name, size in session.execute(text(statement))}
    return {name: found.get(name, 0) for name in Base.metadata.tables}


def _total_bytes(session: Session) -> int:
    if session.get_bind().dialect.name == "postgresql":
        statement = text("SELECT pg_database_size(current_database())")
    else:
        statement = text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    return int(session.scalar(statement) or 0)


def _sum_of_lengths(session: Session, column: InstrumentedAttribute[Any]) -> int:
    return int(session.scalar(select(func.sum(func.length(column)))) or 0)
