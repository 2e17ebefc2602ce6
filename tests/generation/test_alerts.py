"""What operators are told, once each."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from db.repositories.backends import BackendPowerRepository
from db.repositories.generations import GenerationRepository
from generation.alerts import LEAST_FREE_BYTES, MIN_DURATION_S, Alerts
from generation.backends.members import PoolMember
from generation.backends.pool import BackendPool
from generation.backends.power_calls import PowerSettings
from generation.notifier import DeliveryPostponed
from tests.support.rows import generation_row

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Watch:
    """Alerts over two backends, on a clock that is put forward, with a disk that can be filled."""

    def __init__(self, database, data, backends):
        self.database, self.data = database, data
        self.pool = BackendPool([PoolMember(one) for one in backends])
        self.seconds, self.said, self.refusal = 0.0, [], None
        self.free_bytes = 100 * LEAST_FREE_BYTES
        self.restart()

    def restart(self):
        self.alerts = Alerts(
            self.database,
            self.pool,
            self.data,
            tell=self.tell,
            is_responsible=lambda: True,
            now=lambda: NOON,
            clock=lambda: self.seconds,
            count_free_bytes=self.count_free_bytes,
        )

    def count_free_bytes(self, folder):
        return self.free_bytes if folder.exists() else shutil.disk_usage(folder).free

    async def tell(self, text):
        if self.refusal is not None:
            raise self.refusal
        self.said.append(text)

    async def pass_time(self, seconds=MIN_DURATION_S):
        """Look, let time pass, and check again; return what was said meanwhile."""
        before = len(self.said)
        await self.alerts.check()
        self.seconds += seconds
        await self.alerts.check()
        return self.said[before:]


@pytest.fixture
def watch(database, tmp_path, tools):
    return Watch(database, tmp_path, [tools.FakeBackend("alpha"), tools.FakeBackend("beta")])


def set_reachable(watch, *, is_reachable):
    for name in watch.pool.names:
        watch.pool.find(name).is_reachable = is_reachable


async def test_each_trouble_is_told_once_and_once_that_it_is_over(watch):
    assert await watch.pass_time() == []
    set_reachable(watch, is_reachable=False)
    assert await watch.pass_time() == ["GPU alpha is offline.\nGPU beta is offline."]
    assert await watch.pass_time() == []
    watch.restart()
    assert await watch.pass_time() == []
    set_reachable(watch, is_reachable=True)
    assert await watch.pass_time() == ["GPU alpha is back.\nGPU beta is back."]
    assert await watch.pass_time() == []


async def test_what_is_over_soon_is_not_told(watch):
    set_reachable(watch, is_reachable=False)
    assert await watch.pass_time(MIN_DURATION_S - 1) == []
    set_reachable(watch, is_reachable=True)
    assert await watch.pass_time() == []


async def test_what_could_not_be_told_is_told_later(watch):
    set_reachable(watch, is_reachable=False)
    watch.refusal = DeliveryPostponed("Discord is away.")
    with pytest.raises(DeliveryPostponed):
        await watch.pass_time()
    watch.refusal = None
    assert len(await watch.pass_time()) == 1


async def test_a_backend_that_was_taken_out_of_the_settings_is_not_back(watch, tools):
    set_reachable(watch, is_reachable=False)
    await watch.pass_time()
    watch.pool = BackendPool([PoolMember(tools.FakeBackend("beta"))])
    watch.restart()
    assert await watch.pass_time() == ["GPU beta is back."]


async def test_an_account_that_takes_no_work_until_somebody_pays(watch):
    reason = "alpha has no credits left: add some to its account."
    watch.pool.note_failure("beta", "beta has a full queue.")
    watch.pool.note_failure("alpha", reason, needs_operator=True)
    watch.pool.note_failure("alpha", "It did not say its load in time.")
    assert await watch.pass_time() == [f"GPU alpha takes no work: {reason}"]
    assert await watch.pass_time() == []
    watch.pool = BackendPool([PoolMember(watch.pool.find(name)) for name in watch.pool.names])
    watch.restart()
    assert await watch.pass_time() == [], "nothing ran since, so nobody knows"
    watch.pool.note_success("alpha")
    assert await watch.pass_time() == ["GPU alpha takes work again."]
    assert await watch.pass_time() == []


async def test_a_disk_that_is_nearly_full(watch):
    watch.free_bytes = LEAST_FREE_BYTES - 1
    (said,) = await watch.pass_time()
    assert "nearly full: 1023 MiB are free" in said
    watch.free_bytes = LEAST_FREE_BYTES * 1.5
    assert await watch.pass_time() == []
    watch.free_bytes = LEAST_FREE_BYTES * 3
    assert await watch.pass_time() == ["The disk has room again."]


async def test_a_data_folder_that_is_gone(watch):
    watch.data /= "data"
    watch.restart()
    (said,) = await watch.pass_time()
    assert "cannot be used: No such file or directory." in said
    watch.data.mkdir()
    assert await watch.pass_time() == ["The disk has room again."]


async def test_results_that_cannot_be_posted(watch):
    with watch.database.transaction() as session:
        for id_, minutes in (("old", 20), ("new", 1)):
            at = NOON - timedelta(minutes=minutes)
            GenerationRepository(session).add(
                generation_row(id_, guild_id=None, created_at=at, finished_at=at, state="succeeded")
            )
    (said,) = await watch.pass_time()
    assert "could not be posted for ten minutes: 1." in said
    with watch.database.transaction() as session:
        GenerationRepository(session).update("old", delivered_at=NOON)
    assert await watch.pass_time() == ["All results have been posted."]


async def test_one_that_can_be_started_may_be_off_but_not_fail(watch, tools):
    power = PowerSettings(wake=("start",))
    backend = tools.FakeBackend("alpha", is_reachable=False)
    watch.pool = BackendPool([PoolMember(backend, power=power)])
    watch.restart()
    assert await watch.pass_time() == []
    with watch.database.transaction() as session:
        BackendPowerRepository(session).end("alpha", problem="It could not be started. No credit.")
    assert await watch.pass_time() == ["GPU alpha: It could not be started. No credit."]
    with watch.database.transaction() as session:
        BackendPowerRepository(session).end("alpha", problem=None)
    assert await watch.pass_time() == ["GPU alpha starts and stops."]
