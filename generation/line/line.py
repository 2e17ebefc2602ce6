"""The line: takes accepted generations and brings each of them to its end."""

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from dbos import DBOS

from db.errors import DatabaseError
from generation.errors import GenerationError, ServiceUnavailable
from generation.history.records import Records, Unfinished
from generation.line.engine_log import Reminder, quieten
from generation.line.lease import FileLease, Lease, LineTaken, PostgresLease
from generation.line.serializer import JSONSerializer
from generation.line.settings import (
    APPLICATION_VERSION,
    KEPT_WORKFLOWS,
    MAX_ATTEMPTS,
    EngineSettings,
    LineTimings,
)
from generation.line.steps import Steps
from generation.line.workflows import Workflows, attempt_id, cancel_id, deliver_id
from generation.runs.delivery import Delivery
from generation.runs.runner import Runner
from generation.runs.settlement import Finisher
from generation.tasks import TaskOwner, finish

ENDED = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
"""The engine's states of a workflow that does nothing any more."""

STEPPED_OUT = "SUCCESS"
"""How a generation's workflow ended that brought it to no end: its turn came during a pause."""

BATCH = 200
"""Workflows asked for or deleted in one statement: SQLite limits its parameters."""

BROKEN = "ERROR"
"""The engine's state of a workflow that raised."""

BROKEN_TIMES = 3
"""A generation whose workflow broke begins again so often, and fails the next time."""

_log = logging.getLogger(__name__)


class Line:
    """One may live in a process at a time; another may follow it.

    With `takes_work` False it hands work over to other processes on the same PostgreSQL.
    """

    def __init__(
        self,
        *,
        engine: EngineSettings,
        runner: Runner,
        finisher: Finisher,
        delivery: Delivery,
        records: Records,
        concurrency: Mapping[str, int],
        clock: Callable[[], datetime],
        timings: LineTimings | None = None,
        takes_work: bool = True,
    ) -> None:
        self._engine = engine
        self._records = records
        self._concurrency = dict(concurrency)
        self._clock = clock
        self._timings = timings or LineTimings()
        self._takes_work = takes_work
        self._steps = Steps(runner, finisher, delivery, records, clock, self._timings)
        self._workflows: Workflows | None = None
        self._lease: Lease | None = None
        self._tasks = TaskOwner(_log)
        self._suspects: dict[str, float] = {}
        self._stranded: dict[str, float] = {}
        self._broken: Counter[str] = Counter()

    @property
    def is_running(self) -> bool:
        """Whether it takes and brings work to its end just now."""
        return self._workflows is not None

    async def start(self) -> None:
        """Take the lease, resume what was interrupted, and begin to work.

        Raises LineTaken when another process works on the same data, ServiceUnavailable when the
        engine's tables cannot be used.
        """
        self._lease = await self._acquire_lease()
        try:
            self._workflows = await self._launch(self._lease.slot)
        except BaseException as error:
            await _destroy_engine()
            await self._lease.release()
            if isinstance(error, Exception):
                raise ServiceUnavailable("The line's own tables cannot be used.") from error
            raise
        self._tasks.start(self._reconcile_for_ever(), "reconciliation of the line")

    async def stop(self) -> None:
        """Begin nothing new and leave what runs resumable. May be called twice."""
        await self._tasks.close()
        await self._halt()
        lease, self._lease = self._lease, None
        if lease is not None:
            await lease.release()

    async def enqueue(self, generation_id: str, user_id: int, *, lane: int, priority: bool) -> None:
        """Put an accepted generation in its person's line. Doing it again does nothing.

        Raises ServiceUnavailable; reconciliation does it later then.
        """
        try:
            await self._running().enqueue(generation_id, user_id, lane=lane, priority=priority)
        except Exception as error:
            raise _unavailable() from error

    async def cancel(self, generation_id: str) -> None:
        """End a generation as cancelled and take it off its backend; returns once that began.

        Raises ServiceUnavailable; reconciliation does it later then.
        """
        try:
            await self._running().cancel(generation_id)
        except Exception as error:
            raise _unavailable() from error

    async def deliver_decided(self, generation_id: str) -> None:
        """Tell what a moderator decided. Raises ServiceUnavailable; reconciliation does it then."""
        try:
            await self._running().deliver(generation_id, is_decided=True)
        except Exception as error:
            raise _unavailable() from error

    async def clear_old(self) -> int:
        """Delete the engine's records of work that ended long ago; how many it were."""
        self._running()
        before = (datetime.now(UTC) - KEPT_WORKFLOWS).isoformat()
        deleted = 0
        while found := await DBOS.list_workflows_async(
            status=sorted(ENDED),
            completed_before=before,
            limit=BATCH,
            load_input=False,
            load_output=False,
        ):
            await DBOS.delete_workflows_async([workflow.workflow_id for workflow in found])
            deleted += len(found)
        return deleted

    async def reconcile(self) -> None:
        """Pick up what fell between the application's transaction and the engine's."""
        workflows = self._running()
        unfinished = await self._records.unfinished()
        undelivered = await self._records.undelivered()
        ids = [one.id for one in unfinished]
        deliveries = {
            one: deliver_id(one, is_decided=is_decided) for one, is_decided in undelivered.items()
        }
        states = await _workflow_states([*ids, *map(cancel_id, ids), *deliveries.values()])
        for one in unfinished:
            await self._pick_up(workflows, one, states)
        for generation_id, is_decided in undelivered.items():
            state = states.get(deliveries[generation_id])
            if state is None:
                await workflows.deliver(generation_id, is_decided=is_decided)
            elif state in ENDED:
                await self._reconsider_delivery(generation_id, is_decided=is_decided)

    async def _pick_up(
        self, workflows: Workflows, one: Unfinished, states: Mapping[str, str]
    ) -> None:
        state, cancel_state = states.get(one.id), states.get(cancel_id(one.id))
        age_s = (self._clock() - one.created_at).total_seconds()
        if one.is_cancelled and cancel_state is None:
            await workflows.cancel(one.id)
        elif cancel_state == BROKEN and self._broken[cancel_id(one.id)] < BROKEN_TIMES:
            await self._cancel_again(workflows, one.id)
        elif cancel_state is not None and cancel_state not in ENDED:
            return
        elif state is None and age_s >= self._timings.reconcile_min_age_s:
            await workflows.enqueue(one.id, one.user_id, lane=one.lane, priority=one.priority)
        elif state == STEPPED_OUT and one.stepped_out_at is not None:
            await self._put_back(workflows, one, one.stepped_out_at)
        elif state == STEPPED_OUT and await self._records.has_stepped_out(one.id):
            return  # just now, since the unfinished ones were read
        elif state == BROKEN and self._broken[one.id] < BROKEN_TIMES:
            await self._begin_again(workflows, one)
        elif state in ENDED:
            self._broken.pop(one.id, None)
            await self._steps.settle_unforeseen(one.id, f"its workflow is {state}")

    async def _put_back(
        self, workflows: Workflows, one: Unfinished, stepped_out_at: datetime
    ) -> None:
        """Once its guild's line goes on, a generation waits again for its turn."""
        now = self._clock()
        age_s = (now - stepped_out_at).total_seconds()
        # Younger claims are just being acted upon, here or in another process.
        if one.is_paused or age_s < self._timings.reconcile_min_age_s:
            return
        if await self._records.claim_return(one.id, stepped_out_at, now):
            await DBOS.delete_workflows_async([one.id])
            await workflows.enqueue(one.id, one.user_id, lane=one.lane, priority=one.priority)

    async def _begin_again(self, workflows: Workflows, one: Unfinished) -> None:
        """A workflow broke, as some do when the database goes away at the wrong moment.

        What it did is found again: its steps are re-entrant, and a run keeps its prompt id.
        """
        self._broken[one.id] += 1
        _log.warning("The workflow of generation %s broke; it begins again.", one.id)
        attempts = await _workflow_states([attempt_id(one.id, n) for n in range(MAX_ATTEMPTS)])
        broken = [name for name, state in attempts.items() if state == BROKEN]
        await DBOS.delete_workflows_async([one.id, *broken])
        await workflows.enqueue(one.id, one.user_id, lane=one.lane, priority=one.priority)

    async def _cancel_again(self, workflows: Workflows, generation_id: str) -> None:
        """A cancellation broke: the engine records what fails of its own calls while it stops."""
        self._broken[cancel_id(generation_id)] += 1
        _log.warning("The cancellation of generation %s broke; it begins again.", generation_id)
        await DBOS.delete_workflows_async([cancel_id(generation_id)])
        await workflows.cancel(generation_id)

    async def _take_back_stranded(self) -> None:
        """Resume what is ours by the engine's tables and runs nowhere.

        The connection broke after the engine had claimed it there, and before it knew.
        """
        if self._lease is None or self._workflows is None or not self._takes_work:
            return
        found = await DBOS.list_workflows_async(
            status="PENDING", executor_id=[self._lease.slot], load_input=False, load_output=False
        )
        running, now = self._workflows.running_ids, asyncio.get_running_loop().time()
        idle = {one.workflow_id: one for one in found if one.workflow_id not in running}
        self._stranded = {name: self._stranded.get(name, now) for name in idle}
        for name, since in self._stranded.items():
            if now - since >= self._timings.takeover_grace_s:
                await DBOS.resume_workflows_async([name], queue_name=idle[name].queue_name)
                _log.warning("%s was claimed and did not run; it is resumed.", name)

    async def _reconsider_delivery(self, generation_id: str, *, is_decided: bool) -> None:
        """A delivery that ended without a record: it was recorded meanwhile, or it broke."""
        # A decision meanwhile has a delivery of its own.
        if (await self._records.undelivered()).get(generation_id) is is_decided:
            await self._steps.give_up_delivery(generation_id)

    async def _reconcile_for_ever(self) -> None:
        reminder = Reminder()
        while self.is_running:
            try:
                await self._keep_lease()
                await self.reconcile()
                await self._take_back_stranded()
                await self._take_over_from_dead_peers()
                reminder = Reminder()
            except LineTaken:
                _log.critical("Another process has taken over this one's work. It stops working.")
                await finish(self._halt())
            except Exception as error:  # noqa: BLE001 - this loop is what mends failures
                level = logging.WARNING if reminder.is_due() else logging.DEBUG
                was_foreseen = isinstance(error, DatabaseError | GenerationError)
                trace = None if was_foreseen else error
                _log.log(level, "The line waits: %s", error, exc_info=trace)
            await asyncio.sleep(self._timings.reconcile_s)

    async def _keep_lease(self) -> None:
        if self._lease is not None:
            await self._lease.ensure()

    async def _take_over_from_dead_peers(self) -> None:
        """On PostgreSQL: resume under our own name what a dead process left behind."""
        if self._lease is None or self._engine.sqlite_path is not None:
            return
        pending = await DBOS.list_workflows_async(
            status="PENDING", load_input=False, load_output=False
        )
        slots = {workflow.executor_id for workflow in pending} - {self._lease.slot, None}
        for slot in slots:
            assert slot is not None  # noqa: S101 - taken out above
            if await self._is_dead(slot):
                await self._take_over(slot)
        self._suspects = {slot: at for slot, at in self._suspects.items() if slot in slots}

    async def _is_dead(self, slot: str) -> bool:
        """Whether the peer's lease was free for the whole grace; it is held when it is."""
        assert self._lease is not None  # noqa: S101 - the caller looked
        if not await self._lease.try_peer(slot):
            self._suspects.pop(slot, None)
            return False
        now = asyncio.get_running_loop().time()
        if now - self._suspects.setdefault(slot, now) >= self._timings.takeover_grace_s:
            return True
        await self._lease.leave_peer(slot)
        return False

    async def _take_over(self, slot: str) -> None:
        assert self._lease is not None  # noqa: S101 - the caller looked
        try:
            for workflow in await DBOS.list_workflows_async(
                status="PENDING", executor_id=[slot], load_input=False, load_output=False
            ):
                # Without its queue's name it would leave the queue and escape its limits.
                await DBOS.resume_workflows_async(
                    [workflow.workflow_id], queue_name=workflow.queue_name
                )
                _log.info("Took over %s from %s.", workflow.workflow_id, slot)
        finally:
            await self._lease.leave_peer(slot)

    async def _acquire_lease(self) -> Lease:
        path = self._engine.sqlite_path
        if path is None:
            return await PostgresLease(self._engine.url).acquire()
        await asyncio.to_thread(_prepare_file, path.parent)
        return await FileLease(path).acquire()

    async def _launch(self, slot: str) -> Workflows:
        if self._engine.sqlite_path is not None:
            await asyncio.to_thread(_switch_to_wal, self._engine.sqlite_path)
        workflows = Workflows(self._steps, self._concurrency, self._timings)
        DBOS(
            config={
                "name": "limner",
                "system_database_url": self._engine.url,
                "executor_id": slot,
                "application_version": APPLICATION_VERSION,
                "serializer": JSONSerializer(),
                "console_log_level": "WARNING",
                "notification_listener_polling_interval_sec": 0.1,
                "db_engine_kwargs": self._engine.connection_options,
            }
        )
        quieten(logging.getLogger("dbos"))
        if not self._takes_work:
            DBOS.listen_queues([])
        # On the loop itself, although it blocks for a moment: the engine runs its workflows on
        # the loop that it is launched on.
        DBOS.launch()
        await workflows.register_queues()
        return workflows

    async def _halt(self) -> None:
        """Stop the engine, leaving what runs resumable."""
        workflows, self._workflows = self._workflows, None
        if workflows is not None:
            await workflows.stop()
            await _destroy_engine()
            await workflows.stop()

    def _running(self) -> Workflows:
        if self._workflows is None:
            raise _unavailable()
        return self._workflows


def _unavailable() -> ServiceUnavailable:
    return ServiceUnavailable("The line cannot be reached just now. Try again in a minute.")


def _prepare_file(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def _switch_to_wal(path: Path) -> None:
    """The engine leaves the journal as it is; writers would wait for readers."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


async def _workflow_states(ids: Collection[str]) -> dict[str, str]:
    """The engine's state of each of these workflows that it knows."""
    wanted = list(ids)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), BATCH):
        for workflow in await DBOS.list_workflows_async(
            workflow_ids=wanted[start : start + BATCH], load_input=False, load_output=False
        ):
            found[workflow.workflow_id] = workflow.status
    return found


async def _destroy_engine() -> None:
    """Give the loop back threads of its own, and shut the engine down.

    The engine makes its thread pool the loop's default one with each call, and closes it: others
    need threads meanwhile, and calls that are under way put it back.
    """
    loop = asyncio.get_running_loop()
    threads = ThreadPoolExecutor(thread_name_prefix="worker")
    loop.set_default_executor(threads)
    with ThreadPoolExecutor(1, thread_name_prefix="engine-shutdown") as pool:
        await loop.run_in_executor(pool, lambda: DBOS.destroy(destroy_registry=True))
    loop.set_default_executor(threads)
