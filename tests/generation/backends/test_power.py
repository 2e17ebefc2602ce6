"""Backends that are started when work waits, and stopped when none does."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

import pytest

from db.database import Database
from db.repositories.backends import BackendPowerRepository
from generation.backends.draining import BackendAdmin
from generation.backends.members import PoolMember
from generation.backends.pool import BackendPool
from generation.backends.power import PowerManager, PowerTimings
from generation.backends.power_calls import PowerSettings
from generation.backends.status import BackendState
from generation.events import Waiting
from generation.record import GenerationState
from tests.support.waiting import eventually

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NEVER_S = 3600.0
QUICK = PowerTimings(call_s=20, wake_s=20, stop_s=20, poll_s=0.01, check_s=5)

DO_NOTHING = (sys.executable, "-c", "")
FAIL = (sys.executable, "-c", "import sys; print('No credit'); sys.exit(2)")


def note(file):
    """A command that adds a line to this file."""
    return (
        sys.executable,
        "-c",
        "import sys; open(sys.argv[1], 'a').write('called\\n')",
        str(file),
    )


class Machine:
    """A pool of one backend and its power, on a clock that is put forward."""

    def __init__(self, database, backend, *, timings=QUICK, **settings):
        self.backend, self.seconds = backend, 1000.0
        self.pool = BackendPool([PoolMember(backend, power=PowerSettings(**settings))])
        self.power = PowerManager(database, self.pool, self.now, timings, lambda: self.seconds)
        self.admin = BackendAdmin(database, self.pool, self.now)
        self.changes = 0
        self.power.on_change = self.count

    def count(self):
        self.changes += 1

    def now(self):
        return NOON + timedelta(seconds=self.seconds)

    async def look(self, after_s=QUICK.check_s):
        self.seconds += after_s
        await self.power.update()

    async def report(self):
        (report,) = await self.admin.reports()
        return report.status


@pytest.fixture
async def build(database):
    built = []

    def build_(backend, database=database, **options):
        built.append(Machine(database, backend, **options))
        return built[-1]

    yield build_
    for machine in built:
        await machine.power.close()


@pytest.fixture
def asleep(tools):
    return tools.FakeBackend("big", is_reachable=False)


async def test_one_that_wakes_says_how_long_it_takes_the_next_time(build, asleep, tools):
    machine = build(asleep, wake=DO_NOTHING)
    assert (await machine.report()).state is BackendState.ASLEEP
    assert machine.pool.find_backend_to_wake(tools.GRAPH) == "big"
    await machine.power.wake("big", "first")
    (start,) = await machine.power.starts()
    assert (start.name, start.generation_id, start.ready_at) == ("big", "first", None)
    assert (await machine.report()).state is BackendState.STARTING
    machine.seconds += 70
    asleep.is_reachable = True
    await eventually(lambda: machine.changes == 2)
    assert await machine.power.starts() == ()
    asleep.is_reachable = False
    await machine.power.wake("big", "second")
    (start,) = await machine.power.starts()
    assert start.ready_at == machine.now() + timedelta(seconds=70)


@pytest.mark.parametrize(
    ("settings", "timings", "said"),
    [
        ({"wake": FAIL}, QUICK, "ended with status 2: No credit"),
        ({"wake": ("no-such-program",)}, QUICK, "cannot be run"),
        (
            {"wake": (sys.executable, "-c", "import time; time.sleep(600)")},
            PowerTimings(call_s=0.05, poll_s=0.01),
            "did not end within 0.05 s",
        ),
        (
            {"wake": DO_NOTHING},
            PowerTimings(call_s=20, wake_s=0.05, poll_s=0.01),
            "succeeded, but it does not answer within 0.05 s",
        ),
    ],
)
async def test_a_start_that_fails_hangs_or_lies_is_told_and_tried_later(
    build, asleep, settings, timings, said
):
    machine = build(asleep, timings=timings, **settings)
    await machine.power.wake("big", "first")
    await eventually(lambda: machine.changes == 2)
    status = await machine.report()
    assert status.state is BackendState.ASLEEP
    assert said in status.problem
    assert set(machine.power.backing_off) == {"big"}
    machine.seconds += timings.retry_s
    assert set(machine.power.backing_off) == set()


async def test_a_call_that_fails_though_the_backend_answers_counts_for_nothing(build, asleep):
    machine = build(asleep, wake=FAIL)
    await machine.power.wake("big", "first")
    asleep.is_reachable = True
    await eventually(lambda: machine.changes == 2)
    assert (await machine.report()).problem is None


async def test_of_two_processes_one_starts_it(build, asleep, database_url, tmp_path):
    file = tmp_path / "calls"
    here = build(asleep, wake=note(file))
    other_database = Database(database_url)
    there = build(asleep, other_database, wake=note(file))
    await asyncio.gather(here.power.wake("big", "a"), there.power.wake("big", "b"))
    first, second = (here, there) if here.power.is_waking else (there, here)
    assert not second.power.is_waking
    assert set(second.power.backing_off) == {"big"}
    assert await second.power.starts() == await first.power.starts()
    await eventually(file.exists)
    asleep.is_reachable = True
    await eventually(lambda: not first.power.is_waking)
    assert file.read_text() == "called\n"
    await other_database.close()


async def test_what_a_dead_process_began_is_ended_or_begun_again(build, asleep, database):
    machine = build(asleep, wake=DO_NOTHING)
    with database.transaction() as session:
        BackendPowerRepository(session).begin(
            "big", "a", now=machine.now(), stale=machine.now() - timedelta(seconds=1)
        )
    await machine.power.wake("big", "b")
    assert not machine.power.is_waking
    asleep.is_reachable = True
    await machine.look(after_s=30)
    assert await machine.power.starts() == ()
    asleep.is_reachable = False
    with database.transaction() as session:
        BackendPowerRepository(session).begin("big", "a", now=machine.now(), stale=NOON)
    machine.seconds += QUICK.call_s + 1
    await machine.power.wake("big", "b")
    assert machine.power.is_waking


async def test_a_process_that_stops_leaves_the_start_to_the_next(build, asleep, database):
    machine = build(asleep, wake=DO_NOTHING)
    await machine.power.wake("big", "a")
    await machine.power.close()
    assert await machine.power.starts() == ()
    successor = build(asleep, wake=DO_NOTHING)
    await successor.power.wake("big", "a")
    assert successor.power.is_waking


async def test_an_idle_one_is_stopped_and_given_nothing_meanwhile(build, backend, tools, tmp_path):
    file = tmp_path / "calls"
    machine = build(backend, wake=DO_NOTHING, sleep=note(file), idle_s=60)
    await machine.look()
    with machine.pool.claim("a", "alpha"):
        await machine.look(after_s=61)
    await machine.look()
    backend.load = 1
    await machine.look(after_s=61)
    assert not machine.pool.is_stopping("alpha"), "somebody else uses it"
    backend.load = 0
    await machine.look()
    await machine.look(after_s=61)
    assert machine.pool.is_stopping("alpha")
    assert await machine.pool.choose(tools.GRAPH) is None
    assert machine.pool.find_backend_to_wake(tools.GRAPH) is None, "it has to be off before"
    await eventually(file.exists)
    backend.is_reachable = False
    await eventually(lambda: not machine.pool.is_stopping("alpha"))
    assert machine.pool.find_backend_to_wake(tools.GRAPH) == "alpha"


@pytest.mark.parametrize(
    ("sleep", "said"), [(FAIL, "No credit"), (DO_NOTHING, "it still answers after 0.05 s")]
)
async def test_one_that_cannot_be_stopped_takes_work_again(build, backend, tools, sleep, said):
    timings = PowerTimings(call_s=20, stop_s=0.05, poll_s=0.01, check_s=5)
    machine = build(backend, timings=timings, wake=DO_NOTHING, sleep=sleep, idle_s=60)
    await machine.look()
    await machine.look(after_s=61)
    await eventually(lambda: machine.changes == 1)
    assert said in (await machine.report()).problem
    assert await machine.pool.choose(tools.GRAPH) == "alpha"


def test_the_cheapest_that_is_worth_it_is_woken(tools):
    awake = tools.FakeBackend("awake")
    wakes = PowerSettings(wake=DO_NOTHING)
    pool = BackendPool(
        [
            PoolMember(awake),
            PoolMember(
                tools.FakeBackend("dear", is_reachable=False), cost=2, max_wait_s=60, power=wakes
            ),
            PoolMember(
                tools.FakeBackend("cheap", is_reachable=False), cost=1, max_wait_s=90, power=wakes
            ),
            PoolMember(tools.FakeBackend("off", is_reachable=False)),
        ]
    )

    def find(wait_s, **options):
        return pool.find_backend_to_wake(tools.GRAPH, wait_s=lambda _names: wait_s, **options)

    assert find(50) is None
    assert find(70) == "dear"
    assert find(100) == "cheap"
    assert find(100, avoid=["cheap"]) == "dear"
    awake.is_reachable = False
    assert find(0) == "cheap"
    pool.drain("cheap")
    assert find(0) == "dear"


async def test_what_waits_starts_the_gpu_and_is_told_so(open_app, sqlite_url, tools, tmp_path):
    file = tmp_path / "calls"
    backend = tools.FakeBackend("big", is_reachable=False)
    power = PowerSettings(wake=note(file), sleep=note(file), idle_s=0.05)
    async with open_app(sqlite_url, PoolMember(backend, power=power)) as app:
        accepted = await app.service.submit(tools.ask())
        await eventually(lambda: any(map(is_starting, app.notifier.events)))
        await eventually(file.exists)
        backend.is_reachable = True
        assert (await app.ended(accepted.id)).state is GenerationState.SUCCEEDED
        await eventually(lambda: app.pool.is_stopping("big"))
        await eventually(lambda: file.read_text() == "called\ncalled\n")


def is_starting(event):
    return isinstance(event, Waiting) and event.is_starting
