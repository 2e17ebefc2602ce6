"""Reconciliation: recovers work whose message was lost, every few seconds, in one process."""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Sequence

from dbos import DBOS

from generation.history.records import LineState, Records
from generation.line.dispatcher import Dispatcher
from generation.line.engine import slot_of
from generation.line.lease import Lease, takes_work
from generation.line.queries import EngineQueries
from generation.line.settings import MAX_STARTS, LineTimings
from generation.line.steps import Steps
from generation.line.workflows import (
    ATTEMPT,
    BROKEN,
    CANCEL,
    ENDED,
    SUCCEEDED,
    Attempt,
    OpenWorkflow,
    Workflows,
    cancel_id,
    deliver_id,
)

MAX_RESTARTS = 3
"""Restarts of a failed cancellation or delivery."""

_log = logging.getLogger(__name__)


class Reconciliation:
    """Compares our records with the workflows that the engine runs in live processes."""

    def __init__(
        self,
        *,
        records: Records,
        steps: Steps,
        workflows: Workflows,
        queries: EngineQueries,
        dispatcher: Dispatcher,
        lease: Lease,
        executor: str,
        timings: LineTimings,
    ) -> None:
        self._records = records
        self._steps = steps
        self._workflows = workflows
        self._queries = queries
        self._dispatcher = dispatcher
        self._lease = lease
        self._executor = executor
        self._timings = timings
        self._suspected_since: dict[str, float] = {}
        self._broken: Counter[str] = Counter()

    async def clear_previous_incarnations(self) -> None:
        """End workflows of earlier starts of this process, which others take for running."""
        left = [
            workflow
            for workflow in await self._queries.find_open()
            if workflow.executor not in (None, self._executor)
            and slot_of(str(workflow.executor)) == self._lease.slot
        ]
        if left:
            await self._clear_away(left)

    async def run(self) -> None:
        """Restart interrupted work, schedule waiting generations, and deliver undelivered ones."""
        loop = asyncio.get_running_loop()
        read_at = loop.time()
        peers = await self._lease.peers()
        line = await self._records.line_state()
        undelivered = await self._records.undelivered()
        # After the records: an attempt that starts in between must not look interrupted.
        found = await self._queries.find_open()
        alive, dead = self._separate(found, peers, loop.time())
        if dead:
            await self._clear_away(dead)
        await self._refresh(line, alive, dead, sorted(filter(takes_work, peers)), read_at)
        await self._cancel_wanted(line.cancelled, alive)
        busy = {workflow.generation_id for workflow in alive}
        left = {id_: telling for id_, telling in undelivered.items() if id_ not in busy}
        if left:
            await self._deliver(left)

    def _separate(
        self, found: Sequence[OpenWorkflow], peers: Collection[str], now: float
    ) -> tuple[list[OpenWorkflow], list[OpenWorkflow]]:
        """Separate workflows that run in a live process from those that run nowhere."""
        suspected = [workflow for workflow in found if not self._is_alive(workflow, peers)]
        self._suspected_since = {
            workflow.id: self._suspected_since.get(workflow.id, now) for workflow in suspected
        }
        dead = [workflow for workflow in suspected if self._is_dead(workflow, now)]
        gone = {workflow.id for workflow in dead}
        return [workflow for workflow in found if workflow.id not in gone], dead

    def _is_alive(self, one: OpenWorkflow, peers: Collection[str]) -> bool:
        if one.executor == self._executor:
            return one.id in self._workflows.running_ids
        if one.executor is None:
            return False
        slot = slot_of(one.executor)
        return slot in peers and slot != self._lease.slot

    def _is_dead(self, one: OpenWorkflow, now: float) -> bool:
        """Return whether a workflow's process is certainly gone.

        That is certain of earlier starts of this process and of queues of earlier versions. Other
        processes may be reconnecting.
        """
        if one.executor is None or (
            one.executor != self._executor and slot_of(one.executor) == self._lease.slot
        ):
            return True
        return now - self._suspected_since[one.id] >= self._timings.takeover_grace_s

    async def _clear_away(self, dead: Sequence[OpenWorkflow]) -> None:
        """Mark dead attempts as ended, so that they count; delete other workflows for a restart."""
        attempts = [workflow.id for workflow in dead if workflow.kind == ATTEMPT]
        others = [workflow.id for workflow in dead if workflow.kind != ATTEMPT]
        if attempts:
            await DBOS.cancel_workflows_async(attempts)
        if others:
            await DBOS.delete_workflows_async(others)
        for workflow in dead:
            _log.info("%s was interrupted in %s; it begins again.", workflow.id, workflow.executor)
            if workflow.kind == CANCEL:
                await self._workflows.cancel(workflow.generation_id)

    async def _refresh(
        self,
        line: LineState,
        alive: Sequence[OpenWorkflow],
        dead: Sequence[OpenWorkflow],
        workers: Sequence[str],
        read_at: float,
    ) -> None:
        running: dict[str, tuple[Attempt, str]] = {
            workflow.generation_id: (workflow.attempt, slot_of(workflow.executor))
            for workflow in alive
            if workflow.attempt is not None and workflow.executor is not None
        }
        late = self._dispatcher.find_late(running)
        unknown = {*self._dispatcher.schedule.find_unknown(line), *late}
        unknown |= {workflow.generation_id for workflow in dead if workflow.kind == ATTEMPT}
        past = await self._queries.find_attempts(unknown - running.keys(), MAX_STARTS)
        for id_ in late:
            self._settle_late(id_, past.get(id_, []))
        self._dispatcher.refresh(line, read_at=read_at, running=running, past=past, workers=workers)

    def _settle_late(self, generation_id: str, past: Sequence[Attempt]) -> None:
        """Handle an attempt that should run and does not: its end was lost, or it never began."""
        assignment = self._dispatcher.schedule.assigned.get(generation_id)
        known = {ended.number: ended for ended in past}
        if assignment is None:
            return
        attempt = assignment.attempt
        if attempt.number in known:
            ended = known[attempt.number]
            is_over = ended.state == SUCCEEDED and not ended.was_lost
            self._dispatcher.note_end(generation_id, was_lost=ended.was_lost, is_over=is_over)
        else:
            self._dispatcher.repeat(generation_id)

    async def _cancel_wanted(self, ids: Collection[str], alive: Sequence[OpenWorkflow]) -> None:
        running = {workflow.id for workflow in alive}
        wanted = [id_ for id_ in ids if cancel_id(id_) not in running]
        if not wanted:
            return
        states = await self._queries.find_states([cancel_id(id_) for id_ in wanted])
        for id_ in wanted:
            if await self._may_begin(cancel_id(id_), states.get(cancel_id(id_))):
                await self._workflows.cancel(id_)
            elif states[cancel_id(id_)] in ENDED:
                await self._steps.settle_unforeseen(id_, "its cancellation ended without an end")

    async def _deliver(self, left: dict[str, int]) -> None:
        names = {id_: deliver_id(id_, telling) for id_, telling in left.items()}
        states = await self._queries.find_states(names.values())
        for id_, telling in left.items():
            if await self._may_begin(names[id_], states.get(names[id_])):
                await self._workflows.deliver(id_, telling)
            elif states[names[id_]] in ENDED and (
                (await self._records.undelivered()).get(id_) == telling
            ):
                # The workflow ended without recording a delivery, and no other one did meanwhile.
                await self._steps.delivery.give_up(id_)

    async def _may_begin(self, workflow_id: str, state: str | None) -> bool:
        """Return whether it has not started, or failed and may be restarted.

        The engine records failures of its own calls during a shutdown as errors of the workflow.
        """
        if state == BROKEN and self._broken[workflow_id] < MAX_RESTARTS:
            self._broken[workflow_id] += 1
            _log.warning("%s broke; it begins again.", workflow_id)
            await DBOS.delete_workflows_async([workflow_id])
            return True
        return state is None
