"""Migrations from any older revision to the newest, run by the program itself."""

import asyncio
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, String, column, inspect, make_url, select, table, text

import db.tables  # noqa: F401 - fills the metadata
from db.base import VERSION_TABLE, Base
from db.engine import build_engine
from db.error_translation import translated
from db.errors import DatabaseTooNew, DatabaseUnreadable
from db.urls import normalise_url

_UPGRADE_LOCK = 4_921_735_507_118_290_044
"""Advisory lock that upgrades hold on PostgreSQL: an arbitrary number."""


T = TypeVar("T")

# Alembic imports Mako, which would import 6 MB of Pygments to color its own error pages.
sys.modules.setdefault("mako.ext.pygmentplugin", None)  # type: ignore[arg-type] # None: not there


class MigrationState(StrEnum):
    """State of the database's tables compared with this program's."""

    EMPTY = "empty"
    CURRENT = "current"
    BEHIND = "behind"
    TOO_NEW = "too_new"


async def upgrade(url: str) -> None:
    """Upgrade the tables, creating the SQLite file and its folder if they are missing.

    All or nothing. May be called by several processes at once: one upgrades, and the others wait.
    Raises DatabaseError, including DatabaseTooNew.
    """
    await asyncio.to_thread(_on_connection, url, _upgrade, makes_folder=True)


async def current_state(url: str) -> MigrationState:
    """Compare the database with this program, without changing or creating anything."""
    if _is_missing_file(make_url(normalise_url(url))):
        return MigrationState.EMPTY
    return _compare(await asyncio.to_thread(_on_connection, url, _find_revision))


def _on_connection(url: str, work: Callable[[Connection], T], *, makes_folder: bool = False) -> T:
    parsed = make_url(normalise_url(url))
    with translated(parsed):
        if makes_folder:
            _make_folder(parsed)
        engine = build_engine(parsed, for_migrations=True)
        try:
            with engine.begin() as connection:
                _require_unicode(connection)
                return work(connection)
        finally:
            engine.dispose()


def _require_unicode(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        raise DatabaseUnreadable(
            f"The encoding of the database is {encoding}, which has no place for every character. "
            "Make another one for DATABASE_URL: CREATE DATABASE limner ENCODING 'UTF8' TEMPLATE "
            "template0."
        )


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # On SQLite the transaction is alone in writing from its start: the lock is built in.
        lock = text("SELECT pg_advisory_xact_lock(:key)")
        connection.execute(lock, {"key": _UPGRADE_LOCK})
    revision = _find_revision(connection)
    state = _compare(revision)
    if state is MigrationState.CURRENT:
        return
    # Imports 4 MB of modules, needed when there is something to do only.
    from db.migrations import scripts  # noqa: PLC0415

    if state is MigrationState.TOO_NEW:
        raise DatabaseTooNew(found=revision or "", known=scripts.newest_revision())
    if state is MigrationState.EMPTY:
        _refuse_foreign_tables(connection)
    scripts.upgrade_tables(connection)
    if connection.dialect.name == "sqlite":
        _check_foreign_keys(connection)


def _compare(revision: str | None) -> MigrationState:
    if revision is None:
        return MigrationState.EMPTY
    # A migration's file begins with its revision.
    files = Path(__file__).with_name("versions").glob("[0-9]*_*.py")
    known = {file.name.partition("_")[0] for file in files}
    if revision == max(known):
        return MigrationState.CURRENT
    return MigrationState.BEHIND if revision in known else MigrationState.TOO_NEW


def _find_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.scalar(
        select(column("version_num", String)).select_from(table(VERSION_TABLE))
    )


def _refuse_foreign_tables(connection: Connection) -> None:
    """Raise DatabaseError if a database without our revision has tables of our names."""
    present = set(inspect(connection).get_table_names()) - {VERSION_TABLE}
    foreign = (
        present if connection.dialect.name == "sqlite" else present & Base.metadata.tables.keys()
    )
    if foreign:
        raise DatabaseUnreadable(
            "The database holds tables of another program "
            f"({', '.join(sorted(foreign)[:3])}). Correct DATABASE_URL, or give Limner a "
            "database of its own."
        )


def _check_foreign_keys(connection: Connection) -> None:
    if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise DatabaseUnreadable(
            "After the upgrade, entries would refer to others that do not exist; nothing was "
            "changed. Restore a backup, or report this as an error."
        )


def _is_missing_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and not Path(url.database or "").exists()


def _make_folder(url: URL) -> None:
    if url.get_backend_name() != "sqlite" or url.database is None:
        return
    folder = Path(url.database).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnreadable(
            f"The folder {folder} for the database cannot be made. Make it by hand, or correct "
            "DATABASE_URL."
        ) from error
