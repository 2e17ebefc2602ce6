"""Backends taken out of service in one process, and what others do about it."""

from datetime import UTC, datetime

import pytest

from db.database import Database
from db.repositories.audit import AuditRepository
from generation.backends.draining import BackendAdmin
from generation.backends.pool import BackendPool, PoolMember, UnknownBackend
from generation.backends.status import BackendState
from generation.request import Actor

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
OWNER, GUILD = 9, 5


def build(database, backend):
    pool = BackendPool([PoolMember(backend)])
    return BackendAdmin(database, pool, lambda: NOON), pool


async def test_a_drain_holds_in_every_process_and_over_a_restart(database, database_url, backend):
    here, _ = build(database, backend)
    other_database = Database(database_url)
    there, pool_there = build(other_database, backend)
    assert await here.drain(Actor(OWNER, GUILD), "alpha")
    assert not await here.drain(Actor(OWNER, GUILD), "alpha")
    assert not pool_there.is_drained("alpha")
    await there.apply()
    assert await pool_there.choose({}) is None
    (entry,) = await there.entries()
    assert entry.status.state is BackendState.DRAINED
    assert (entry.drained_by, entry.drained_at) == (OWNER, NOON)
    assert await there.resume(Actor(OWNER, None), "alpha")
    assert not await there.resume(Actor(OWNER, None), "alpha")
    (entry,) = await here.entries()
    assert (entry.status.state, entry.drained_at) == (BackendState.READY, None)
    await other_database.close()


async def test_who_did_it_is_audited(database, backend):
    backend_admin, _ = build(database, backend)
    await backend_admin.drain(Actor(OWNER, GUILD), "alpha")
    await backend_admin.resume(Actor(OWNER, GUILD), "alpha")
    with database.transaction(read_only=True) as session:
        rows = AuditRepository(session).page(GUILD, limit=9)
    assert [(row.actor_id, row.action, row.subject) for row in rows] == [
        (OWNER, "resume-backend", "alpha"),
        (OWNER, "drain-backend", "alpha"),
    ]


async def test_a_name_that_is_not_known_is_refused(database, backend):
    backend_admin, _ = build(database, backend)
    for act in (backend_admin.drain, backend_admin.resume):
        with pytest.raises(UnknownBackend):
            await act(Actor(OWNER, None), "nowhere")
