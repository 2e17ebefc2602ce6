"""What operators see of backends, and backends taken out of service in one process."""

from datetime import UTC, datetime, timedelta

import pytest

from db.database import Database
from db.repositories.audit import AuditRepository
from db.repositories.generations import GenerationRepository
from generation.backends.draining import BackendAdmin, BackendUse
from generation.backends.members import PoolMember
from generation.backends.pool import BackendPool, UnknownBackend
from generation.backends.status import BackendState
from generation.errors import FailureKind
from generation.request import Actor
from tests.support.rows import generation_row

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
    (entry,) = await there.reports()
    assert entry.status.state is BackendState.DRAINED
    assert (entry.drained_by, entry.drained_at) == (OWNER, NOON)
    assert await there.resume(Actor(OWNER, None), "alpha")
    assert not await there.resume(Actor(OWNER, None), "alpha")
    (entry,) = await here.reports()
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


def record(database, id_, **facts):
    generation = {
        "guild_id": GUILD,
        "created_at": NOON - timedelta(hours=1),
        "backend": "alpha",
        "started_at": NOON - timedelta(seconds=70),
        "finished_at": NOON - timedelta(seconds=60),
    }
    with database.transaction() as session:
        GenerationRepository(session).add(generation_row(id_, **generation | facts))


async def test_a_report_says_what_ran_and_what_failed_last(database, backend):
    backend_admin, _ = build(database, backend)
    (report,) = await backend_admin.reports()
    assert report.use == BackendUse()
    record(database, "made", state="succeeded", gpu_ms=2500)
    record(database, "running", state="running", finished_at=None)
    record(database, "elsewhere", state="succeeded", gpu_ms=9000, backend="beta")
    week = {"created_at": NOON - timedelta(days=8), "finished_at": NOON - timedelta(days=8)}
    record(database, "ancient", state="failed", failure_kind="timed_out", **week)
    (report,) = await backend_admin.reports()
    assert report.use == BackendUse(running=1, gpu_s_today=2.5)
    record(database, "failed", state="failed", failure_kind="out_of_memory")
    (report,) = await backend_admin.reports()
    failed_at = NOON - timedelta(seconds=60)
    assert report.use == BackendUse(1, 12.5, FailureKind.OUT_OF_MEMORY, failed_at)
