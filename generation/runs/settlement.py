"""Settlement of generations: exactly one caller ends each, and delivery is recorded."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from db.database import Database, Session
from db.repositories.charges import ChargeRepository
from db.repositories.generations import GenerationRepository
from db.repositories.outputs import OutputRepository
from generation.events import Ended
from generation.history.queries import copy_generation
from generation.quota.costs import count_of
from generation.quota.rules import made_cost
from generation.record import Failure, Generation, GenerationState
from generation.runs.broadcast import Broadcast
from generation.tasks import finish
from generation.text import legible

UNFINISHED = frozenset({GenerationState.WAITING.value, GenerationState.RUNNING.value})

_log = logging.getLogger(__name__)


class Settlement:
    """Ends generations. Every method may be repeated after a crash."""

    def __init__(
        self,
        database: Database,
        broadcast: Broadcast,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._broadcast = broadcast
        self._clock = clock

    async def succeed(self, generation_id: str) -> bool:
        """End it with its recorded outputs and keep its charge; whether this call did it."""
        return await finish(self._settle(generation_id, GenerationState.SUCCEEDED, None))

    async def fail(self, generation_id: str, failure: Failure) -> bool:
        """End it without pictures and refund its charge; whether this call did it."""
        return await finish(self._settle(generation_id, GenerationState.FAILED, failure))

    async def cancel(self, generation_id: str, failure: Failure) -> bool:
        """End it as cancelled, charged if its sampler had begun; whether this call did it."""
        return await finish(self._settle(generation_id, GenerationState.CANCELLED, failure))

    async def record_delivery(self, generation_id: str, message_url: str | None) -> None:
        """Record the delivery and its message."""
        await self._update(
            generation_id, {"delivered_at": self._clock(), "message_url": message_url}
        )

    async def give_up_delivery(self, generation_id: str) -> None:
        """Record that delivery is impossible."""
        _log.warning("The end of generation %s could be told to nobody.", generation_id)
        await self._update(generation_id, {"given_up_at": self._clock()})

    async def _settle(
        self, generation_id: str, state: GenerationState, failure: Failure | None
    ) -> bool:
        def change(session: Session) -> tuple[bool, Ended | None]:
            now = self._clock()
            # Succeeds for one caller; the charge closes in the same transaction, so that a crash
            # leaves neither an uncharged success nor a charged failure.
            won = GenerationRepository(session).move(
                generation_id,
                from_states=UNFINISHED,
                to=state.value,
                at=now,
                actor_id=_find_canceller(session, generation_id, state),
                finished_at=now,
                failure_kind=failure.kind.value if failure else None,
                failure_sentence=failure.template if failure else None,
                failure_facts=_storable(failure.facts) if failure else None,
            )
            return won, _close_charge(session, generation_id) if won else None

        won, ended = await self._database.write(change)
        if ended is not None:
            _log_end(ended.generation)
            self._broadcast.publish(ended)
        return won

    async def _update(self, generation_id: str, columns: Mapping[str, object]) -> None:
        def change(session: Session) -> None:
            GenerationRepository(session).update(generation_id, **columns)

        await self._database.write(change)


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


def _find_canceller(session: Session, generation_id: str, state: GenerationState) -> int | None:
    if state is not GenerationState.CANCELLED:
        return None
    row = GenerationRepository(session).get(generation_id)
    return row.cancelled_by if row else None


def _close_charge(session: Session, generation_id: str) -> Ended | None:
    """Charge what it took, or give back what was reserved; the row has its end already.

    What is returned has no results while they are withheld.
    """
    charges = ChargeRepository(session)
    row = GenerationRepository(session).get(generation_id)
    if row is None:
        return None
    outputs = OutputRepository(session).outputs(generation_id)
    generation = copy_generation(row, outputs)
    duration_ms = round((generation.duration_s or 0) * 1000)
    if not generation.is_charged:
        charges.refund(generation_id)
        return Ended(generation)
    pictures, gpu_ms = generation.cost, duration_ms
    if generation.state is GenerationState.SUCCEEDED:
        made = sum(one.media_type.startswith("image/") for one in outputs)
        pictures = made_cost(generation.cost, count_of(generation.values), made)
        gpu_ms = duration_ms if row.gpu_ms is None else row.gpu_ms
    charges.settle(generation_id, pictures=pictures, gpu_ms=gpu_ms)
    return Ended(generation, pictures, gpu_ms)


def _log_end(generation: Generation) -> None:
    reason = f": {generation.failure.sentence}" if generation.failure else "."
    _log.info("Generation %s ended as %s%s", generation.id, generation.state.value, reason)
