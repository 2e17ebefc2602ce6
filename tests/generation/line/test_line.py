import asyncio
import logging
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from dbos import DBOS

from comfy.errors import BackendUnavailable, OutcomeUnknown, RunLost
from db.repositories.charges import ChargeRepository
from db.repositories.generations import GenerationRepository
from generation.backends.members import PoolMember
from generation.errors import FailureKind, ServiceUnavailable
from generation.line import LineTaken, LineTimings, dispatcher
from generation.line.lease import FileLease, PostgresLease
from generation.line.queries import EngineQueries
from generation.line.settings import EngineSettings
from generation.line.workflows import attempt_id, cancel_id
from generation.notifier import DeliveryPostponed
from generation.record import LONGEST_RUN_S, GenerationState
from generation.runs import orphaned_runs
from generation.runs.runner import REATTACH_S, RunLimits
from tests.support.rows import generation_row


async def test_a_lost_run_goes_on_at_another_backend(open_app, sqlite_url, tools):
    backends = [tools.FakeBackend("one"), tools.FakeBackend("two")]
    for backend in backends:
        backend.script.append(tools.Run(hold=asyncio.Event()))
    async with open_app(sqlite_url, *backends) as app:
        accepted = await app.service.submit(tools.ask())
        running = await app.until(accepted.id, GenerationState.RUNNING)
        first, second = sorted(backends, key=lambda one: one.name != running.backend)
        second.script.clear()
        first.is_reachable = False
        ended = await app.ended(accepted.id)
        assert ended.state is GenerationState.SUCCEEDED
        assert ended.backend == second.name
        assert len(first.submissions) == len(second.submissions) == 1
        assert first.submissions != second.submissions


async def test_a_backend_that_restarts_is_waited_for(open_app, sqlite_url, tools):
    backend = tools.FakeBackend("only")
    backend.script.append(tools.Run(hold=asyncio.Event()))
    async with open_app(sqlite_url, backend) as app:
        accepted = await app.service.submit(tools.ask())
        await app.until(accepted.id, GenerationState.RUNNING)
        backend.is_reachable = False
        backend.forget()
        await tools.eventually(lambda: backend.running == 0)
        backend.is_reachable = True
        ended = await app.ended(accepted.id)
        assert ended.state is GenerationState.SUCCEEDED
        # The same id again: had the backend only been cut off, the run would have been found.
        assert len(set(backend.submissions)) == 1
        # Only the first time may the backend be spared the question whether it has it.
        first, *later = backend.were_new
        assert first
        assert not any(later)


async def test_what_is_lost_again_and_again_is_given_up(open_app, sqlite_url, tools):
    backend = tools.FakeBackend("only", default=tools.Run(error=RunLost("restarted")))
    async with open_app(sqlite_url, backend) as app:
        accepted = await app.service.submit(tools.ask())
        ended = await app.ended(accepted.id)
        assert ended.failure.kind is FailureKind.BACKEND_OFFLINE


async def test_what_a_service_takes_no_work_for_goes_elsewhere(open_app, sqlite_url, tools):
    refusal = BackendUnavailable("The account has no credits.", code="insufficient_credits")
    poor = tools.FakeBackend("poor", default=tools.Run(error=refusal))
    rich = tools.FakeBackend("rich")
    async with open_app(sqlite_url, PoolMember(poor), PoolMember(rich, cost=1.0)) as app:
        accepted = await app.service.submit(tools.ask())
        ended = await app.ended(accepted.id)
        assert (ended.state, ended.backend) == (GenerationState.SUCCEEDED, "rich")
        assert len(poor.submissions) == 1
        status, _ = await app.pool.statuses()
        assert status.problem == "The account has no credits."
        assert app.pool.refusals == {"poor": "The account has no credits.", "rich": ""}


async def test_what_may_have_run_is_not_sent_again(open_app, sqlite_url, tools):
    backends = [
        tools.FakeBackend(name, default=tools.Run(error=OutcomeUnknown("It may have run it.")))
        for name in ("one", "two")
    ]
    async with open_app(sqlite_url, *backends) as app:
        accepted = await app.service.submit(tools.ask())
        ended = await app.ended(accepted.id)
        assert ended.failure.kind is FailureKind.BACKEND_OFFLINE
        assert ended.failure.sentence.endswith("so it is not sent again.")
        assert sum(len(one.submissions) for one in backends) == 1


async def test_a_generation_waits_for_a_backend_and_not_for_ever(open_app, sqlite_url, tools):
    backend = tools.FakeBackend("only", is_reachable=False)
    limits = RunLimits(total_s=0.8, reconnect_s=0.1, pause_s=0.02)
    async with open_app(sqlite_url, backend, limits=limits) as app:
        accepted = await app.service.submit(tools.ask())
        ended = await app.ended(accepted.id)
        assert ended.failure.kind is FailureKind.BACKEND_OFFLINE
        backend.is_reachable = True
        backend.script.append(tools.Run(hold=asyncio.Event()))
        accepted = await app.service.submit(tools.ask(user_id=2))
        ended = await app.ended(accepted.id)
        assert ended.failure.kind is FailureKind.TIMED_OUT
        assert backend.cancelled == backend.submissions


async def test_what_ran_and_was_told_before_a_long_pause_is_gone_on_with(
    open_app, sqlite_url, backend, tools
):
    """The bot was off for so long, or the clock was put forward."""
    hold = asyncio.Event()
    backend.script.extend([tools.Run(), tools.Run(hold=hold)])
    async with open_app(sqlite_url, backend) as app:
        app.notifier.script = [DeliveryPostponed("away")] * 1_000
        ended = await app.service.submit(tools.ask())
        await app.until(ended.id, GenerationState.SUCCEEDED)
        running = await app.service.submit(tools.ask(user_id=2))
        await app.until(running.id, GenerationState.RUNNING)
    hold.set()
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection, connection:
        for column in ("started_at", "finished_at"):
            past = f"datetime({column}, '-200 days')"
            connection.execute(f"UPDATE generations SET {column} = {past}")  # noqa: S608 - of the names above
    async with open_app(sqlite_url, backend) as app:
        app.notifier.script = [DeliveryPostponed("away")]
        finished = await app.ended(running.id)
        assert finished.state is GenerationState.SUCCEEDED
        # Nobody is charged for the time that the bot was off.
        assert finished.duration_s == LONGEST_RUN_S
        with app.database.transaction() as session:
            since = finished.created_at - timedelta(days=1)
            charged_ms = ChargeRepository(session).usage(2, 5, since).spent.gpu_ms
        assert charged_ms <= (LONGEST_RUN_S + REATTACH_S) * 1000
        await tools.eventually(lambda: app.notifier.told(ended.id))


async def test_what_an_earlier_version_left_in_its_queues_begins_again(
    open_app, sqlite_url, backend, tools
):
    hold = asyncio.Event()
    backend.script.append(tools.Run(hold=hold))
    async with open_app(sqlite_url, backend) as app:
        running = await app.service.submit(tools.ask())
        await app.until(running.id, GenerationState.RUNNING)
        waiting = await app.service.submit(tools.ask(user_id=1, guild_id=None))
        path = app.settings.engine.sqlite_path
    with closing(sqlite3.connect(path)) as connection, connection:
        _leave_as_version_1(connection, running.id, waiting.id)
    hold.set()
    async with open_app(sqlite_url, backend) as app:
        for one in (running, waiting):
            assert (await app.ended(one.id)).state is GenerationState.SUCCEEDED
        # An attempt's workflow ends after its generation is told.
        await tools.eventually(_is_engine_idle)
    assert len(backend.submissions) == len(set(backend.submissions)) == 2


def _leave_as_version_1(connection, running_id, waiting_id):
    """Its workflows had no lives in their executors' names, and waited in the engine's queues."""
    columns = [row[1] for row in connection.execute("PRAGMA table_info(workflow_status)")]
    connection.execute(
        "UPDATE workflow_status SET executor_id = 'limner-0', application_version = '1', "
        "queue_name = 'backends-2' WHERE workflow_uuid = ?",
        (f"{running_id}:0",),
    )
    left = {
        running_id: ("PENDING", "limner-0"),
        waiting_id: ("ENQUEUED", None),
    }
    for id_, (status, executor) in left.items():
        changed = {
            "workflow_uuid": id_,
            "name": "generate",
            "status": status,
            "executor_id": executor,
            "queue_name": "people",
        }
        chosen = [f":{one}" if one in changed else one for one in columns]
        connection.execute(
            f"INSERT INTO workflow_status ({', '.join(columns)}) SELECT {', '.join(chosen)} "  # noqa: S608 - of names that the table has
            "FROM workflow_status WHERE workflow_uuid = :like",
            {**changed, "like": f"{running_id}:0"},
        )


async def test_a_second_process_on_the_same_data_is_refused(open_app, sqlite_url, backend):
    async with open_app(sqlite_url, backend) as app:
        with pytest.raises(LineTaken, match="already running"):
            await FileLease(app.settings.engine.sqlite_path).acquire()


async def test_a_lock_file_that_cannot_be_made_is_named(tmp_path):
    with pytest.raises(LineTaken, match=r"engine\.db\.lock cannot be used"):
        await FileLease(tmp_path / "nowhere" / "engine.db").acquire()


async def test_a_stop_leaves_work_resumable_and_a_start_resumes_it(
    open_app, sqlite_url, backend, tools, caplog
):
    caplog.set_level(logging.WARNING)
    hold = asyncio.Event()
    backend.script.append(tools.Run(hold=hold))
    async with open_app(sqlite_url, backend) as app:
        running = await app.service.submit(tools.ask())
        await app.until(running.id, GenerationState.RUNNING)
        waiting = await app.service.submit(tools.ask(user_id=2))
        service = app.service
    await service.stop()
    with pytest.raises(ServiceUnavailable):
        await service._line.enqueue(waiting, has_inputs=False)
    assert backend.running == 0
    assert not backend.is_open
    hold.set()
    async with open_app(sqlite_url, backend) as app:
        for one in (running, waiting):
            assert (await app.ended(one.id)).state is GenerationState.SUCCEEDED
            assert len(app.notifier.told(one.id)) == 1
    assert len(backend.submissions) == len(set(backend.submissions)) == 2
    assert "Traceback" not in caplog.text


async def test_nothing_begins_while_the_line_stops(open_app, sqlite_url, backend, tools):
    hold = asyncio.Event()
    backend.script.append(tools.Run(hold=hold))
    async with open_app(sqlite_url, backend) as app:
        running = await app.service.submit(tools.ask())
        await app.until(running.id, GenerationState.RUNNING)
        workflows = app.service._line._workflows
        await workflows.stop()
        with pytest.raises(asyncio.CancelledError):
            await workflows._unless_stopping(backend.close)
        late = await app.service.submit(tools.ask(user_id=2))
        await tools.eventually(lambda: _is_pending(attempt_id(late.id, 0)))
        assert len(backend.submissions) == 1
    hold.set()
    async with open_app(sqlite_url, backend) as app:
        for one in (running, late):
            assert (await app.ended(one.id)).state is GenerationState.SUCCEEDED


async def _is_engine_idle():
    return not await DBOS.list_workflows_async(status=["ENQUEUED", "PENDING"])


async def _is_pending(workflow_id):
    found = await DBOS.list_workflows_async(
        workflow_ids=[workflow_id], load_input=False, load_output=False
    )
    return [one.status for one in found] == ["PENDING"]


async def test_what_was_accepted_but_not_enqueued_is_picked_up(
    open_app, sqlite_url, backend, tools
):
    async with open_app(sqlite_url, backend) as app:

        async def fail(*args, **kwargs):
            raise ServiceUnavailable("away")

        app.service._line.enqueue = fail
        accepted = await app.service.submit(tools.ask())
        assert (await app.ended(accepted.id)).state is GenerationState.SUCCEEDED


async def test_a_wish_to_cancel_that_was_only_recorded_is_picked_up(
    open_app, sqlite_url, backend, tools
):
    backend.script.append(tools.Run(hold=asyncio.Event()))
    async with open_app(sqlite_url, backend) as app:
        accepted = await app.service.submit(tools.ask())
        await app.until(accepted.id, GenerationState.RUNNING)
        with app.database.transaction() as session:
            GenerationRepository(session).update(accepted.id, cancelled_by=1)
        assert (await app.ended(accepted.id)).state is GenerationState.CANCELLED


async def test_a_cancellation_that_broke_begins_again(open_app, sqlite_url, backend, tools):
    backend.script.append(tools.Run(hold=asyncio.Event()))
    async with open_app(sqlite_url, backend) as app:
        steps = app.service._line._steps
        faults, settle = ["No DBOS was created yet"], steps.settlement.cancel

        async def settle_at_the_second_try(generation_id):
            if faults:
                raise RuntimeError(faults.pop())
            return await settle(generation_id)

        steps.settlement.cancel = settle_at_the_second_try
        accepted = await app.service.submit(tools.ask())
        await app.until(accepted.id, GenerationState.RUNNING)
        await app.service.cancel(accepted.id, user_id=1)
        assert (await app.ended(accepted.id)).state is GenerationState.CANCELLED
        assert not faults


async def test_an_end_that_was_settled_but_not_told_is_told(open_app, sqlite_url, backend, tools):
    async with open_app(sqlite_url, backend) as app:
        accepted = await app.service.submit(tools.ask())
        await app.ended(accepted.id)
        with app.database.transaction() as session:
            generations = GenerationRepository(session)
            generations.add(
                generation_row(
                    "zzzzz", guild_id=None, created_at=accepted.created_at, state="failed"
                )
            )
        await app.ended("zzzzz")
        assert len(app.notifier.told("zzzzz")) == 1


async def test_what_is_interrupted_again_and_again_ends_in_a_failure(
    open_app, sqlite_url, backend, tools, monkeypatch
):
    monkeypatch.setattr(dispatcher, "MAX_STARTS", 3)
    backend.default = tools.Run(hold=asyncio.Event())
    async with open_app(sqlite_url, backend) as app:
        accepted = await app.service.submit(tools.ask())
        for number in range(3):
            await tools.eventually(lambda n=number: len(backend.were_new) > n)
            await app.service._line._workflows.drop_tasks()
        ended = await app.ended(accepted.id)
        assert ended.state is GenerationState.FAILED
        assert "reference" in ended.failure.facts
        assert len(set(backend.submissions)) == 1


async def test_old_workflows_are_cleared_away(open_app, sqlite_url, backend, tools, monkeypatch):
    async with open_app(sqlite_url, backend) as app:
        accepted = await app.service.submit(tools.ask())
        await app.ended(accepted.id)
        assert await app.service._line.clear_old() == 0
        monkeypatch.setattr("generation.line.line.KEPT_WORKFLOWS", timedelta(seconds=-60))
        assert await tools.eventually(app.service._line.clear_old)
    with pytest.raises(ServiceUnavailable):
        await app.service._line.clear_old()


async def test_the_whole_way_on_postgresql(open_app, postgres_url, backend, tools):
    hold = asyncio.Event()
    backend.script.append(tools.Run(hold=hold))
    async with open_app(postgres_url, backend) as app:
        first = await app.service.submit(tools.ask())
        await app.until(first.id, GenerationState.RUNNING)
        second = await app.service.submit(tools.ask(user_id=2))
        await app.ended(second.id)
        await app.service.cancel(first.id, user_id=1)
        assert (await app.ended(first.id)).state is GenerationState.CANCELLED


async def test_what_ended_while_it_was_looked_up_is_not_given_up(
    open_app, sqlite_url, backend, tools, caplog
):
    async with open_app(sqlite_url, backend) as app:
        ended = await app.ended((await app.service.submit(tools.ask())).id)
        steps = app.service._line._steps
        assert not await steps.settle_unforeseen(ended.id, "its workflow is SUCCESS")
        assert (await app.service.find(ended.id)).state is GenerationState.SUCCEEDED
    assert "given up" not in caplog.text


async def test_a_dead_peers_work_is_taken_over(open_app, postgres_url, backend, tools):
    hold = asyncio.Event()
    backend.script.append(tools.Run(hold=hold))
    async with open_app(postgres_url, backend) as app:
        accepted = await app.service.submit(tools.ask())
        await app.until(accepted.id, GenerationState.RUNNING)
        # As if another process had been doing it, and had died.
        await app.service._line._workflows.drop_tasks()
        with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
            connection.execute(
                "UPDATE dbos.workflow_status SET executor_id = 'limner-9' WHERE status = 'PENDING'"
            )
        hold.set()
        assert (await app.ended(accepted.id)).state is GenerationState.SUCCEEDED
        assert len(backend.submissions) == 1
        assert len(app.notifier.told(accepted.id)) == 1


async def test_what_another_process_left_under_a_name_that_is_taken_anew_begins_again(
    open_app, postgres_url, backend, tools
):
    """This one stood still, another one took its name and was killed; a third gives turns."""
    backend.script.append(tools.Run(hold=asyncio.Event()))
    async with open_app(postgres_url, backend) as app:
        accepted = await app.service.submit(tools.ask())
        await app.until(accepted.id, GenerationState.RUNNING)
        line = app.service._line
        front = await PostgresLease(postgres_url, takes_work=False).acquire()
        async with line._reconciling:
            line._lease._connection.close()
            await tools.eventually(front.take_turns)
            await line._workflows.drop_tasks()
            with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
                connection.execute(
                    "UPDATE dbos.workflow_status SET status = 'PENDING', "
                    "executor_id = 'limner-0@another' WHERE workflow_uuid = %s",
                    (attempt_id(accepted.id, 0),),
                )
        await line.reconcile()
        queries = EngineQueries(EngineSettings.beside(postgres_url, Path()))
        left = [one for one in await queries.find_open() if one.generation_id == accepted.id]
        queries.close()
        await front.release()
        assert left == []


@pytest.mark.parametrize(
    "state",
    ["PENDING", "ERROR"],
    ids=["claimed when the connection broke", "broken by the engine"],
)
async def test_a_workflow_that_runs_nowhere_is_resumed(
    open_app, postgres_url, backend, tools, state
):
    hold = asyncio.Event()
    backend.script.append(tools.Run(hold=hold))
    async with open_app(postgres_url, backend) as app:
        accepted = await app.service.submit(tools.ask())
        await app.until(accepted.id, GenerationState.RUNNING)
        await app.service._line._workflows.drop_tasks()
        with closing(psycopg.connect(postgres_url, autocommit=True)) as connection:
            connection.execute(
                "UPDATE dbos.workflow_status SET status = %s WHERE status = 'PENDING'", (state,)
            )
        hold.set()
        assert (await app.ended(accepted.id)).state is GenerationState.SUCCEEDED
        assert len(set(backend.submissions)) == 1
        assert len(app.notifier.told(accepted.id)) == 1


async def test_processes_that_share_postgresql_take_names_of_their_own(postgres_url, tools):
    first = await PostgresLease(postgres_url).acquire()
    second = await PostgresLease(postgres_url).acquire()
    front = await PostgresLease(postgres_url, takes_work=False).acquire()
    assert (first.slot, second.slot, front.slot) == ("limner-0", "limner-1", "limner-bot-0")
    assert await second.peers() == {first.slot, second.slot, front.slot}
    await first.release()

    async def is_gone():
        return first.slot not in await second.peers()

    # PostgreSQL ends the session of a closed connection a moment later.
    await tools.eventually(is_gone)
    third = await PostgresLease(postgres_url).acquire()
    assert third.slot == "limner-0"
    for lease in (second, front, third, third):
        await lease.release()


async def test_one_process_gives_turns_until_its_connection_ends(postgres_url, tools):
    first = await PostgresLease(postgres_url).acquire()
    second = await PostgresLease(postgres_url).acquire()
    assert await first.take_turns()
    assert await first.take_turns()
    assert not await second.take_turns()
    first._connection.close()
    await tools.eventually(second.take_turns)
    await first.ensure()
    assert not await first.take_turns()
    for lease in (first, second):
        await lease.release()


async def test_one_that_stands_still_while_it_gives_turns_gives_none_when_it_goes_on(
    postgres_url, tools
):
    stands_still = await PostgresLease(postgres_url).acquire()
    patient = await PostgresLease(postgres_url).acquire()
    peer = await PostgresLease(postgres_url, standstill_s=0).acquire()
    assert await stands_still.take_turns()
    assert not await patient.take_turns()
    await stands_still.send("heard")
    await tools.eventually(peer.take_turns)
    with pytest.raises(ServiceUnavailable):
        await stands_still.send("not heard")
    assert await stands_still.ensure()
    assert stands_still.slot == "limner-0"
    assert not await stands_still.take_turns()
    for lease in (stands_still, patient, peer):
        await lease.release()


async def test_a_lease_whose_connection_broke_is_taken_again_or_lost(postgres_url):
    lease = await PostgresLease(postgres_url).acquire()
    assert not await lease.ensure()
    lease._connection.close()
    assert await lease.ensure()
    assert lease.slot == "limner-0"
    lease._connection.close()
    # The server may take a moment to end the session and free its name.
    while (other := await PostgresLease(postgres_url).acquire()).slot != "limner-0":
        await other.release()
    with pytest.raises(LineTaken):
        await lease.ensure()
    for one in (lease, other):
        await one.release()


async def test_a_lease_is_taken_again_while_its_old_session_lives_on(postgres_url):
    lease = await PostgresLease(postgres_url).acquire()
    # Behind a dead network the server keeps a session that this side has given up.
    old, lease._connection = lease._connection, None
    assert await lease.ensure()
    assert lease.slot == "limner-0"
    old.close()
    await lease.release()


async def test_a_lease_over_a_dead_network_is_noticed_before_a_peer_takes_over(postgres_url):
    lease = await PostgresLease(postgres_url).acquire()
    try:
        options = lease._connection.info.get_parameters()
    finally:
        await lease.release()
    idle_s, interval_s, count = (
        int(options[f"keepalives_{name}"]) for name in ("idle", "interval", "count")
    )
    dropped_after_s = idle_s + interval_s * count
    noticed_after_s = int(options["tcp_user_timeout"]) / 1000
    assert noticed_after_s < dropped_after_s + LineTimings().takeover_grace_s


async def test_a_server_that_is_away_is_told_in_words():
    with pytest.raises(ServiceUnavailable, match="PostgreSQL"):
        await PostgresLease("postgresql://nobody@127.0.0.1:1/none").acquire()


async def test_a_line_that_lost_its_lease_stops_working(open_app, sqlite_url, backend, tools):
    async with open_app(sqlite_url, backend) as app:

        async def ensure():
            raise LineTaken("taken")

        app.service._line._lease.ensure = ensure
        await tools.eventually(lambda: not app.service.is_running)
        accepted = await app.service.submit(tools.ask())
    async with open_app(sqlite_url, backend) as app:
        assert (await app.ended(accepted.id)).state is GenerationState.SUCCEEDED


async def test_a_process_that_runs_nothing_leaves_it_to_others(
    open_app, sqlite_url, backend, tools
):
    async with open_app(sqlite_url, backend, runs_generations=False) as app:
        accepted = await app.service.submit(tools.ask())
        cancelled = await app.service.submit(tools.ask(user_id=2))
        await app.service.cancel(cancelled.id, user_id=2)
        assert (await app.ended(cancelled.id)).state is GenerationState.CANCELLED
        assert (await app.service.find(accepted.id)).state is GenerationState.WAITING
    assert backend.submissions == []
    async with open_app(sqlite_url, backend) as app:
        assert (await app.ended(accepted.id)).state is GenerationState.SUCCEEDED


async def test_what_another_backend_took_over_is_withdrawn_when_the_first_returns(
    open_app, sqlite_url, tools, monkeypatch
):
    monkeypatch.setattr(orphaned_runs, "REACHABLE_POLL_S", 0.01)
    backends = [tools.FakeBackend("one"), tools.FakeBackend("two")]
    for backend in backends:
        backend.script.append(tools.Run(hold=asyncio.Event()))
    async with open_app(sqlite_url, *backends) as app:
        accepted = await app.service.submit(tools.ask())
        running = await app.until(accepted.id, GenerationState.RUNNING)
        first, second = sorted(backends, key=lambda one: one.name != running.backend)
        second.script.clear()
        first.is_reachable = False
        await app.ended(accepted.id)
        assert first.cancelled == []
        first.is_reachable = True
        await tools.eventually(lambda: first.cancelled)
        assert first.cancelled == first.submissions
        assert second.cancelled == []


async def has_ended(workflow_id):
    found = await DBOS.list_workflows_async(workflow_ids=[workflow_id])
    return found and found[0].status == "SUCCESS"


async def test_what_was_cancelled_while_its_backend_was_away_is_taken_off_it_later(
    open_app, sqlite_url, tools, monkeypatch
):
    monkeypatch.setattr(orphaned_runs, "REACHABLE_POLL_S", 0.01)
    backend = tools.FakeBackend("only")
    backend.script.append(tools.Run(hold=asyncio.Event()))
    patient = RunLimits(total_s=30, reconnect_s=30, pause_s=0.02)
    async with open_app(sqlite_url, backend, limits=patient) as app:
        accepted = await app.service.submit(tools.ask())
        await app.until(accepted.id, GenerationState.RUNNING)
        backend.is_reachable = False
        await app.service.cancel(accepted.id, user_id=accepted.user_id)
        ended = await app.ended(accepted.id)
        assert ended.state is GenerationState.CANCELLED
        await tools.eventually(lambda: has_ended(cancel_id(accepted.id)))
        assert backend.cancelled == []
        backend.is_reachable = True
        await tools.eventually(lambda: backend.cancelled == backend.submissions)


async def test_a_drained_backend_ends_what_it_has_and_gives_the_rest_away(
    open_app, sqlite_url, tools
):
    one, two = tools.FakeBackend("one"), tools.FakeBackend("two", is_reachable=False)
    release = asyncio.Event()
    one.script.append(tools.Run(hold=release))
    async with open_app(sqlite_url, one, two) as app:
        kept = await app.service.submit(tools.ask())
        await app.until(kept.id, GenerationState.RUNNING)
        app.pool.drain("one")
        two.is_reachable = True
        moved = await app.service.submit(tools.ask(user_id=2))
        assert (await app.ended(moved.id)).backend == "two"
        release.set()
        ended = await app.ended(kept.id)
        assert (ended.state, ended.backend) == (GenerationState.SUCCEEDED, "one")
        assert len(one.submissions) == 1


async def test_a_backend_from_which_a_run_was_withdrawn_can_take_it_again(
    open_app, sqlite_url, tools, monkeypatch
):
    monkeypatch.setattr(orphaned_runs, "REACHABLE_POLL_S", 0.01)
    backends = [tools.FakeBackend("one"), tools.FakeBackend("two")]
    for backend in backends:
        backend.script.append(tools.Run(hold=asyncio.Event()))
    async with open_app(sqlite_url, *backends) as app:
        accepted = await app.service.submit(tools.ask())
        running = await app.until(accepted.id, GenerationState.RUNNING)
        first, second = sorted(backends, key=lambda one: one.name != running.backend)
        first.is_reachable = False
        await tools.eventually(lambda: second.running)
        first.is_reachable = True
        await tools.eventually(lambda: first.cancelled)
        second.is_reachable = False
        ended = await app.ended(accepted.id)
        assert (ended.state, ended.backend) == (GenerationState.SUCCEEDED, first.name)
        withdrawn, taken_again = first.submissions
        assert withdrawn != taken_again


async def test_a_submission_in_progress_is_accepted_before_the_end(open_app, sqlite_url, tools):
    begun, is_there = asyncio.Event(), asyncio.Event()

    async def fetch():
        begun.set()
        await is_there.wait()
        return tools.PICTURE

    async with open_app(sqlite_url, tools.FakeBackend("only")) as app:
        request = replace(tools.ask(workflow="img2img-sd"), files={"image": fetch})
        submitting = asyncio.create_task(app.service.submit(request))
        was_running = []
        submitting.add_done_callback(lambda _: was_running.append(app.service.is_running))
        await begun.wait()
        stopping = asyncio.create_task(app.service.stop())
        await asyncio.sleep(0)
        is_there.set()
        await stopping
        assert (await submitting).state is GenerationState.WAITING
        assert was_running == [True]


async def test_calls_of_the_engine_under_way_leave_threads_after_its_end(
    open_app, sqlite_url, tools
):
    async with open_app(sqlite_url, tools.FakeBackend("only")) as app:
        asking = [asyncio.create_task(_ask_the_engine_to_its_end()) for _ in range(8)]
        await asyncio.sleep(0)
        await app.service.stop()
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        assert all(isinstance(one, BaseException) for one in outcomes)
        assert await asyncio.to_thread(str, 1) == "1"


async def _ask_the_engine_to_its_end():
    while True:
        await DBOS.list_workflows_async(load_input=False, load_output=False)
