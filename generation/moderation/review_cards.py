"""Moderators' messages about results: posted once, and kept consistent with the records.

A transaction that changes what a message has to show records that an edit of it is due. Whoever
edits it claims the edit first, and records afterwards that the message shows what is recorded; both
survive a restart. A change during the edit makes another one due.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from db.database import Database, Session
from db.repositories.generations import GenerationRepository
from db.repositories.moderation.flags import FlagRepository
from db.repositories.moderation.guild_moderation import GuildModerationRepository
from db.repositories.moderation.reviews import (
    APPROVED,
    PENDING,
    REFUSED,
    REPORTED,
    ReviewRepository,
)
from db.repositories.outputs import OutputRepository
from db.tables import GenerationRow, ReviewRow
from generation.history.queries import copy_generation
from generation.history.records import Records
from generation.notifier import Case, CaseState, MessageLocation, ReviewChannel
from generation.record import OutputContent
from generation.transactions import Transactional, reads, writes

EDIT_TIME = timedelta(seconds=10)
"""Time for an edit, after which it is tried again: Discord was away, or the process was killed."""

BATCH = 100
"""Messages edited in one go."""

_STATES = {
    PENDING: CaseState.PENDING,
    REPORTED: CaseState.REPORTED,
    APPROVED: CaseState.APPROVED,
    REFUSED: CaseState.REFUSED,
}


class ReviewCards(Transactional):
    """Posts, updates and deletes these messages. Without a review channel none can be posted."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        review_channel: ReviewChannel | None,
    ) -> None:
        super().__init__(database)
        self._clock = clock
        self._records = Records(database)
        self._review_channel = review_channel
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def find(self, generation_id: str) -> Case | None:
        """Return a result as moderators see it, as recorded now. Raises DatabaseError."""
        contents = await self._records.contents(generation_id, include_withheld=True)
        return await self._load_case(generation_id, contents)

    async def post(self, generation_id: str) -> None:
        """Post a result in the moderators' channel, if there is one and a decision to make.

        Raises DeliveryPostponed, DatabaseError.
        """
        if self._review_channel is None:
            return
        async with self._lock(generation_id):
            while (case := await self.find(generation_id)) and not case.state.is_closed:
                channel_id = await self._find_channel(case.generation.guild_id)
                location = await self._review_channel.show(case, channel_id) if channel_id else None
                if location is None:
                    return
                for left in await self._note(generation_id, location):
                    await self._review_channel.retract(left)
                # Posted anew if moderators chose another channel in the meantime.
                if await self._find_channel(case.generation.guild_id) == channel_id:
                    break
                await self._review_channel.retract(location)
        # It may have been decided on or removed meanwhile.
        await self.update(generation_id)

    async def update(self, generation_id: str, *, always: bool = False) -> None:
        """Edit its message to show what is recorded, if an edit is due and nobody else makes it.

        `always` edits it in any case. Raises DeliveryPostponed, DatabaseError.
        """
        if self._review_channel is None:
            return
        async with self._lock(generation_id):
            until = self._clock() + EDIT_TIME
            while location := await self._claim(generation_id, until, always=always):
                case = await self.find(generation_id)
                if case is None:
                    await self._review_channel.retract(location)
                    return
                await self._review_channel.amend_case(case, location)
                await self._note_edited(generation_id, until)
                until, always = self._clock() + EDIT_TIME, False

    async def retract(self, locations: Mapping[str, MessageLocation]) -> list[str]:
        """Delete these messages, by generation; return the generations whose message is left."""
        if self._review_channel is None:
            return []
        return [
            generation_id
            for generation_id, location in locations.items()
            if not await self._review_channel.retract(location)
        ]

    def _lock(self, generation_id: str) -> asyncio.Lock:
        return self._locks.setdefault(generation_id, asyncio.Lock())

    @reads
    def find_due(self, session: Session) -> tuple[str, ...]:
        """Return results whose messages have to be edited, oldest first."""
        return ReviewRepository(session).edits_due(self._clock(), BATCH)

    @writes
    def _claim(
        self, session: Session, generation_id: str, until: datetime, *, always: bool
    ) -> MessageLocation | None:
        reviews, now = ReviewRepository(session), self._clock()
        claimed = reviews.claim_edit(generation_id, now, until, always=always)
        return MessageLocation(*claimed) if claimed else None

    @writes
    def _note_edited(self, session: Session, generation_id: str, until: datetime) -> None:
        ReviewRepository(session).note_edited(generation_id, until, self._clock())

    @reads
    def _find_channel(self, session: Session, guild_id: int | None) -> int | None:
        settings = GuildModerationRepository(session).get(guild_id) if guild_id else None
        return settings.log_channel_id if settings else None

    @writes
    def _note(
        self, session: Session, generation_id: str, location: MessageLocation
    ) -> list[MessageLocation]:
        """Record the location of its message; return what is to be deleted.

        That is the message which this one replaces, or this one if the record was deleted.
        """
        reviews = ReviewRepository(session)
        former = reviews.messages([generation_id]).values()
        if not reviews.note_message(generation_id, location.channel_id, location.message_id):
            return [location]
        return [one for one in (MessageLocation(*place) for place in former) if one != location]

    @reads
    def _load_case(
        self, session: Session, generation_id: str, contents: tuple[OutputContent, ...]
    ) -> Case | None:
        row = GenerationRepository(session).get(generation_id)
        if row is None:
            return None
        outputs = OutputRepository(session).outputs(generation_id)
        review = ReviewRepository(session).find(generation_id)
        flags = FlagRepository(session).of_generation(generation_id)
        state = _state_of(row, review)
        return Case(
            copy_generation(row, outputs, include_withheld=True),
            contents,
            state,
            tuple((flag.kind, flag.note) for flag in flags),
            row.removed_by if state is CaseState.REMOVED or review is None else review.actor_id,
            review.decided_at if review is not None else None,
            review.undo_until if review is not None else None,
            review.reason if review is not None else "",
        )


def _state_of(row: GenerationRow, review: ReviewRow | None) -> CaseState:
    state = _STATES.get(review.state, CaseState.OPEN) if review is not None else CaseState.OPEN
    if row.removed_at is not None and state is not CaseState.REFUSED:
        return CaseState.REMOVED
    return state
