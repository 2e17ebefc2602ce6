"""Re-entrant steps of the line's workflows.

They do not depend on the engine. Expected outcomes are returned, not raised.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable
from datetime import datetime

from comfy.errors import ComfyError
from generation.history.records import Records
from generation.line.settings import STOP_ATTEMPTS, LineTimings
from generation.runs import failures
from generation.runs.delivery import Delivery
from generation.runs.results import RecordedEnd
from generation.runs.runner import Runner
from generation.runs.settlement import Settlement

_log = logging.getLogger(__name__)


class Steps:
    """The steps of runs, of settlement and of delivery, and those that combine them."""

    def __init__(
        self,
        runner: Runner,
        settlement: Settlement,
        delivery: Delivery,
        records: Records,
        clock: Callable[[], datetime],
        timings: LineTimings,
    ) -> None:
        self.runner = runner
        self.settlement = settlement
        self.delivery = delivery
        self._records = records
        self._clock = clock
        self._timings = timings

    async def settle_unforeseen(self, generation_id: str, reason: str) -> RecordedEnd | None:
        """Fail a generation that nothing else ends; return what was recorded if this call did."""
        generation = await self._records.find(generation_id)
        if generation is None or generation.state.is_final:
            return None
        reference = secrets.token_hex(4)
        _log.error("Generation %s was given up (%s): %s", generation_id, reference, reason)
        return await self.settlement.fail(generation_id, failures.unforeseen_failure(reference))

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
                if await self.runner.stop(placement.backend, placement.prompt_id):
                    return
                # Unknown there, but its submission may still be in transit: ask again.
                has_answered = True
            except ComfyError as error:
                _log.warning("Generation %s could not be stopped: %s", generation_id, error)
                has_answered = False
            await asyncio.sleep(self._timings.stop_pause_s)
        if not has_answered:
            self.runner.leave(generation_id, placement.backend, placement.prompt_id)
