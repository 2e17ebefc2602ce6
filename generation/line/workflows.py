"""The workflows of the line: one generation's run, its attempts, its cancellation, its delivery.

Two kinds of queue hold work back: one gives every person their turn (a partition for each of their
lanes, of which people have as many as they may have generations running), one hands each backend
as many graphs as it takes at a time (a partition a backend).
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ParamSpec, TypeVar

from dbos import DBOS, SetEnqueueOptions, SetWorkflowID, StepOptions

from db.errors import DatabaseDenied, DatabaseUnavailable, DatabaseUnreadable
from generation.line.settings import (
    MAX_ATTEMPTS,
    MAX_RECOVERIES,
    RUNS_A_LANE,
    SPARE_TURNS,
    LineTimings,
)
from generation.line.steps import Steps
from generation.runs import failures
from generation.runs.outcome import Outcome, failed

PEOPLE = "people"
PRIORITY_PEOPLE = "priority-people"

PREEMPTIBLE = frozenset({"choose", "run"})
"""Steps that a cancellation ends at once; the others are short."""

P = ParamSpec("P")
T = TypeVar("T")

Body = Callable[..., Coroutine[Any, Any, None]]


class Workflows:
    """Declares the workflows to a fresh engine, and starts them."""

    def __init__(self, steps: Steps, concurrency: Mapping[str, int], timings: LineTimings) -> None:
        self._steps = steps
        self._concurrency = dict(concurrency)
        self._timings = timings
        self._tasks: dict[asyncio.Task[Any], str | None] = {}
        self._is_stopping = False
        self._generate: Body = self._declare("generate", self._generate_and_release)
        self._attempt = self._declare("attempt", self._attempt_body)
        self._cancel: Body = self._declare("cancel", self._cancel_body, recoveries=None)
        self._deliver: Body = self._declare("deliver", self._deliver_body, recoveries=None)

    async def register_queues(self) -> None:
        """Tell the launched engine how much may run at once."""
        slots = sum(self._concurrency.values())
        for name, polling_s in (
            (PEOPLE, self._timings.polling_s),
            (PRIORITY_PEOPLE, self._timings.priority_polling_s),
        ):
            await DBOS.register_queue_async(
                name,
                partition_concurrency=RUNS_A_LANE,
                global_concurrency=slots + SPARE_TURNS,
                polling_interval_sec=polling_s,
            )
        for graphs in set(self._concurrency.values()):
            await DBOS.register_queue_async(
                _backend_queue(graphs),
                partition_concurrency=graphs,
                polling_interval_sec=self._timings.polling_s,
            )

    async def stop(self) -> None:
        """Let nothing begin any more, and drop what runs. May be called twice."""
        self._is_stopping = True
        await self.drop_tasks()

    async def drop_tasks(self) -> None:
        """Cancel the tasks of all running workflows, which stay resumable."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    @property
    def running_ids(self) -> frozenset[str | None]:
        """The ids of the workflows that run in this process."""
        return frozenset(self._tasks.values())

    async def enqueue(self, generation_id: str, user_id: int, *, lane: int, priority: bool) -> None:
        """Put a generation in its person's line; nothing happens when it is there already."""
        partition = f"{user_id}:{lane}"
        with SetWorkflowID(generation_id), SetEnqueueOptions(queue_partition_key=partition):
            await DBOS.enqueue_workflow_async(
                PRIORITY_PEOPLE if priority else PEOPLE, self._generate, generation_id, lane
            )

    async def cancel(self, generation_id: str) -> None:
        """Begin to cancel a generation; nothing happens when that began already."""
        with SetWorkflowID(cancel_id(generation_id)):
            await DBOS.start_workflow_async(self._cancel, generation_id)

    async def deliver(self, generation_id: str, *, is_decided: bool = False) -> None:
        """Begin to tell an end; nothing happens when that began already.

        What a moderator decided on is told once more.
        """
        with SetWorkflowID(deliver_id(generation_id, is_decided=is_decided)):
            await DBOS.start_workflow_async(self._deliver, generation_id)

    async def _generate_and_release(self, generation_id: str, lane: int) -> None:
        try:
            await self._generate_body(generation_id, lane)
        finally:
            self._steps.release(generation_id)

    async def _generate_body(self, generation_id: str, lane: int) -> None:
        turn_at = await self._step("begin", self._steps.begin, generation_id)
        if turn_at is None:
            # Its guild's line is paused: others take the turn, and reconciliation puts it back.
            return
        used: list[str] = []
        outcome: Outcome = failed(failures.LOST)
        for attempt in range(MAX_ATTEMPTS):
            backend = await self._step("choose", self._steps.choose, generation_id, used, turn_at)
            if backend is None:
                outcome = failed(failures.OFFLINE)
                break
            if backend not in used:
                used.append(backend)
            latest = await self._run_attempt(
                generation_id, attempt, backend, used.index(backend), lane
            )
            if latest["ended"] == "withdrawn":
                return
            if latest["ended"] != "lost":
                outcome = latest
                break
        await self._step("settle", self._steps.settle, generation_id, outcome)
        await self.deliver(generation_id)

    async def _run_attempt(
        self, generation_id: str, attempt: int, backend: str, index: int, lane: int
    ) -> Outcome:
        """Wait for a place on the backend and run there.

        Everybody's first lane goes before anybody's further ones, which fill what would idle.
        A backend that is tried again gets the same prompt id: it may still have the run.
        """
        queue = _backend_queue(self._concurrency.get(backend, 1))
        with (
            SetWorkflowID(attempt_id(generation_id, attempt)),
            SetEnqueueOptions(queue_partition_key=backend, priority=1 + lane),
        ):
            handle = await DBOS.enqueue_workflow_async(
                queue, self._attempt, generation_id, backend, index
            )
        return await handle.get_result(polling_interval_sec=self._timings.result_polling_s)

    async def _attempt_body(self, generation_id: str, backend: str, index: int) -> Outcome:
        return await self._step("run", self._steps.run, generation_id, backend, index)

    async def _cancel_body(self, generation_id: str) -> None:
        # A cancelled workflow runs no further step, so this one cleans up for it. The delivery is
        # not among those that are cancelled: somebody may have ended the generation just before.
        attempts = [attempt_id(generation_id, attempt) for attempt in range(MAX_ATTEMPTS)]
        await DBOS.cancel_workflows_async([generation_id, *attempts])
        await self._step("settle", self._steps.settle_cancelled, generation_id)
        await self.deliver(generation_id)
        await self._step("stop", self._steps.stop, generation_id)

    async def _deliver_body(self, generation_id: str) -> None:
        waited_s, pause_s = 0.0, self._timings.delivery_pause_s
        while True:
            telling = await self._step("tell", self._steps.tell, generation_id)
            if telling["result"] == "nothing":
                return
            if telling["result"] == "told":
                url = telling.get("message_url")
                await self._step("record", self._steps.record_delivery, generation_id, url)
                return
            if telling["result"] == "impossible" or waited_s >= self._timings.delivery_total_s:
                await self._step("give up", self._steps.give_up_delivery, generation_id)
                return
            await DBOS.sleep_async(pause_s)
            waited_s += pause_s
            pause_s = min(2 * pause_s, self._timings.delivery_max_pause_s)

    def _declare(
        self,
        name: str,
        body: Callable[P, Coroutine[Any, Any, T]],
        *,
        recoveries: int | None = MAX_RECOVERIES,
    ) -> Callable[P, Coroutine[Any, Any, T]]:
        async def owned(*args: P.args, **kwargs: P.kwargs) -> T:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - a coroutine that runs has a task
            self._tasks[task] = DBOS.workflow_id
            try:
                return await self._unless_stopping(body, *args, **kwargs)
            finally:
                self._tasks.pop(task, None)

        return DBOS.workflow(name=name, max_recovery_attempts=recoveries)(owned)

    async def _step(
        self,
        name: str,
        work: Callable[P, Coroutine[Any, Any, T]],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        async def guarded() -> T:
            return await self._unless_stopping(work, *args, **kwargs)

        return await DBOS.run_step_async(_options(name), guarded)

    async def _unless_stopping(
        self, work: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Be cancelled, as all others are, instead of beginning or failing while the line stops.

        The engine would record what fails for want of what is closed already as the outcome.
        """
        if self._is_stopping:
            raise asyncio.CancelledError
        try:
            return await work(*args, **kwargs)
        except Exception as error:
            if self._is_stopping:
                raise asyncio.CancelledError from error
            raise


def attempt_id(generation_id: str, attempt: int) -> str:
    """The workflow id of one attempt."""
    return f"{generation_id}:{attempt}"


def cancel_id(generation_id: str) -> str:
    """The workflow id of a generation's cancellation."""
    return f"{generation_id}:cancel"


def deliver_id(generation_id: str, *, is_decided: bool = False) -> str:
    """The workflow id of a generation's delivery, the one before or after a decision on it."""
    return f"{generation_id}:{'decided' if is_decided else 'deliver'}"


def _backend_queue(graphs: int) -> str:
    return f"backends-{graphs}"


def _options(name: str) -> StepOptions:
    """While the database is away a step is repeated, for hours if need be."""
    return StepOptions(
        name=name,
        retries_allowed=True,
        max_attempts=40,
        interval_seconds=0.2,
        backoff_rate=1.3,
        should_retry=_is_transient,
        preemptible=name in PREEMPTIBLE,
    )


def _is_transient(error: BaseException) -> bool:
    """Whether trying again may help: by itself, or because somebody mends a disk or a password."""
    return isinstance(error, DatabaseUnavailable | DatabaseUnreadable | DatabaseDenied)
