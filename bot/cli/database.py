"""`limner db restore` and `limner db copy`: commands that need the data folder for themselves."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bot.core import Storage
from bot.operating.private_files import keep_private
from bot.settings import Settings
from db import maintenance, transfer
from db.errors import BackupRefused
from db.urls import sqlite_files
from generation.line.lease import FileLease
from generation.service import utc_now


async def restore(settings: Settings, file: Path) -> Path | None:
    """Replace the database and delete the engine's tables, which the next start creates.

    Returns where the previous database was copied to, None without one. Raises DatabaseError and,
    while a bot runs on the data folder, LineTaken.
    """
    url = settings.effective_database_url
    async with _alone(settings) as engine_path:
        previous = await _keep_previous(url)
        await maintenance.restore(url, file)
        for ending in ("", "-wal", "-shm"):
            engine_path.with_name(engine_path.name + ending).unlink(missing_ok=True)
    return previous


async def copy(settings: Settings, url: str, *, note: Callable[[str, int], None]) -> None:
    """Copy every record to an empty PostgreSQL database; `note` is told each table's rows.

    Unfinished generations go on there. Raises DatabaseError and LineTaken, as `restore` does.
    """
    async with _alone(settings):
        await transfer.copy(settings.effective_database_url, url, note=note)


@asynccontextmanager
async def _alone(settings: Settings) -> AsyncGenerator[Path]:
    """Hold the data folder as a running bot does; yields the path of the engine's file."""
    keep_private(settings.data, *sqlite_files(settings.effective_database_url))
    engine_path = Storage.of(settings).engine.sqlite_path
    if engine_path is None:
        raise BackupRefused("This is for SQLite. For PostgreSQL use pg_dump and pg_restore.")
    lease = await FileLease(engine_path).acquire()
    try:
        yield engine_path
    finally:
        await lease.release()


async def _keep_previous(url: str) -> Path | None:
    database = sqlite_files(url)[0]
    if not database.exists():
        return None
    kept = database.with_name(f"{database.stem}-before-{utc_now():%Y%m%d-%H%M%S}.db")
    await maintenance.backup(url, kept)
    return kept
