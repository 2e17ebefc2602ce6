"""Delivery of ended generations, kept consistent with the records.

A state is read right before it is sent and once more afterwards. If a moderator, a deletion or
another process changed it in between, the newer state is sent too, so the last message always shows
what is recorded. `review_cards` keeps the moderators' message consistent, independently.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from enum import Enum, auto
from typing import assert_never
from weakref import WeakValueDictionary

from db.database import Database, Session
from db.errors import DatabaseError
from db.repositories.generations import GenerationRepository
from db.repositories.moderation.reviews import PENDING, REFUSED
from db.repositories.outputs import OutputRepository
from db.tables import GenerationRow, OutputRow
from generation.history.queries import copy_generation, copy_output
from generation.history.records import Records
from generation.media import imaging
from generation.media.decoding import decode
from generation.moderation.image_policy import ImageVerdict
from generation.moderation.review import Reviews
from generation.notifier import DeliveryImpossible, DeliveryPostponed, Notifier, Receipt
from generation.record import Generation, GenerationState, OutputContent
from generation.runs.results import FinishedRun, RecordedEnd
from generation.tasks import unforeseen
from generation.transactions import Transactional, reads, writes

_log = logging.getLogger(__name__)


class _Message(Enum):
    """Content of the reply to an ended generation."""

    END = auto()
    HELD = auto()
    REFUSED = auto()
    NOTHING = auto()


class Delivery(Transactional):
    """Delivers the ends of generations. Every method may be repeated after a crash."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        reviews: Reviews,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(database)
        self._records = Records(database)
        self._notifier = notifier
        self._reviews = reviews
        self._clock = clock
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def preparing(self, run: FinishedRun) -> AbstractContextManager[None]:
        """Prepare the delivery of results that will be shown as they are, until the block ends."""
        generation, ruling = run.generation, run.ruling
        if generation is None or generation.withheld or ruling is None:
            return nullcontext()
        if ruling.verdict is not ImageVerdict.SHOW:
            return nullcontext()
        return self._notifier.preparing(generation, run.contents)

    async def deliver(
        self, generation_id: str, recorded: RecordedEnd | None = None
    ) -> Receipt | None:
        """Deliver an end and record that; do nothing if nothing is to be delivered yet.

        `recorded` is the end that was just recorded, with its results, which are then not read
        again. Raises DeliveryPostponed and DeliveryImpossible as the notifier does, and
        DatabaseError.
        """
        recorded = recorded or await self._load(generation_id)
        if recorded is None or recorded.generation.delivered_at is not None:
            return None
        try:
            if recorded.review_state is None:
                return await self._tell(generation_id, recorded, records=True)
            # Moderators see it first, and may decide at once.
            await self._add_thumbnails(generation_id)
            await self._reviews.show(recorded.generation)
            return await self._tell(generation_id, None, records=True)
        except (DeliveryPostponed, DeliveryImpossible, DatabaseError):
            raise
        except Exception as error:
            words = "Telling the end of generation %s failed: %s"
            _log.error(words, generation_id, error, exc_info=unforeseen(error))
            raise DeliveryPostponed from error
        finally:
            # Nobody waits now, and the next result is recorded sooner.
            self._database.checkpoint()

    async def give_up(self, generation_id: str) -> None:
        """Record that delivery is impossible. Raises DatabaseError."""
        _log.warning("The end of generation %s could be told to nobody.", generation_id)
        await self._add_thumbnails(generation_id)
        await self._record_given_up(generation_id)

    async def repeat(self, generation_id: str) -> None:
        """Deliver once more, after another message may have replaced the reply.

        Raises as `deliver` does. Does nothing while the generation has not ended.
        """
        await self._tell(generation_id, None, records=False)

    async def _tell(
        self, generation_id: str, recorded: RecordedEnd | None, *, records: bool
    ) -> Receipt | None:
        receipt: Receipt | None = None
        told: _Message | None = None
        seen: Generation | None = None
        async with self._locks.setdefault(generation_id, asyncio.Lock()):
            recorded = recorded or await self._load(generation_id)
            # Ends when the last message that was sent matches the record.
            while True:
                seen = recorded.generation if recorded else seen
                message = _choose_message(recorded) if recorded else _Message.NOTHING
                if seen is None or message is None or message is told:
                    return receipt
                if receipt is not None:
                    seen = replace(seen, message_url=receipt.message_url)
                contents = recorded.contents if recorded else ()
                receipt = await self._say(seen, message, contents)
                told = message
                if records and receipt is not None:
                    # Made only now: the picture itself does not wait for its thumbnail.
                    thumbnails = await _make_thumbnails(contents)
                    recorded = await self._record(generation_id, told, receipt, thumbnails)
                else:
                    recorded = await self._load(generation_id, told)

    async def _say(
        self, generation: Generation, message: _Message, contents: Sequence[OutputContent]
    ) -> Receipt | None:
        match message:
            case _Message.NOTHING:
                await self._notifier.withdraw(generation)
                raise DeliveryImpossible("Its results were taken away.")
            case _Message.HELD:
                await self._reviews.tell_held(generation)
                return None
            case _Message.END | _Message.REFUSED:
                return await self._notifier.deliver(generation, contents)
            case _:
                assert_never(message)

    @writes
    def _record(
        self,
        session: Session,
        generation_id: str,
        told: _Message,
        receipt: Receipt,
        thumbnails: Mapping[int, bytes],
    ) -> RecordedEnd | None:
        """Record the delivery with thumbnails, unless something else is to be delivered by now.

        Return as `_load` does.
        Reading and recording in one transaction cannot be overtaken.
        """
        recorded = _load(session, generation_id, told)
        if recorded is not None and _choose_message(recorded) is told:
            GenerationRepository(session).update(
                generation_id, delivered_at=self._clock(), message_url=receipt.message_url
            )
            OutputRepository(session).set_thumbnails(generation_id, thumbnails)
        return recorded

    async def _add_thumbnails(self, generation_id: str) -> None:
        """Record the thumbnails of results that are seen without having been delivered."""
        contents = await self._records.contents(generation_id, include_withheld=True)
        thumbnails = await _make_thumbnails(contents)
        if thumbnails:
            await self._record_thumbnails(generation_id, thumbnails)

    @writes
    def _record_thumbnails(
        self, session: Session, generation_id: str, thumbnails: Mapping[int, bytes]
    ) -> None:
        OutputRepository(session).set_thumbnails(generation_id, thumbnails)

    @writes
    def _record_given_up(self, session: Session, generation_id: str) -> None:
        GenerationRepository(session).update(generation_id, given_up_at=self._clock())

    @reads
    def _load(
        self, session: Session, generation_id: str, told: _Message | None = None
    ) -> RecordedEnd | None:
        """Return the recorded state, with results if they are to be sent and were not `told`."""
        return _load(session, generation_id, told)


async def _make_thumbnails(contents: Sequence[OutputContent]) -> dict[int, bytes]:
    """Return the thumbnails of pictures that have none yet, by position."""
    made = {
        one.output.position: await decode(imaging.thumbnail, one.content)
        for one in contents
        if one.output.thumbnail is None and one.output.media_type.startswith("image/")
    }
    return {position: thumbnail for position, thumbnail in made.items() if thumbnail is not None}


def _load(session: Session, generation_id: str, told: _Message | None) -> RecordedEnd | None:
    found = GenerationRepository(session).get_with_review(generation_id)
    if found is None:
        return None
    row, review_state, reason, tellings = found
    recorded = RecordedEnd(copy_generation(row), review_state)
    message = _choose_message(recorded)
    if message is None or message is told:
        return recorded
    results = OutputRepository(session).outputs_with_contents(generation_id)
    generation = copy_generation(row, [output for output, _ in results])
    generation = replace(generation, tellings=tellings)
    if message is _Message.REFUSED:
        generation = replace(generation, refusal=reason or "")
    return RecordedEnd(generation, review_state, _shown_contents(row, results))


def _shown_contents(
    row: GenerationRow, results: Sequence[tuple[OutputRow, bytes | None]]
) -> tuple[OutputContent, ...]:
    if row.withheld:
        return ()
    return tuple(
        OutputContent(copy_output(output), content)
        for output, content in results
        if content is not None
    )


def _choose_message(recorded: RecordedEnd) -> _Message | None:
    generation = recorded.generation
    if not generation.state.is_final:
        return None
    is_withheld = generation.withheld and generation.state is GenerationState.SUCCEEDED
    if is_withheld and recorded.review_state == PENDING:
        return _Message.HELD
    if is_withheld and recorded.review_state == REFUSED:
        return _Message.REFUSED
    return _Message.END if generation.removed_at is None else _Message.NOTHING
