"""Settlement of generations: exactly one caller ends each, with its results and charge."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from db.database import Database, Session
from db.repositories.charges import ChargeRepository, Spent
from db.repositories.generations import GenerationRepository
from db.repositories.outputs import OutputRepository
from db.tables import GenerationRow, OutputRow
from generation.events import Ended
from generation.history.queries import copy_generation
from generation.moderation.image_filter import ImageGate
from generation.quota.costs import count_of
from generation.quota.rules import made_cost
from generation.record import Failure, Generation, GenerationState
from generation.runs.broadcast import Broadcast
from generation.runs.failures import CANCELLED, CANCELLED_BY_MODERATOR
from generation.runs.outcome import failure_of
from generation.runs.results import FinishedRun, RecordedEnd
from generation.tasks import finish
from generation.text import legible
from generation.transactions import Transactional

UNFINISHED = frozenset({GenerationState.WAITING.value, GenerationState.RUNNING.value})

_log = logging.getLogger(__name__)


class Settlement(Transactional):
    """Ends generations. Every method may be repeated after a crash.

    Each returns the recorded end; None if it was ended elsewhere, or is not to be ended.
    """

    def __init__(
        self,
        database: Database,
        broadcast: Broadcast,
        image_gate: ImageGate,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(database)
        self._broadcast = broadcast
        self._image_gate = image_gate
        self._clock = clock

    async def end(self, generation_id: str, run: FinishedRun) -> RecordedEnd | None:
        """End a generation as its run did, with its results; a failure is refunded."""
        state, failure = GenerationState.SUCCEEDED, None
        if run.outcome["ended"] != "succeeded":
            state, failure = GenerationState.FAILED, failure_of(run.outcome)
        return await finish(self._settle(generation_id, state, failure, run))

    async def fail(self, generation_id: str, failure: Failure) -> RecordedEnd | None:
        """Fail a generation and refund its charge."""
        return await finish(self._settle(generation_id, GenerationState.FAILED, failure))

    async def cancel(self, generation_id: str) -> RecordedEnd | None:
        """End a generation as cancelled, charged if its sampler had started."""
        return await finish(self._settle(generation_id, GenerationState.CANCELLED, CANCELLED))

    async def _settle(
        self,
        generation_id: str,
        state: GenerationState,
        failure: Failure | None,
        run: FinishedRun | None = None,
    ) -> RecordedEnd | None:
        def change(session: Session) -> tuple[RecordedEnd, Ended] | None:
            now, row, why = self._clock(), None, failure
            if state is GenerationState.CANCELLED:
                row = GenerationRepository(session).get(generation_id)
            if row is not None and row.cancelled_by not in (None, row.user_id):
                why = CANCELLED_BY_MODERATOR
            # Succeeds for one caller; results and charge are recorded in the same transaction, so
            # that a crash leaves neither an uncharged success nor a charged failure.
            won = GenerationRepository(session).move(
                generation_id,
                from_states=UNFINISHED,
                to=state.value,
                at=now,
                actor_id=row.cancelled_by if row else None,
                finished_at=now,
                failure_kind=why.kind.value if why else None,
                failure_sentence=why.template if why else None,
                failure_facts=_storable(why.facts) if why else None,
                gpu_ms=run.gpu_ms if run else None,
            )
            return self._record_end(session, generation_id, run) if won else None

        settled = await self._database.write(change)
        if settled is None:
            return None
        end, ended = settled
        _log_end(ended.generation)
        self._broadcast.publish(ended)
        return end

    def _record_end(
        self, session: Session, generation_id: str, run: FinishedRun | None
    ) -> tuple[RecordedEnd, Ended] | None:
        """Record the results and close the charge, in the transaction that set the row's end."""
        outputs: Sequence[OutputRow] = ()
        if run is not None and run.ruling is not None:
            outputs = OutputRepository(session).add_outputs(generation_id, run.outputs)
            self._image_gate.record(session, generation_id, run.ruling)
        found = GenerationRepository(session).get_with_review(generation_id)
        if found is None:
            return None
        row, review_state, *_ = found
        ended = _close_charge(session, row, outputs)
        contents = run.contents if run is not None and not row.withheld else ()
        return RecordedEnd(ended.generation, review_state, contents), ended


def _storable(facts: Mapping[str, object]) -> dict[str, object]:
    """Remove characters that databases reject: facts may contain text from backends."""
    return {
        name: legible(fact)
        if isinstance(fact, str)
        else [legible(str(one)) for one in fact]
        if isinstance(fact, list)
        else fact
        for name, fact in facts.items()
    }


def _close_charge(session: Session, row: GenerationRow, outputs: Sequence[OutputRow]) -> Ended:
    """Charge the actual cost or refund the reservation; the row has its end already.

    The returned end has no results while they are withheld.
    """
    charges = ChargeRepository(session)
    generation = copy_generation(row, outputs)
    duration_ms = round((generation.duration_s or 0) * 1000)
    if not generation.is_charged:
        charges.refund(row.id)
        return Ended(generation)
    pictures, gpu_ms = generation.cost, duration_ms
    if generation.state is GenerationState.SUCCEEDED:
        made = sum(one.media_type.startswith("image/") for one in outputs)
        pictures = made_cost(generation.cost, count_of(generation.values), made)
        gpu_ms = duration_ms if row.gpu_ms is None else row.gpu_ms
    charges.settle(row.id, Spent(pictures, gpu_ms))
    return Ended(generation, pictures, gpu_ms)


def _log_end(generation: Generation) -> None:
    reason = f": {generation.failure.sentence}" if generation.failure else "."
    _log.info("Generation %s ended as %s%s", generation.id, generation.state.value, reason)
