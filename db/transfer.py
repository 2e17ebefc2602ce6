"""Copying of all records from SQLite to PostgreSQL."""

import asyncio
from collections.abc import Callable

from sqlalchemy import BigInteger, Connection, Table, func, insert, make_url, select, text

import db.tables  # noqa: F401 - fills the metadata
from db import migrations
from db.base import Base
from db.engine import build_engine
from db.error_translation import translated
from db.errors import BackupRefused
from db.migrations import MigrationState
from db.urls import describe, normalise_url

ROWS_AT_A_TIME = 200
"""Rows in memory at once; one may contain a picture."""


async def copy(source: str, target: str, *, note: Callable[[str, int], None]) -> None:
    """Copy all records of a SQLite database into an empty PostgreSQL database.

    Missing tables of the target are created. All or nothing: an interrupted copy leaves no record
    behind and can be repeated. `note` is called with each table's name and number of rows. Nothing
    may write to the source meanwhile. Raises DatabaseError.
    """
    if await migrations.current_state(source) is not MigrationState.CURRENT:
        raise BackupRefused("The database is empty or older. Run `limner db upgrade` first.")
    if make_url(normalise_url(target)).get_backend_name() != "postgresql":
        raise BackupRefused(
            "Records are copied to PostgreSQL: name postgresql://user:password@host/name. "
            "A copy of the SQLite file is made by `limner db backup`."
        )
    await migrations.upgrade(target)
    await asyncio.to_thread(_copy, source, target, note)


def _copy(source: str, target: str, note: Callable[[str, int], None]) -> None:
    old_url, new_url = make_url(normalise_url(source)), make_url(normalise_url(target))
    if old_url.get_backend_name() != "sqlite":
        raise BackupRefused("Only a SQLite database is copied; for PostgreSQL run pg_dump.")
    old, new = build_engine(old_url), build_engine(new_url, for_migrations=True)
    try:
        with translated(new_url), old.connect() as reading, new.begin() as writing:
            _require_empty(writing, describe(new_url))
            for table in Base.metadata.sorted_tables:
                note(table.name, _copy_table(reading, writing, table))
                _continue_numbering(writing, table)
    finally:
        old.dispose()
        new.dispose()


def _require_empty(connection: Connection, name: str) -> None:
    for table in Base.metadata.sorted_tables:
        # Locked, so that a bot that is started on it too early waits instead of writing.
        connection.execute(text(f"LOCK TABLE {table.name} IN EXCLUSIVE MODE"))
        if connection.execute(select(table).limit(1)).first() is not None:
            raise BackupRefused(f"The {name} holds records already. Name an empty one.")


def _copy_table(source: Connection, target: Connection, table: Table) -> int:
    count = 0
    rows = source.execution_options(yield_per=ROWS_AT_A_TIME).execute(select(table))
    for part in rows.mappings().partitions():
        target.execute(insert(table), [dict(row) for row in part])
        count += len(part)
    return count


def _continue_numbering(connection: Connection, table: Table) -> None:
    """Set sequences to continue after the highest copied number."""
    key = table.autoincrement_column
    if key is None or not isinstance(key.type, BigInteger):
        return
    highest = connection.scalar(select(func.max(key)))
    if highest is not None:
        # Explicit keys do not advance the sequence: the next insert would repeat one of them.
        sequence = func.pg_get_serial_sequence(table.name, key.name)
        connection.execute(select(func.setval(sequence, highest)))
