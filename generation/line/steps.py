"""Re-entrant steps of the line's workflows, with plain JSON in and out.

They know nothing of the engine, and outcomes that are expected are returned, not raised.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import NotRequired, TypedDict

from comfy.errors import ComfyError
from generation.history.records import Records
from generation.line.settings import STOP_ATTEMPTS, LineTimings
from generation.notifier import DeliveryImpossible, DeliveryPostponed
from generation.runs import failures
from generation.runs.delivery import Delivery
from generation.runs.outcome import Outcome, failure_of
from generation.runs.runner import Runner
from generation.runs.settlement import Settlement

_log = logging.getLogger(__name__)


class Telling(TypedDict):
    """Outcome of a delivery: delivered, nothing to deliver, postponed, or impossible."""

    result: str
    message_url: NotRequired[str | None]


class Steps:
    """One method a step."""

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

    async def run(self, generation_id: str, backend: str, index: int) -> Outcome:
        """Run it there, or re-attach."""
        return await self._runner.run(generation_id, backend, index)

    async def settle(self, generation_id: str, outcome: Outcome) -> bool:
        """End it; whether this call did it, so that its caller tells it."""
        if outcome["ended"] == "succeeded":
            return await self._settlement.succeed(generation_id)
        return await self._settlement.fail(generation_id, failure_of(outcome))

    async def settle_cancelled(self, generation_id: str) -> bool:
        """End it as cancelled; whether this call did it."""
        return await self._settlement.cancel(generation_id, failures.CANCELLED)

    async def settle_unforeseen(self, generation_id: str, reason: str) -> bool:
        """End it because nothing brought it to an end; whether this call did it."""
        generation = await self._records.find(generation_id)
        if generation is None or generation.state.is_final:
            return False
        reference = secrets.token_hex(4)
        _log.error("Generation %s was given up (%s): %s", generation_id, reference, reason)
        return await self._settlement.fail(generation_id, failures.unforeseen(reference))

    async def seconds_since_end(self, generation_id: str) -> float:
        """How long ago it ended; 0 if it did not."""
        generation = await self._records.find(generation_id)
        if generation is None or generation.finished_at is None:
            return 0.0
        return (self._clock() - generation.finished_at).total_seconds()

    async def stop(self, generation_id: str) -> None:
        """Take its run off its backend; a run on its way there is waited for.

        Where the backend is away it is done in the background, once that is back.
        """
        placement = await self._records.find_placement(generation_id)
        if placement is None:
            return
        has_answered = False
        for _ in range(STOP_ATTEMPTS):
            try:
                if await self._runner.stop(placement.backend, placement.prompt_id):
                    return
                has_answered = True
            except ComfyError as error:
                _log.warning("Generation %s could not be stopped: %s", generation_id, error)
                has_answered = False
            await asyncio.sleep(self._timings.stop_pause_s)
        if not has_answered:
            self._runner.leave(generation_id, placement.backend, placement.prompt_id)

    async def tell(self, generation_id: str) -> Telling:
        """Tell its end."""
        try:
            receipt = await self._delivery.deliver(generation_id)
        except DeliveryPostponed as error:
            _log.info("The end of generation %s is told later: %s", generation_id, error)
            return {"result": "postponed"}
        except DeliveryImpossible as error:
            _log.info("The end of generation %s cannot be told: %s", generation_id, error)
            return {"result": "impossible"}
        if receipt is None:
            return {"result": "nothing"}
        return {"result": "told", "message_url": receipt.message_url}

    async def record_delivery(self, generation_id: str, message_url: str | None) -> None:
        """Record the delivery."""
        await self._settlement.record_delivery(generation_id, message_url)

    async def give_up_delivery(self, generation_id: str) -> None:
        """Record that delivery is impossible."""
        await self._settlement.give_up_delivery(generation_id)
