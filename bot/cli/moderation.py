"""`limner block`, `unblock` and `pictures`: who and what is blocked in all servers."""

from datetime import timedelta
from pathlib import Path

from bot.cli.export import open_database
from generation.moderation.blocks import Moderation
from generation.moderation.image_hashes import MAX_LIST_BYTES, PictureBlocks, write_list
from generation.request import Actor
from generation.service import utc_now

CONSOLE = Actor(user_id=0, guild_id=None)
"""Who acts, in the audit."""


async def block_person(database_url: str, user_id: int, *, days: int | None, reason: str) -> str:
    """Block somebody; return what was done. Raises CommandError, ServiceUnavailable."""
    until = utc_now() + timedelta(days=days) if days else None
    async with open_database(database_url) as database:
        moderation = Moderation(database, utc_now)
        await moderation.block(CONSOLE, user_id, reason=reason, until=until, everywhere=True)
    end = f" until {until:%Y-%m-%d %H:%M} UTC" if until else ""
    return f"{user_id} is blocked in all servers{end}."


async def unblock_person(database_url: str, user_id: int) -> str:
    """Lift the block; return what was done. Raises as above."""
    async with open_database(database_url) as database:
        lifted = await Moderation(database, utc_now).unblock(CONSOLE, user_id, everywhere=True)
    return f"Unblocked {user_id}." if lifted else f"{user_id} was not blocked in all servers."


async def list_pictures(database_url: str) -> list[str]:
    """Return a line for each entry. Raises CommandError, ServiceUnavailable."""
    async with open_database(database_url) as database:
        blocked = await PictureBlocks(database, utc_now).read(CONSOLE.guild_id)
    return [
        f"{one.id:>6}  {one.at:%Y-%m-%d %H:%M}  {one.hash}  {one.reason}".rstrip()
        for one in blocked.entries
    ] or ["No pictures are blocked in all servers."]


async def import_pictures(database_url: str, file: Path) -> str:
    """Add a list; return what became of it. Raises as above, RequestRefused, OSError."""
    with file.open("rb") as opened:
        content = opened.read(MAX_LIST_BYTES + 1)
    async with open_database(database_url) as database:
        report = await PictureBlocks(database, utc_now).import_list(CONSOLE, content)
    said = f"{report.added} blocked, {report.known} already blocked."
    if report.bad_lines:
        said += f" Lines without a hash: {', '.join(map(str, report.bad_lines))}."
    return said


async def export_pictures(database_url: str, file: Path) -> int:
    """Write the list; return how many it has. Raises CommandError, OSError."""
    async with open_database(database_url) as database:
        entries = (await PictureBlocks(database, utc_now).read(CONSOLE.guild_id)).entries
    with file.open("w", encoding="utf-8") as opened:
        opened.write(write_list(entries))
    return len(entries)
