"""`limner history export`: the history as CSV or JSON Lines, read from the database."""

import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.replies.inputs import parse_day
from db import migrations
from db.database import Database
from db.migrations import MigrationState
from generation.history.export import ExportFormat, header, line
from generation.history.queries import HistoryFilter
from generation.moderation.case_file import ModerationQueries
from generation.record import GenerationState
from generation.service import utc_now


class HistoryUnusable(Exception):
    """There is no history to export; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """Filters and format of an export. Without a file it is written to standard output."""

    file_format: ExportFormat = ExportFormat.CSV
    out: Path | None = None
    guild: int | None = None
    user: int | None = None
    workflow: str | None = None
    status: str | None = None
    search: str | None = None
    since: str | None = None
    until: str | None = None
    flagged: bool = False


async def run_export(database_url: str, options: ExportOptions) -> int:
    """Write the export and print the number of generations.

    Raises RequestRefused for an invalid day, HistoryUnusable, DatabaseError,
    ServiceUnavailable, OSError.
    """
    now = datetime.now(UTC)
    asked = HistoryFilter(
        user_id=options.user,
        guild_id=options.guild,
        workflow=options.workflow,
        state=GenerationState(options.status) if options.status else None,
        search=options.search,
        since=parse_day(options.since, "--since", now),
        until=parse_day(options.until, "--until", now, end=True),
        flagged=options.flagged,
    )
    async with open_database(database_url) as database:
        if options.out is None:
            return await _write(database, asked, options.file_format, sys.stdout.write)
        with options.out.open("w", encoding="utf-8", newline="") as file:
            return await _write(database, asked, options.file_format, file.write)


@asynccontextmanager
async def open_database(database_url: str) -> AsyncGenerator[Database]:
    """Open the database for a command, if its tables are up to date; else raise HistoryUnusable.

    Checked before anything is written: a file with only a header would look like a result.
    """
    await _require_tables(database_url)
    database = Database(database_url)
    try:
        yield database
    finally:
        await database.close()


async def _require_tables(database_url: str) -> None:
    match await migrations.current_state(database_url):
        case MigrationState.EMPTY:
            raise HistoryUnusable("There is no database yet: `limner run` creates it.")
        case MigrationState.BEHIND:
            raise HistoryUnusable(
                "The database is older than this Limner: run `limner db upgrade`."
            )
        case MigrationState.TOO_NEW:
            raise HistoryUnusable("The database was made by a newer Limner: use that one.")
        case MigrationState.CURRENT:
            return


async def _write(
    database: Database,
    asked: HistoryFilter,
    file_format: ExportFormat,
    write: Callable[[str], object],
) -> int:
    write(header(file_format))
    count = 0
    async for generation in ModerationQueries(database, utc_now).export(asked):
        write(line(generation, file_format))
        count += 1
    return count
