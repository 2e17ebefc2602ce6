"""What administrators set, on both databases."""

from datetime import UTC, datetime

from db.audit import AuditRepository
from generation.administration import Administration

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
GUILD, ADA = 5, 40


async def audit(database, guild_id=GUILD):
    async with database.transaction(read_only=True) as session:
        rows = await AuditRepository(session).page(guild_id, limit=10)
        return [(row.actor_id, row.action, row.subject, row.detail) for row in reversed(rows)]


async def test_a_pause_is_noted_once(database):
    administration = Administration(database, lambda: NOON)
    assert await administration.pause(GUILD, actor_id=ADA)
    assert not await administration.pause(GUILD, actor_id=ADA)
    assert (await administration.status(GUILD)).is_paused
    assert not (await administration.status(6)).is_paused
    assert await administration.resume(GUILD, actor_id=ADA)
    assert not await administration.resume(GUILD, actor_id=ADA)
    assert await audit(database) == [(ADA, "pause", "line", None), (ADA, "resume", "line", None)]
