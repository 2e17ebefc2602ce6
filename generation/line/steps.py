"""Re-entrant steps of the line's workflows.

They do not depend on the engine. Expected outcomes are returned, not raised.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from enum import Enum, auto

from comfy.errors import ComfyError
from generation.history.records import Records
from generation.line.settings import STOP_ATTEMPTS, LineTimings
from generation.notifier import DeliveryImpossible, DeliveryPostponed
from generation.runs import failures
from generation.runs.delivery import Delivery
from generation.runs.results import FinishedRun, RecordedEnd
from generation.runs.runner import Runner
from generation.runs.settlement import Settlement

_log = logging.getLogger(__name__)


class DeliveryOutcome(Enum):
    """Outcome of a delivery. `DONE` also if there was nothing to deliver."""

    DONE = auto()
    POSTPONED = auto()
    IMPOSSIBLE = auto()


class Steps:
    """The steps, one method each."""

    def __init__(
        self,
        runner: Runner,
        settlement: Settlement,
        delivery: Delivery,
        records: Records,
        clock: Callable[[], datetime],
        timings: LineTimings,
    ) -> None:
        self._runner = runner
        self._settlement = settlement
        self._delivery = delivery
        self._records = records
        self._clock = clock
        self._timings = timings

    async def run(self, generation_id: str, backend: str, index: int) -> FinishedRun:
        """Run a generation on that backend, or re-attach to its run."""
        return await self._runner.run(generation_id, backend, index)

    async def settle(self, generation_id: str, run: FinishedRun) -> RecordedEnd | None:
        """End a generation; return what was recorded if this call ended it, for its delivery."""
        return await self._settlement.end(generation_id, run)

    async def settle_cancelled(self, generation_id: str) -> RecordedEnd | None:
        """End it as cancelled; return what was recorded if this call ended it."""
        return await self._settlement.cancel(generation_id)

    async def settle_unforeseen(self, generation_id: str, reason: str) -> RecordedEnd | None:
        """Fail a generation that nothing else ends; return what was recorded if this call did."""
        generation = await self._records.find(generation_id)
        if generation is None or generation.state.is_final:
            return None
        reference = secrets.token_hex(4)
        _log.error("Generation %s was given up (%s): %s", generation_id, reference, reason)
        return await self._settlement.fail(generation_id, failures.unforeseen(reference))

    async def seconds_since_end(self, generation_id: str) -> float:
        """Return the seconds since its end; 0 if it has not ended."""
        generation = await self._records.find(generation_id)
        if generation is None or generation.finished_at is None:
            return 0.0
        return (self._clock() - generation.finished_at).total_seconds()

    async def stop(self, generation_id: str) -> None:
        """Cancel its run on the backend, waiting for a submission in progress.

        If the backend is unreachable, cancel it in the background once it is back.
        """
        placement = await self._records.find_placement(generation_id)
        if placement is None:
            return
        has_answered = False
        for _ in range(STOP_ATTEMPTS):
            try:
                if await self._runner.stop(placement.backend, placement.prompt_id):
                    return
                # Unknown there, but its submission may still be in transit: ask again.
                has_answered = True
            except ComfyError as error:
                _log.warning("Generation %s could not be stopped: %s", generation_id, error)
                has_answered = False
            await asyncio.sleep(self._timings.stop_pause_s)
        if not has_answered:
            self._runner.leave(generation_id, placement.backend, placement.prompt_id)

    def preparing(self, run: FinishedRun) -> AbstractContextManager[None]:
        """Prepare the delivery of a run's results while they are recorded."""
        return self._delivery.preparing(run)

    async def deliver(
        self, generation_id: str, recorded: RecordedEnd | None = None
    ) -> DeliveryOutcome:
        """Deliver its end and record that."""
        try:
            await self._delivery.deliver(generation_id, recorded)
        except DeliveryPostponed as error:
            _log.info("The end of generation %s is told later: %s", generation_id, error)
            return DeliveryOutcome.POSTPONED
        except DeliveryImpossible as error:
            _log.info("The end of generation %s cannot be told: %s", generation_id, error)
            return DeliveryOutcome.IMPOSSIBLE
        return DeliveryOutcome.DONE

    async def give_up_delivery(self, generation_id: str) -> None:
        """Record that delivery is impossible."""
        await self._settlement.give_up_delivery(generation_id)
