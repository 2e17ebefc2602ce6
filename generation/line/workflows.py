"""The engine's workflows: an attempt to run a generation, its cancellation, its delivery.

None has steps, and none is ever resumed. An attempt is re-entrant, because it reads our own records
and keeps its prompt id. The engine records that it began, where, and how it ended, in four
statements. If two processes start the same attempt, the engine lets the second do nothing.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from dbos import DBOS, SetWorkflowID

from db.errors import DatabaseDenied, DatabaseUnavailable, DatabaseUnreadable
from generation.line.settings import LineTimings
from generation.line.steps import Steps
from generation.notifier import DeliveryImpossible, DeliveryPostponed
from generation.runs.outcome import WITHDRAWN, Outcome
from generation.runs.results import FinishedRun, RecordedEnd

ATTEMPT, CANCEL, DELIVER = "attempt", "cancel", "deliver"

ENDED = frozenset({"SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"})
"""The engine's states of a workflow that has ended."""

OPEN = ("PENDING", "ENQUEUED", "DELAYED")
"""The engine's other states."""

SUCCEEDED = "SUCCESS"
"""The engine's state of a workflow that returned."""

BROKEN = "ERROR"
"""The engine's state of a workflow that raised."""

DELIVERY_LEAST_SHARE = 24
"""A process that starts a delivery tries for at least the total time divided by this: an hour of a
day."""

TRANSIENT = (DatabaseUnavailable, DatabaseUnreadable, DatabaseDenied)
"""Errors after which a retry may succeed, perhaps because somebody fixed a disk or a password."""

_log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt as the engine recorded it. `index` numbers the generation's backends."""

    generation_id: str
    number: int
    backend: str
    index: int
    state: str = "PENDING"
    was_lost: bool = False


@dataclass(frozen=True, slots=True)
class OpenWorkflow:
    """A workflow that has not ended, and the executor that runs it."""

    id: str
    kind: str
    executor: str | None
    attempt: Attempt | None = None

    @property
    def generation_id(self) -> str:
        """The generation it belongs to."""
        return self.id.partition(":")[0]


class Workflows:
    """Registers the workflows with the engine, starts them, and tracks those that run here."""

    def __init__(
        self,
        steps: Steps,
        timings: LineTimings,
        ended: Callable[[str, Outcome], None] = lambda _generation_id, _outcome: None,
    ) -> None:
        self._steps = steps
        self._timings = timings
        self._ended = ended
        self._tasks: dict[asyncio.Task[Any], str | None] = {}
        self._runs: dict[str, asyncio.Task[FinishedRun]] = {}
        self._is_stopping = False
        self._attempt = self._declare(ATTEMPT, self._attempt_body)
        self._cancel = self._declare(CANCEL, self._cancel_body)
        self._deliver = self._declare(DELIVER, self._deliver_body)

    async def stop(self) -> None:
        """Start no more workflows and cancel the running ones. May be called twice."""
        self._is_stopping = True
        await self.drop_tasks()

    async def drop_tasks(self) -> None:
        """Cancel the tasks of all running workflows; they begin again at the next start."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    @property
    def running_ids(self) -> frozenset[str | None]:
        """The ids of the workflows that run in this process."""
        return frozenset(self._tasks.values())

    async def attempt(self, generation_id: str, number: int, backend: str, index: int) -> None:
        """Start an attempt. Has no effect if it was started before, here or elsewhere."""
        with SetWorkflowID(attempt_id(generation_id, number)):
            await DBOS.start_workflow_async(self._attempt, generation_id, backend, index)

    async def cancel(self, generation_id: str) -> None:
        """Start cancelling a generation. Has no effect if that was started before."""
        with SetWorkflowID(cancel_id(generation_id)):
            await DBOS.start_workflow_async(self._cancel, generation_id)

    async def deliver(self, generation_id: str, telling: int = 0) -> None:
        """Start delivering an end. Has no effect if that was started before.

        `telling` numbers the moderators' decisions that changed what is delivered.
        """
        with SetWorkflowID(deliver_id(generation_id, telling)):
            await DBOS.start_workflow_async(self._deliver, generation_id, telling > 0)

    def abort(self, generation_id: str) -> None:
        """Stop following a run in this process, because the generation is ended another way."""
        run = self._runs.get(generation_id)
        if run is not None:
            run.cancel("aborted")

    async def _attempt_body(self, generation_id: str, backend: str, index: int) -> Outcome:
        outcome: Outcome = WITHDRAWN
        try:
            run = await self._run(generation_id, backend, index)
            outcome = run.outcome
            if outcome["ended"] in ("succeeded", "failed"):
                with self._steps.delivery.preparing(run):
                    recorded = await self._retry_transient(
                        self._steps.settlement.end, generation_id, run
                    )
                    if recorded is not None:
                        await self._deliver_or_defer(generation_id, recorded)
            return outcome
        finally:
            self._ended(generation_id, outcome)

    async def _run(self, generation_id: str, backend: str, index: int) -> FinishedRun:
        work = self._retry_transient(self._steps.runner.run, generation_id, backend, index)
        run = asyncio.create_task(work, name=f"run of {generation_id}")
        self._runs[generation_id] = run
        try:
            # `await run` would not tell its cancellation, by `abort`, from ours.
            await asyncio.wait({run})
        finally:
            if self._runs.get(generation_id) is run:
                del self._runs[generation_id]
            if not run.done():
                run.cancel()
                await asyncio.wait({run})
        # Cancelled by `abort`: something else ends the generation.
        if run.cancelled() and not self._is_stopping:
            return FinishedRun(WITHDRAWN)
        return run.result()

    async def _deliver_or_defer(self, generation_id: str, recorded: RecordedEnd) -> None:
        """Deliver an end, or leave it to a separate workflow that retries for a day."""
        if not await self._try_delivery(generation_id, recorded):
            await self.deliver(generation_id)

    async def _try_delivery(self, generation_id: str, recorded: RecordedEnd | None = None) -> bool:
        """Deliver once; return whether nothing is left to deliver."""
        try:
            await self._retry_transient(self._steps.delivery.deliver, generation_id, recorded)
        except DeliveryPostponed as error:
            _log.info("The end of generation %s is told later: %s", generation_id, error)
            return False
        except DeliveryImpossible as error:
            _log.info("The end of generation %s cannot be told: %s", generation_id, error)
            await self._retry_transient(self._steps.delivery.give_up, generation_id)
        return True

    async def _cancel_body(self, generation_id: str) -> None:
        self.abort(generation_id)
        recorded = await self._retry_transient(self._steps.settlement.cancel, generation_id)
        if recorded is not None:
            await self._deliver_or_defer(generation_id, recorded)
        await self._retry_transient(self._steps.stop, generation_id)

    async def _deliver_body(self, generation_id: str, is_decided: bool = False) -> None:  # noqa: FBT001, FBT002 - the engine stores arguments by position
        loop = asyncio.get_running_loop()
        began_at, pause_s = loop.time(), self._timings.delivery_pause_s
        left_s = self._timings.delivery_total_s
        if not is_decided:
            # No attempt was made while the bot was stopped, and clocks may be changed.
            passed_s = await self._retry_transient(self._steps.seconds_since_end, generation_id)
            left_s = min(max(left_s - passed_s, left_s / DELIVERY_LEAST_SHARE), left_s)
        while not await self._try_delivery(generation_id):
            if loop.time() - began_at >= left_s:
                await self._retry_transient(self._steps.delivery.give_up, generation_id)
                return
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, self._timings.delivery_max_pause_s)

    async def _retry_transient(
        self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Retry while the database is unavailable, without a time limit."""
        pause_s = self._timings.retry_pause_s
        while True:
            try:
                return await self._unless_stopping(work, *args, **kwargs)
            except TRANSIENT:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, self._timings.retry_max_pause_s)

    def _declare(
        self, name: str, body: Callable[P, Coroutine[Any, Any, T]]
    ) -> Callable[P, Coroutine[Any, Any, T]]:
        """Register a workflow with the engine; `drop_tasks` cancels its running tasks."""

        async def owned(*args: P.args, **kwargs: P.kwargs) -> T:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - a coroutine that runs has a task
            self._tasks[task] = DBOS.workflow_id
            try:
                return await self._unless_stopping(body, *args, **kwargs)
            finally:
                self._tasks.pop(task, None)

        # The engine records this name with each workflow: it must not change between versions.
        return DBOS.workflow(name=name)(owned)

    async def _unless_stopping(
        self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Raise CancelledError instead of starting or failing while the line stops.

        Otherwise the engine would record errors of closed resources as the workflow's outcome.
        """
        if self._is_stopping:
            raise asyncio.CancelledError
        try:
            return await work(*args, **kwargs)
        except Exception as error:
            if self._is_stopping:
                raise asyncio.CancelledError from error
            raise


def attempt_id(generation_id: str, number: int) -> str:
    """Return the workflow id of one attempt."""
    return f"{generation_id}:{number}"


def cancel_id(generation_id: str) -> str:
    """Return the workflow id of a generation's cancellation."""
    return f"{generation_id}:cancel"


def deliver_id(generation_id: str, telling: int = 0) -> str:
    """Return the workflow id of a generation's delivery, the first or after a decision."""
    if not telling:
        return f"{generation_id}:deliver"
    return f"{generation_id}:decided{telling if telling > 1 else ''}"
