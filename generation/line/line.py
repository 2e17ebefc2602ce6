"""The line of accepted generations: starts, cancels and delivers them durably."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime

from dbos import DBOS

from db.errors import DatabaseError
from generation.backends.pool import BackendPool
from generation.backends.power import PowerManager
from generation.errors import GenerationError, ServiceUnavailable
from generation.estimates import LineEntry
from generation.history.records import Records
from generation.line import messages
from generation.line.dispatcher import Dispatcher
from generation.line.engine import destroy_engine, launch_engine
from generation.line.engine_log import Reminder
from generation.line.lease import FileLease, Lease, LineTaken, PostgresLease
from generation.line.messages import Message, MessageListener
from generation.line.queries import EngineQueries
from generation.line.reconciliation import Reconciliation
from generation.line.settings import KEPT_WORKFLOWS, EngineSettings, LineTimings
from generation.line.steps import Steps
from generation.line.workflows import Attempt, Workflows
from generation.record import Failure, Generation, copy_row
from generation.runs.delivery import Delivery
from generation.runs.outcome import Outcome, failed
from generation.runs.results import FinishedRun
from generation.runs.runner import Runner
from generation.runs.settlement import Settlement
from generation.tasks import TaskOwner, do_nothing, finish, unforeseen

_log = logging.getLogger(__name__)


class Line:
    """The line of this process; only one may be started at a time.

    With `takes_work` False, other processes on the same PostgreSQL run what it accepts.
    """

    def __init__(
        self,
        *,
        engine: EngineSettings,
        runner: Runner,
        settlement: Settlement,
        delivery: Delivery,
        records: Records,
        pool: BackendPool,
        power: PowerManager,
        clock: Callable[[], datetime],
        timings: LineTimings,
        note_changed: Callable[[Collection[str] | None], None],
        takes_work: bool,
    ) -> None:
        self._engine = engine
        self._note_changed = note_changed
        self._runner = runner
        self._records = records
        self._timings = timings
        self._takes_work = takes_work
        self._steps = Steps(runner, settlement, delivery, records, clock, self._timings)
        self._workflows: Workflows | None = None
        self._queries: EngineQueries | None = None
        self._lease: Lease | None = None
        self._listener: MessageListener | None = None
        self._reconciliation: Reconciliation | None = None
        self._tasks = TaskOwner(_log)
        self._look = asyncio.Event()
        self._reconciling = asyncio.Lock()
        self._has_cleared = False
        self._before_reconciliation: Callable[[], Awaitable[None]] = do_nothing
        self._dispatcher = Dispatcher(
            runner=runner,
            pool=pool,
            executor=self,
            power=power,
            clock=clock,
            timings=self._timings,
        )
        power.on_change = self._note_power
        self.on_power: Callable[[], None] = lambda: None
        runner.on_gpu_free = self._note_free

    @property
    def is_running(self) -> bool:
        """Whether the line is started and working."""
        return self._workflows is not None

    @property
    def gives_turns(self) -> bool:
        """Whether this process schedules; of all that share a database, one at a time does."""
        return self._dispatcher.is_open

    async def start(self) -> None:
        """Acquire the lease and start working, interrupted generations first.

        Raises LineTaken if another process works on the same data, ServiceUnavailable if the
        engine's tables cannot be used.
        """
        self._lease = await self._acquire_lease()
        try:
            self._workflows = await self._launch(self._lease)
        # Also when cancelled: nothing else would give the lease back.
        except BaseException as error:
            await destroy_engine()
            await self._lease.release()
            if isinstance(error, Exception):
                raise ServiceUnavailable("The queue's tables can't be used.") from error
            raise
        self._has_cleared = False
        self._tasks.start(self._reconcile_for_ever(), "reconciliation of the line")

    async def stop(self) -> None:
        """Stop; the next start continues running work. May be called twice."""
        await self._tasks.close()
        await self._halt()
        lease, self._lease = self._lease, None
        if lease is not None:
            await lease.release()

    async def enqueue(self, generation: Generation, *, has_inputs: bool) -> None:
        """Add an accepted generation. Idempotent.

        Raises ServiceUnavailable; reconciliation adds it later in that case.
        """
        self._running()
        entry = describe(generation)
        if self._dispatcher.is_open:
            if not has_inputs:
                self._runner.remember(generation)
            self._dispatcher.add(entry)
        else:
            await self._send("add", *messages.pack(entry))

    async def cancel(self, generation_id: str) -> None:
        """Start cancelling a generation and its run on a backend, without waiting for the end.

        Raises ServiceUnavailable; reconciliation cancels it later in that case.
        """
        # First, so that it is not handed out while the engine records the cancellation.
        self._drop(generation_id)
        try:
            await self._running().cancel(generation_id)
        except Exception as error:
            raise _unavailable() from error
        await self._tell_peers("drop", generation_id)

    async def deliver_decided(self, generation_id: str, telling: int) -> None:
        """Deliver a moderator's decision. Raises ServiceUnavailable; reconciliation retries."""
        try:
            await self._running().deliver(generation_id, telling)
        except Exception as error:
            raise _unavailable() from error

    def before_reconciliation(self, apply: Callable[[], Awaitable[None]]) -> None:
        """Set a callback to run before each reconciliation. It may raise DatabaseError."""
        self._before_reconciliation = apply

    async def refresh(self) -> None:
        """Apply a recorded change that affects scheduling, such as a pause, in every process."""
        await self._tell_peers("look")
        if self._dispatcher.is_open:
            try:
                await self.reconcile()
            except (DatabaseError, GenerationError):
                self._look.set()

    async def clear_old(self) -> int:
        """Delete the engine's records of work that ended long ago; return the count."""
        queries = self._queries
        if queries is None:
            raise _unavailable()
        before = datetime.now(UTC) - KEPT_WORKFLOWS
        deleted = 0
        while ended := await queries.find_ended(before):
            await DBOS.delete_workflows_async(ended)
            deleted += len(ended)
        return deleted

    async def reconcile(self) -> None:
        """Reconcile the schedule with the records, in the scheduling process."""
        async with self._reconciling:
            await self._reconcile()

    async def _reconcile(self) -> None:
        self._running()
        if self._lease is None or self._reconciliation is None:
            return
        # Another process may have worked under this name while the lease was lost.
        if await self._lease.ensure():
            self._has_cleared = False
        if not self._has_cleared:
            await self._reconciliation.clear_previous_incarnations()
            self._has_cleared = True
            await self._tell_peers("look")
        if not await self._lease.take_turns():
            if self._dispatcher.is_open:
                await self._dispatcher.close()
            return
        if not self._dispatcher.is_open:
            self._dispatcher.open()
        await self._reconciliation.run()

    async def start_attempt(self, slot: str, attempt: Attempt) -> None:
        """Start the attempt in that process. Callers retry on any error."""
        index, number = attempt.index, attempt.number
        if self._listener is None or self._is_for_this(slot):
            await self._running().attempt(attempt.generation_id, number, attempt.backend, index)
        else:
            await self._send("run", slot, attempt.generation_id, number, attempt.backend, index)

    async def prepare(self, slot: str, generation_id: str, backend: str) -> None:
        """Let that process upload the inputs of a generation likely to run there next."""
        if self._listener is None or self._is_for_this(slot):
            await self._runner.prepare(generation_id, backend)
        else:
            await self._tell_peers("prepare", slot, generation_id, backend)

    async def give_up(self, generation_id: str, failure: Failure | None) -> None:
        """End the generation with this failure; None is an unforeseen one."""
        if failure is None:
            reason = "it was interrupted again and again"
            await self._steps.settle_unforeseen(generation_id, reason)
        else:
            await self._steps.settlement.end(generation_id, FinishedRun(failed(failure)))
        await self._running().deliver(generation_id)

    def _take(self, message: Message) -> None:
        """Handle a message from a process on the same PostgreSQL, possibly this one."""
        match message:
            case ["look"]:
                self._look.set()
            case ["add", *facts]:
                self._dispatcher.add(messages.unpack(facts))
            case ["drop", generation_id]:
                self._drop(generation_id)
            case ["power"]:
                self.on_power()
            case ["free", generation_id]:
                self._dispatcher.note_free(generation_id)
            case ["end", generation_id, was_lost]:
                self._dispatcher.note_end(generation_id, was_lost=was_lost == "True")
            case ["prepare", slot, generation_id, backend] if self._is_for_this(slot):
                work = self._runner.prepare(generation_id, backend)
                self._tasks.start(work, f"preparation of {generation_id}")
            case ["run", slot, generation_id, number, backend, index] if self._is_for_this(slot):
                work = self._begin(generation_id, int(number), backend, int(index))
                self._tasks.start(work, f"start of {generation_id}")
            case _:
                pass

    async def _begin(self, generation_id: str, number: int, backend: str, index: int) -> None:
        try:
            await self._running().attempt(generation_id, number, backend, index)
        except Exception as error:  # noqa: BLE001 - it is handed out again
            _log.warning("Generation %s starts later: %s", generation_id, error)

    def _is_for_this(self, slot: str) -> bool:
        return self._lease is not None and self._lease.slot == slot and self.is_running

    def _drop(self, generation_id: str) -> None:
        self._dispatcher.remove(generation_id)
        self._runner.forget(generation_id)
        if self._workflows is not None:
            self._workflows.abort(generation_id)

    def _note_power(self) -> None:
        """Schedule again after a backend was started or stopped, here and in other processes."""
        self._dispatcher.wake()
        self.on_power()
        if self._listener is not None:
            self._tasks.start(self._tell_peers("power"), "message power")

    def _note_free(self, generation_id: str) -> None:
        self._dispatcher.note_free(generation_id)
        self._tell_soon("free", generation_id)

    def _note_end(self, generation_id: str, outcome: Outcome) -> None:
        if not self.is_running:
            return
        was_lost = outcome["ended"] == "lost"
        self._dispatcher.note_end(generation_id, was_lost=was_lost)
        self._tell_soon("end", generation_id, was_lost)

    def _tell_soon(self, *words: object) -> None:
        """Send a message to the scheduling process, unless that is this one."""
        if self._listener is not None and not self._dispatcher.is_open:
            self._tasks.start(self._tell_peers(*words), f"message {words[0]}")

    async def _tell_peers(self, *words: object) -> None:
        """Send a message; reconciliation compensates for a lost one."""
        if self._listener is None:
            return
        try:
            await self._send(*words)
        except ServiceUnavailable as error:
            _log.debug("Other processes learn it later: %s", error)

    async def _send(self, *words: object) -> None:
        if self._lease is None:
            raise _unavailable()
        await self._lease.send(messages.write(*words))

    async def _reconcile_for_ever(self) -> None:
        reminder = Reminder()
        while self.is_running:
            # Cleared first: what changes during this reconciliation causes another one.
            self._look.clear()
            try:
                await self._before_reconciliation()
                await self.reconcile()
                reminder = Reminder()
            except LineTaken:
                _log.critical("Another process has taken over this one's work. It stops working.")
                await finish(self._halt())
            except Exception as error:  # noqa: BLE001 - this loop is what mends failures
                level = logging.WARNING if reminder.is_due() else logging.DEBUG
                _log.log(level, "The line waits: %s", error, exc_info=unforeseen(error))
            try:
                async with asyncio.timeout(self._timings.reconcile_s):
                    await self._look.wait()
            except TimeoutError:
                pass

    async def _acquire_lease(self) -> Lease:
        path = self._engine.sqlite_path
        if path is None:
            return await PostgresLease(self._engine.url, takes_work=self._takes_work).acquire()
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        return await FileLease(path, takes_work=self._takes_work).acquire()

    async def _launch(self, lease: Lease) -> Workflows:
        workflows = Workflows(self._steps, self._timings, self._note_end)
        executor = await launch_engine(self._engine, lease.slot)
        self._queries = EngineQueries(self._engine)
        self._reconciliation = Reconciliation(
            records=self._records,
            steps=self._steps,
            workflows=workflows,
            queries=self._queries,
            dispatcher=self._dispatcher,
            lease=lease,
            executor=executor,
            timings=self._timings,
        )
        if self._engine.sqlite_path is None:
            self._listener = MessageListener(self._engine.url, self._take, self._note_changed)
            self._listener.open()
        return workflows

    async def _halt(self) -> None:
        """Stop the engine; the next start continues running work."""
        workflows, self._workflows = self._workflows, None
        if workflows is None:
            return
        await self._dispatcher.close()
        listener, self._listener = self._listener, None
        queries, self._queries = self._queries, None
        await workflows.stop()
        await destroy_engine()
        await workflows.stop()
        if queries is not None:
            queries.close()
        if listener is not None:
            await listener.close()

    def _running(self) -> Workflows:
        if self._workflows is None:
            raise _unavailable()
        return self._workflows


def describe(generation: Generation) -> LineEntry:
    """Reduce an accepted generation to what scheduling depends on."""
    return copy_row(LineEntry, generation, workload=1)


def _unavailable() -> ServiceUnavailable:
    return ServiceUnavailable("The queue can't be reached right now. Try again in a minute.")
