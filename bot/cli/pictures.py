"""`limner pictures`: the pictures that are blocked in all servers."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.cli.export import require_tables
from db.database import Database
from generation.moderation.image_hashes import MAX_LIST_BYTES, PictureBlocks, write_list
from generation.request import Actor
from generation.service import utc_now

CONSOLE = Actor(user_id=0, guild_id=None)
"""Who acts, in the audit."""


async def list_pictures(database_url: str) -> list[str]:
    """Return a line for each entry. Raises HistoryUnusable, ServiceUnavailable."""
    async with _open(database_url) as blocks:
        blocked = await blocks.read(CONSOLE.guild_id)
    return [
        f"{one.id:>6}  {one.at:%Y-%m-%d %H:%M}  {one.hash}  {one.reason}".rstrip()
        for one in blocked.entries
    ] or ["No pictures are blocked in all servers."]


async def import_pictures(database_url: str, file: Path) -> str:
    """Add a list; return what became of it. Raises as above, RequestRefused, OSError."""
    with file.open("rb") as opened:
        content = opened.read(MAX_LIST_BYTES + 1)
    async with _open(database_url) as blocks:
        report = await blocks.import_list(CONSOLE, content)
    said = f"{report.added} blocked, {report.known} were already."
    if report.bad_lines:
        said += f" Lines without a hash: {', '.join(map(str, report.bad_lines))}."
    return said


async def export_pictures(database_url: str, file: Path) -> int:
    """Write the list; return how many it has. Raises HistoryUnusable, OSError."""
    async with _open(database_url) as blocks:
        entries = (await blocks.read(CONSOLE.guild_id)).entries
    with file.open("w", encoding="utf-8") as opened:
        opened.write(write_list(entries))
    return len(entries)


@asynccontextmanager
async def _open(database_url: str) -> AsyncGenerator[PictureBlocks]:
    await require_tables(database_url)
    database = Database(database_url)
    try:
        yield PictureBlocks(database, utc_now)
    finally:
        await database.close()
