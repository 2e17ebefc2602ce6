"""Review of results: policies by guild and channel, and moderators' decisions.

A held result is finished and charged, but withheld: `Records` returns it to nobody, and its
requester is told that it waits. Each decision that changes what is shown starts a new delivery. A
decision can be undone for some minutes. A refusal hides the results at once, deletes them after
these minutes, and is not refunded, because the work was done.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial

from db.database import Database, Session
from db.repositories.generations import GenerationRepository
from db.repositories.moderation.flags import FlagRepository
from db.repositories.moderation.guild_moderation import GuildModerationRepository
from db.repositories.moderation.reviews import (
    APPROVED,
    PENDING,
    REFUSED,
    SHOWN,
    WHOLE_GUILD,
    ReviewRepository,
)
from db.repositories.outputs import OutputRepository
from db.tables import DIRECT_MESSAGES, GenerationRow
from generation.errors import (
    FailureKind,
    GenerationRemoved,
    InvalidOption,
    RequestRefused,
    UnknownGeneration,
)
from generation.history.queries import copy_generation
from generation.moderation.review_cards import ReviewCards
from generation.moderation.review_sheets import ReviewSheets
from generation.notifier import Case, DeliveryPostponed, MessageLocation, ReviewChannel
from generation.record import Generation, GenerationState
from generation.request import Actor, Requester
from generation.tasks import TaskOwner
from generation.text import clean_text
from generation.transactions import Service, available, reads, writes

REPORTS_A_DAY = 10
"""Limit for one person."""

MAX_REPORT_CHARACTERS = 300

REPORT = "report"

UNDO_TIME = timedelta(minutes=10)
"""Time during which a decision can be undone."""

BATCH = 100
"""Decisions made final at once."""

_LATER = "The moderators' message of %s is updated later: %s"

_log = logging.getLogger(__name__)


class ReviewMode(StrEnum):
    """How results of a channel or guild are reviewed.

    `log` shows moderators all results as well, `flagged` only those with a flag; with `hold` nobody
    sees a result before a moderator approves it.
    """

    OFF = "off"
    LOG = "log"
    FLAGGED = "flagged"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Overview:
    """A guild's review policies, and the number of its pending reviews with the oldest ones."""

    mode: ReviewMode
    channels: Mapping[int, ReviewMode]
    log_channel_id: int | None
    waiting: int
    next_id: str | None


class Reviews(Service):
    """Holds results, shows them to moderators, and records their decisions and people's reports.

    Without a review channel no result can be shown to moderators; results are held all the same.
    `sheets` shows several pending ones together.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        review_channel: ReviewChannel | None = None,
    ) -> None:
        super().__init__(database, clock)
        self.sheets = ReviewSheets(database, clock)
        self._review_channel = review_channel
        self._cards = ReviewCards(database, clock, review_channel)
        self._tasks = TaskOwner(_log)
        self._updating: asyncio.Task[None] | None = None

    async def show(self, generation: Generation) -> None:
        """Before a delivery, show the result to moderators if their policy asks for it, once.

        Raises DeliveryPostponed, DatabaseError.
        """
        review = await self._database.read(
            lambda session: ReviewRepository(session).find(generation.id)
        )
        if review is None:
            return
        if generation.state is not GenerationState.SUCCEEDED:
            await self._database.write(
                lambda session: ReviewRepository(session).drop(generation.id)
            )
            return
        is_wanted = review.state == PENDING or (review.state == SHOWN and not generation.withheld)
        if is_wanted and review.message_id is None:
            await self._cards.post(generation.id)

    async def tell_held(self, generation: Generation) -> None:
        """Tell the requester that the result waits for a moderator. Raises DeliveryPostponed."""
        if self._review_channel is not None:
            await self._review_channel.tell_held(generation)

        def change(session: Session) -> None:
            ReviewRepository(session).note_asked(generation.id, self._clock())

        await self._database.write(change)

    async def case(self, generation_id: str, guild_id: int | None) -> Case:
        """Return a case of this guild. Raises UnknownGeneration, ServiceUnavailable."""
        with available():
            found = await self._cards.find(generation_id)
        if found is None or guild_id is None or found.generation.guild_id != guild_id:
            raise UnknownGeneration(generation_id)
        return found

    @writes
    def note_card(self, session: Session, generation_id: str, location: MessageLocation) -> None:
        """Record where moderators see a result, if no location is recorded.

        A process that was killed right after it posted the message recorded none.
        """
        reviews = ReviewRepository(session)
        if not reviews.messages([generation_id]):
            reviews.note_message(generation_id, location.channel_id, location.message_id)

    async def update_message(self, generation_id: str, *, always: bool = False) -> None:
        """Update its message to moderators after a decision or removal, or `always`.

        `update_messages` repeats that while Discord cannot be reached. Raises ServiceUnavailable.
        """
        with available():
            try:
                await self._cards.update(generation_id, always=always)
            except DeliveryPostponed as error:
                _log.warning(_LATER, generation_id, error.__cause__)

    async def update_messages(self) -> None:
        """Update messages to moderators that are out of date, in the background.

        Of several processes, each message is edited by one. Raises DatabaseError.
        """
        if self._updating is None or self._updating.done():
            due = await self._cards.find_due()
            if due:
                self._updating = self._tasks.start(self._update(due), "messages to moderators")

    async def delete_messages(self, locations: Mapping[str, MessageLocation]) -> list[str]:
        """Delete messages to moderators, by generation; return those whose message is left."""
        return await self._cards.retract(locations)

    @writes
    def decide(
        self,
        session: Session,
        actor: Actor,
        generation_id: str,
        *,
        approved: bool,
        reason: str = "",
    ) -> int | None:
        """Approve or refuse a result: it is shown or hidden at once; recorded in the audit log.

        `finish_decisions` does what cannot be undone when the time to undo is over: it deletes a
        refused result and has the requester told, with the reason.

        Return the number of the delivery for `GenerationService.deliver_decided`; None if nothing
        changes for the requester. Raises UnknownGeneration, GenerationRemoved, RequestRefused if it
        is decided already, ServiceUnavailable.
        """
        now = self._clock()
        row = _find_row(session, actor, generation_id)
        if row.state != GenerationState.SUCCEEDED.value:
            raise InvalidOption("It has no results to decide on.")
        if row.removed_at is not None:
            raise GenerationRemoved(generation_id)
        reviews = ReviewRepository(session)
        # A shown result without a review can be refused as well: it gets one first.
        reviews.begin(generation_id, SHOWN, now)
        kept = clean_text(reason)[:MAX_REPORT_CHARACTERS]
        if not reviews.decide(
            generation_id,
            APPROVED if approved else REFUSED,
            actor_id=actor.user_id,
            at=now,
            undo_until=now + UNDO_TIME,
            reason=kept,
        ):
            raise InvalidOption("Somebody decided on this one already.")
        detail = {"reason": kept} if kept else {}
        action = "approve" if approved else "refuse"
        self._audit(session, actor, action, generation_id, user_id=str(row.user_id), **detail)
        return _withhold(session, row, is_withheld=not approved)

    @writes
    def undo(self, session: Session, actor: Actor, generation_id: str) -> int | None:
        """Undo a decision: the result waits, or is shown, as before. Recorded in the audit log.

        Return as `decide` does. Raises UnknownGeneration, RequestRefused if the time is over,
        ServiceUnavailable.
        """
        row = _find_row(session, actor, generation_id)
        reviews = ReviewRepository(session)
        if not reviews.undo(generation_id, self._clock()):
            raise InvalidOption("It's too late to undo this.")
        self._audit(session, actor, "undo", generation_id, user_id=str(row.user_id))
        review = reviews.find(generation_id)
        is_withheld = review is not None and review.state == PENDING
        return _withhold(session, row, is_withheld=is_withheld)

    async def finish_decisions(self) -> None:
        """Make decisions final whose time to undo is over. Raises DatabaseError.

        Each decision is handled by one process only. The line delivers to the people concerned, and
        `update_messages` takes the button to undo from the moderators' message.
        """
        now = self._clock()
        due = await self._database.read(lambda session: ReviewRepository(session).due(now, BATCH))
        for generation_id in due:
            # One transaction each: deleting pictures would hold the locks of all these rows.
            await self._database.write(partial(_finish, generation_id=generation_id, now=now))

    async def _update(self, due: Sequence[str]) -> None:
        for generation_id in due:
            try:
                await self._cards.update(generation_id)
            except DeliveryPostponed as error:
                _log.debug(_LATER, generation_id, error.__cause__)

    async def stop(self) -> None:
        """Stop updating messages to moderators. May be called twice."""
        await self._tasks.close()

    async def report(self, generation_id: str, requester: Requester, reason: str) -> None:
        """Report a result to the moderators of the guild.

        Raises UnknownGeneration, GenerationRemoved, RequestRefused, ServiceUnavailable.
        """
        await self._report(generation_id, requester, clean_text(reason)[:MAX_REPORT_CHARACTERS])
        with available():
            try:
                await self._cards.post(generation_id)
            except DeliveryPostponed as error:
                # The report is recorded, and in the list of pending reviews.
                _log.warning("A report of %s is not shown: %s", generation_id, error)

    @reads
    def overview(self, session: Session, guild_id: int | None) -> Overview:
        """Return the policies and pending reviews. Raises ServiceUnavailable."""
        reviews = ReviewRepository(session)
        found = reviews.modes(guild_id or DIRECT_MESSAGES)
        modes = {channel: ReviewMode(mode) for channel, mode in found.items()}
        settings = GuildModerationRepository(session).get(guild_id)
        count, ids = reviews.waiting(guild_id or DIRECT_MESSAGES, 1)
        return Overview(
            modes.pop(WHOLE_GUILD, ReviewMode.OFF),
            modes,
            settings.log_channel_id if settings else None,
            count,
            ids[0] if ids else None,
        )

    @writes
    def set_mode(
        self, session: Session, actor: Actor, channel_id: int | None, mode: ReviewMode | None
    ) -> None:
        """Set the mode of a channel or the whole guild; None uses the guild's for a channel."""
        guild_id, value = actor.guild_id or DIRECT_MESSAGES, mode.value if mode else None
        ReviewRepository(session).set_mode(guild_id, channel_id or WHOLE_GUILD, value)
        self._audit(session, actor, "review", str(channel_id or ""), mode=value)

    @writes
    def set_log_channel(self, session: Session, actor: Actor, channel_id: int | None) -> None:
        """Set the channel for moderators; None unsets it. Raises ServiceUnavailable."""
        GuildModerationRepository(session).put(actor.guild_id, log_channel_id=channel_id)
        self._audit(session, actor, "log-channel", str(channel_id or ""))

    @writes
    def _report(
        self, session: Session, generation_id: str, requester: Requester, reason: str
    ) -> None:
        now = self._clock()
        row = GenerationRepository(session).get(generation_id)
        if row is None or row.guild_id is None or row.guild_id != requester.guild_id:
            raise UnknownGeneration(generation_id)
        generation = copy_generation(row)
        if generation.withheld or not generation.is_visible_to(requester):
            # People cannot have seen it, so its existence is not confirmed.
            raise UnknownGeneration(generation_id)
        if generation.removed_at is not None:
            raise GenerationRemoved(generation_id)
        if generation.state is not GenerationState.SUCCEEDED:
            raise InvalidOption("There are no results to show.")
        flags = FlagRepository(session)
        if any(
            flag.kind == REPORT and flag.actor_id == requester.user_id
            for flag in flags.of_generation(generation_id)
        ):
            raise RequestRefused(FailureKind.SLOW_DOWN, "You have reported this one already.")
        since = now - timedelta(days=1)
        if flags.count_by(requester.user_id, since) >= REPORTS_A_DAY:
            raise RequestRefused(
                FailureKind.SLOW_DOWN,
                "You can report {limit} results a day. Ask a moderator about the others.",
                {"limit": REPORTS_A_DAY},
            )
        flags.add(generation_id, kind=REPORT, note=reason, actor_id=requester.user_id, at=now)
        ReviewRepository(session).report(generation_id, now)


def _find_row(session: Session, actor: Actor, generation_id: str) -> GenerationRow:
    """Return the generation's row, locked until the end of the transaction."""
    row = GenerationRepository(session).get(generation_id, for_update=True)
    if row is None or actor.guild_id is None or row.guild_id != actor.guild_id:
        raise UnknownGeneration(generation_id)
    return row


def _withhold(session: Session, row: GenerationRow, *, is_withheld: bool) -> int | None:
    """Hide or show a result; return the number of the delivery, None if nothing changes."""
    if row.withheld == is_withheld:
        return None
    columns = {"withheld": is_withheld, "delivered_at": None, "given_up_at": None}
    if not is_withheld:
        # The shared message was deleted when the result was hidden.
        columns["shared_url"] = None
    GenerationRepository(session).update(row.id, **columns)
    return ReviewRepository(session).note_telling(row.id)


def _finish(session: Session, *, generation_id: str, now: datetime) -> None:
    """Make a decision final and delete a refused result, unless another process does."""
    reviews = ReviewRepository(session)
    review = reviews.find(generation_id)
    if review is None or not reviews.finish(generation_id, now) or review.state != REFUSED:
        return
    OutputRepository(session).remove_contents(generation_id)
    GenerationRepository(session).update(
        generation_id,
        removed_at=now,
        removed_by=review.actor_id,
        delivered_at=None,
        given_up_at=None,
    )
    reviews.note_telling(generation_id)


def find_mode(modes: dict[int, str], asked: Requester | Generation) -> ReviewMode:
    """Return the mode of a place: the channel's own, its parent's, or else the guild's.

    `modes` are the guild's, as `ReviewRepository.modes` returns them.
    """
    if asked.guild_id is None:
        return ReviewMode.OFF
    for channel_id in (asked.channel_id, asked.parent_channel_id, WHOLE_GUILD):
        if channel_id in modes:
            return ReviewMode(modes[channel_id])
    return ReviewMode.OFF
