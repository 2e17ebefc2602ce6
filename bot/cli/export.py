"""`limner history export`: the history as CSV or JSON Lines, read from the database."""

import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.cli.invocation import CommandError
from bot.replies.inputs import parse_day
from db import migrations
from db.database import Database
from db.migrations import MigrationState
from generation.history.export import ExportFormat, header, line
from generation.history.queries import HistoryFilter
from generation.moderation.case_file import ModerationQueries
from generation.record import GenerationState
from generation.service import utc_now


async def run_export(
    database_url: str,
    file_format: ExportFormat,
    out: Path | None,
    *,
    guild: int | None,
    user: int | None,
    status: str | None,
    since: str | None,
    until: str | None,
    **filters: Any,  # noqa: ANN401 - further fields of the filter
) -> int:
    """Write the export to a file or standard output; return the number of generations.

    Raises RequestRefused for an invalid day, CommandError, DatabaseError, ServiceUnavailable,
    OSError.
    """
    now = datetime.now(UTC)
    asked = HistoryFilter(
        user_id=user,
        guild_id=guild,
        state=GenerationState(status) if status else None,
        since=parse_day(since, "--since", now),
        until=parse_day(until, "--until", now, end=True),
        **filters,
    )
    async with open_database(database_url) as database:
        if out is None:
            return await _write(database, asked, file_format, sys.stdout.write)
        with out.open("w", encoding="utf-8", newline="") as file:
            return await _write(database, asked, file_format, file.write)


@asynccontextmanager
async def open_database(database_url: str) -> AsyncGenerator[Database]:
    """Open the database for a command, if its tables are up to date; else raise CommandError.

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
            raise CommandError("There is no database yet: `limner run` creates it.")
        case MigrationState.BEHIND:
            raise CommandError("The database is older than this Limner: run `limner db upgrade`.")
        case MigrationState.TOO_NEW:
            raise CommandError("The database was made by a newer Limner: use that one.")
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
