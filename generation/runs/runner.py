"""Running of one generation on one backend. Re-entrant: any process may resume it at any time."""

import asyncio
import logging
import secrets
import uuid
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from comfy.backend import CancelOutcome, Graph
from comfy.errors import (
    BackendRefused,
    BackendUnavailable,
    BackendUnreachable,
    ComfyError,
    NotComfyUI,
    RunLost,
    RunStalled,
)
from db.errors import DatabaseError
from db.repositories.outputs import NewOutput
from generation.backends.pool import BackendPool
from generation.errors import FailureKind, GenerationFailed, UnusableResult
from generation.estimates import Durations
from generation.history.records import Order
from generation.moderation.image_filter import ImageGate
from generation.moderation.image_policy import ImageVerdict
from generation.record import LONGEST_RUN_S, Failure, Generation
from generation.requests.values import bind_generation
from generation.runs.attempt import RunAttempt, build_graph
from generation.runs.broadcast import Broadcast
from generation.runs.failures import (
    NOTHING_MADE,
    TOO_LONG,
    WORKFLOW_GONE,
    explain,
    unforeseen_failure,
)
from generation.runs.orphaned_runs import OrphanedRuns
from generation.runs.outcome import LOST, SUCCEEDED, WITHDRAWN, Outcome, failed
from generation.runs.outputs import OutputFetcher
from generation.runs.results import FinishedRun
from generation.runs.run_records import NotWanted, RunRecords
from workflows.errors import ValueRefused, WorkflowError
from workflows.folders.catalog import Catalog
from workflows.workflow import Workflow

PROMPT_ID_NAMESPACE = uuid.UUID("9d1c7bb2-1a30-5ac8-9d2e-0c8a4a6f7f10")
"""Namespace of prompt ids, which are derived from generation ids so that any process finds the
run."""

MAX_LOADED = 32
"""Generations whose records, with pictures, are cached until they run."""

REATTACH_S = 60.0
"""Least time for a run that is started or re-attached."""

AFTER_WITHDRAWAL = 1000
"""Added to the index of a run whose prompt id was withdrawn; larger than any number of backends."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Time limits in seconds."""

    total_s: float = LONGEST_RUN_S
    """From its turn, or its start on a backend, to its end."""

    reconnect_s: float = 25.0
    """How long a cut-off run is waited for before another backend is used."""

    pause_s: float = 1.0
    """Between two attempts to reach a backend."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A backend with a free place for an attempt, if there is one.

    `is_served` says that some suitable backend is in service, `is_wanted` that the generation is
    unfinished and not cancelled. `models_of` is the graph that will run.
    """

    backend: str | None
    is_served: bool = True
    is_wanted: bool = True
    models_of: Graph = field(default_factory=dict)


def build_prompt_id(generation: Generation, index: int) -> str:
    """Build the prompt id of a generation's run on its nth backend.

    It includes the time, because another Limner, or this one with a new database, may use the same
    short id for another generation on the same backend.
    """
    accepted_at = generation.created_at.isoformat()
    return str(uuid.uuid5(PROMPT_ID_NAMESPACE, f"{generation.id}:{accepted_at}:{index}"))


class Runner:
    """Selects a backend for a generation and follows its run there."""

    def __init__(
        self,
        *,
        records: RunRecords,
        catalog: Catalog,
        pool: BackendPool,
        broadcast: Broadcast,
        image_gate: ImageGate,
        clock: Callable[[], datetime],
        limits: RunLimits | None = None,
        on_started: Callable[[], None] = lambda: None,
    ) -> None:
        self._records = records
        self._catalog = catalog
        self._pool = pool
        self._broadcast = broadcast
        self._image_gate = image_gate
        self._clock = clock
        self.limits = limits or RunLimits()
        self._on_started = on_started
        self.on_gpu_free: Callable[[str], None] = lambda _generation_id: None
        self._orphaned_runs = OrphanedRuns(pool, records)
        self._orders: dict[str, Order] = {}
        self._prepared: dict[str, tuple[Workflow, str, Graph]] = {}

    async def durations(self, workflows: Collection[str]) -> Durations:
        """Return recent durations of these workflows; empty if no decision depends on them.

        Raises DatabaseError.
        """
        if not self._pool.weighs_waits:
            return Durations()
        return await self._records.durations(workflows)

    async def choose(
        self,
        generation_id: str,
        *,
        avoid: Collection[str],
        among: Collection[str],
        wait_s: Callable[[Collection[str]], float],
    ) -> Choice:
        """Select the backend of the next attempt as the pool does. Raises DatabaseError."""
        order = await self._load(generation_id)
        if order is None or not order.is_wanted:
            return Choice(None, is_wanted=False)
        graph, tags = self._requirements(order)
        chosen = await self._pool.choose(graph, avoid=avoid, tags=tags, among=among, wait_s=wait_s)
        if chosen is None:
            return Choice(None, is_served=self._pool.is_served(graph, tags))
        return Choice(chosen, models_of=graph)

    async def find_backend_to_wake(
        self,
        generation_id: str,
        *,
        avoid: Collection[str],
        wait_s: Callable[[Collection[str]], float],
    ) -> str | None:
        """Return the backend to start for a generation as the pool does.

        Raises DatabaseError.
        """
        order = await self._load(generation_id)
        if order is None or not order.is_wanted:
            return None
        graph, tags = self._requirements(order)
        return self._pool.find_backend_to_wake(graph, avoid=avoid, tags=tags, wait_s=wait_s)

    async def prepare(self, generation_id: str, backend_name: str) -> None:
        """Upload a generation's inputs to a backend, so that it can start there at once.

        Optional: what fails here is repeated, and reported, by the run.
        """
        try:
            order = await self._load(generation_id)
            workflow = self._catalog.find(order.generation.workflow) if order else None
            backend = self._pool.find(backend_name)
            if order is None or workflow is None or backend is None:
                return
            fit = self._pool.find_fit(*self._requirements(order))
            if backend_name not in fit:
                return
            graph = await build_graph(order, workflow, backend)
        except (ComfyError, DatabaseError, WorkflowError) as error:
            _log.debug("Generation %s could not be prepared: %s", generation_id, error)
            return
        # It may have been run or cancelled, and forgotten, during the upload.
        if generation_id in self._orders:
            self._prepared[generation_id] = (workflow, backend_name, graph)

    def remember(self, generation: Generation) -> None:
        """Cache the record of an accepted generation without inputs, if there is room."""
        if len(self._orders) < MAX_LOADED:
            self._orders[generation.id] = Order(generation, (), is_wanted=True)

    def forget(self, generation_id: str) -> None:
        """Drop cached records and uploads of a generation."""
        self._orders.pop(generation_id, None)
        self._prepared.pop(generation_id, None)

    def _left_s(self, since: datetime) -> float:
        """Return the seconds left of a generation's time, at most the whole.

        At least `REATTACH_S`, because its backend may have finished it while the bot was stopped.
        """
        left_s = self.limits.total_s - (self._clock() - since).total_seconds()
        return min(max(left_s, REATTACH_S), self.limits.total_s)

    async def run(self, generation_id: str, backend_name: str, index: int) -> FinishedRun:
        """Run a generation there, or re-attach to its run; the results are not recorded yet.

        `index` distinguishes the backends that it was sent to. Raises DatabaseError only; the
        caller retries then.
        """
        prepared = self._prepared.get(generation_id)
        order = await self._load(generation_id)
        self.forget(generation_id)
        if order is None or not order.is_wanted:
            return FinishedRun(WITHDRAWN)
        workflow = self._catalog.find(order.generation.workflow)
        if workflow is None:
            return FinishedRun(failed(WORKFLOW_GONE))
        backend = self._pool.find(backend_name)
        if backend is None:
            return FinishedRun(LOST)
        prompt_id = self._choose_prompt_id(order.generation, index)
        # Drained after the assignment: only a run that was submitted before may finish.
        if self._pool.is_drained(backend_name) and not await self._was_sent(order, prompt_id):
            return FinishedRun(LOST)
        with self._pool.claim(generation_id, backend_name):
            attempt = RunAttempt(
                order,
                workflow,
                backend,
                prompt_id,
                records=self._records,
                broadcast=self._broadcast,
                clock=self._clock,
                limit_s=self.limits.total_s,
                on_started=self._on_started,
                on_gpu_free=self.on_gpu_free,
            )
            if prepared is not None and prepared[:2] == (workflow, backend_name):
                attempt.use(prepared[2])
            return await self._run_within_limits(attempt)

    async def _load(self, generation_id: str) -> Order | None:
        """Load its record, cached: `assign` detects a later cancellation."""
        if generation_id not in self._orders:
            order = await self._records.find_order(generation_id)
            if order is None:
                return None
            while len(self._orders) >= MAX_LOADED:
                self.forget(next(iter(self._orders)))
            self._orders[generation_id] = order
        return self._orders[generation_id]

    async def stop(self, backend_name: str, prompt_id: str) -> bool:
        """Cancel a run on its backend. Return False if unknown there. Raises ComfyError."""
        backend = self._pool.find(backend_name)
        return backend is None or await backend.cancel(prompt_id) is not CancelOutcome.UNKNOWN

    def leave(self, generation_id: str, backend_name: str, prompt_id: str) -> None:
        """Cancel an unwanted run once its backend is reachable again."""
        self._orphaned_runs.watch(generation_id, backend_name, prompt_id)

    async def _run_within_limits(self, attempt: RunAttempt) -> FinishedRun:
        started_at = attempt.generation.started_at or self._clock()
        try:
            async with asyncio.timeout(self._left_s(started_at)) as limit:
                outputs = await self._run_with_reconnects(attempt)
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the generation ends with it
            if isinstance(error, TimeoutError | NotWanted | RunStalled):
                await self._stop_quietly(attempt)
            # A TimeoutError may come from inside: `expired` tells whether this limit raised it.
            outcome = failed(TOO_LONG) if limit.expired() else self._outcome_of(attempt, error)
            return FinishedRun(outcome)
        self._pool.note_success(attempt.backend.name)
        if not outputs:
            return FinishedRun(failed(NOTHING_MADE))
        ruling = await self._image_gate.judge(attempt.generation, outputs)
        if ruling.verdict is ImageVerdict.REFUSE:
            return FinishedRun(failed(ruling.failure), (), ruling, attempt.gpu_ms)
        return FinishedRun(SUCCEEDED, outputs, ruling, attempt.gpu_ms, attempt.generation)

    def _outcome_of(self, attempt: RunAttempt, error: Exception) -> Outcome:
        if isinstance(error, UnusableResult | BackendRefused):
            report = error.report if isinstance(error, UnusableResult) else str(error)
            self._pool.note_problem(attempt.backend.name, report)
        match error:
            case NotWanted():
                return WITHDRAWN
            case BackendUnavailable() | BackendUnreachable() | NotComfyUI() | RunLost():
                _log.warning("Generation %s was lost: %s", attempt.generation.id, error)
                self._leave(attempt, error)
                return LOST
            case ComfyError():
                return failed(explain(error, attempt.graph))
            case GenerationFailed():
                return failed(Failure(error.kind, error.template, error.facts))
            case ValueRefused():
                return failed(Failure(FailureKind.WORKFLOW_ERROR, error.template, error.facts))
        reference = secrets.token_hex(4)
        _log.error(
            "Generation %s met something unforeseen (%s).",
            attempt.generation.id,
            reference,
            exc_info=error,
        )
        return failed(unforeseen_failure(reference))

    async def _run_with_reconnects(self, attempt: RunAttempt) -> tuple[NewOutput, ...]:
        """Re-attach after disconnects, until the backend was silent for too long."""
        loop = asyncio.get_running_loop()
        attempt.last_sign_at = loop.time()
        async with (
            OutputFetcher(attempt.backend, attempt.wanted_nodes, attempt.graph) as fetcher,
            await self._image_gate.preview_filter(attempt.generation) as attempt.preview_filter,
        ):
            while True:
                try:
                    return await attempt.follow(fetcher)
                except BackendUnreachable:
                    if loop.time() - attempt.last_sign_at >= self.limits.reconnect_s:
                        raise
                    await asyncio.sleep(self.limits.pause_s)

    def _leave(self, attempt: RunAttempt, error: Exception) -> None:
        """Give up a run here. It is cancelled once the backend is back, as another may take it."""
        name = attempt.backend.name
        needs_operator = isinstance(error, BackendUnavailable) and not error.passes
        self._pool.note_failure(name, str(error), needs_operator=needs_operator)
        if not isinstance(error, RunLost):
            self._orphaned_runs.watch(attempt.generation.id, name, attempt.prompt_id)

    def _choose_prompt_id(self, generation: Generation, index: int) -> str:
        """Return a prompt id; one that was cancelled on its backend is never used again."""
        prompt_id = build_prompt_id(generation, index)
        if self._orphaned_runs.was_withdrawn(prompt_id):
            return build_prompt_id(generation, index + AFTER_WITHDRAWAL)
        return prompt_id

    async def _was_sent(self, order: Order, prompt_id: str) -> bool:
        """Return whether this run was submitted before and continues there."""
        placement = await self._records.find_placement(order.generation.id)
        return placement is not None and placement.prompt_id == prompt_id

    async def _stop_quietly(self, attempt: RunAttempt) -> None:
        try:
            await attempt.backend.cancel(attempt.prompt_id)
        except ComfyError as error:
            _log.warning("Run %s could not be stopped: %s", attempt.prompt_id, error)
            self.leave(attempt.generation.id, attempt.backend.name, attempt.prompt_id)

    def _requirements(self, order: Order) -> tuple[Graph, frozenset[str]]:
        """Return what a backend needs: the graph, without uploaded files, and the tags."""
        workflow = self._catalog.find(order.generation.workflow)
        if workflow is None:
            return {}, frozenset()
        graph: Graph = workflow.graph
        names = {file.name: "attached" for file in order.files}
        with suppress(WorkflowError):
            graph = bind_generation(workflow, order.generation, names)
        return graph, frozenset(workflow.manifest.tags)
