"""What is shown when: policies by guild and channel, and what moderators decide of results.

A result that is held is made and charged as ever, but withheld: `Records` gives it to nobody. Its
person is told that it waits, and its delivery begins anew with the decision. A refusal takes its
results away and is not refunded: the work was done.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from db.database import Database
from db.repositories.audit import AuditRepository
from db.repositories.flags import FlagRepository, NewFlag
from db.repositories.generations import GenerationRepository
from db.repositories.guild_moderation import GuildModerationRepository
from db.repositories.outputs import OutputRepository
from db.repositories.reviews import PENDING, WHOLE_GUILD, ReviewRepository
from generation.audience import Case, DeliveryPostponed, Desk, Place
from generation.availability import available
from generation.errors import FailureKind, RequestRefused, UnknownGeneration
from generation.history.records import Records
from generation.media import imaging
from generation.media.contact_sheet import build_tiles
from generation.media.decoding import decode
from generation.record import Generation, GenerationState
from generation.request import Requester
from generation.tasks import finish
from generation.text import clean_text

REPORTS_A_DAY = 10
"""Of one person."""

MAX_REPORT_CHARACTERS = 300

REPORT = "report"

GENERATIONS_A_SHEET = 9
"""Of what waits, on one contact sheet: what can be judged at a glance."""

ID_CHARACTERS_A_SHEET = 80
"""Of the ids of one sheet: a button carries them all, in Discord's 100 characters."""

TILES_A_SHEET = 12
"""Pictures on one contact sheet: three rows."""

_log = logging.getLogger(__name__)


class ReviewMode(StrEnum):
    """How a place reviews its results.

    `log` shows moderators all of them as well, `flagged` only those with a flag; with `hold`
    nobody sees one before a moderator approves of it.
    """

    OFF = "off"
    LOG = "log"
    FLAGGED = "flagged"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Overview:
    """How a guild reviews, and what waits for its moderators; the oldest of it, if any."""

    mode: ReviewMode
    channels: Mapping[int, ReviewMode]
    log_channel_id: int | None
    waiting: int
    next_id: str | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """Some of what waits for a guild's moderators, oldest first, with every picture of it.

    `counts` says how many of the numbered pictures of `picture`, a PNG, are each generation's.
    """

    waiting: int
    generations: tuple[Generation, ...]
    counts: tuple[int, ...]
    picture: bytes


class Reviews:
    """Holds results, shows them to moderators, and takes their decisions and people's reports.

    Without a desk nobody can be shown anything, and results are held all the same.
    """

    def __init__(
        self, database: Database, clock: Callable[[], datetime], desk: Desk | None = None
    ) -> None:
        self._database = database
        self._records = Records(database)
        self._clock = clock
        self._desk = desk

    async def pass_on(self, generation: Generation) -> bool:
        """Before an end is told: show it to moderators who want it; False while it is held.

        May be repeated. Raises DeliveryPostponed, DatabaseError.
        """
        async with self._database.transaction(read_only=True) as session:
            review = await ReviewRepository(session).find(generation.id)
            if review is None:
                return True
            is_pending, is_shown = review.state == PENDING, review.message_id is not None
        if generation.state is not GenerationState.SUCCEEDED:
            await self._drop(generation.id)
            return True
        if not is_shown and not (generation.withheld and not is_pending):
            await self._show(generation.id, is_pending=is_pending)
        if not is_pending:
            return True
        if self._desk is not None:
            await self._desk.tell_held(generation)
        async with self._database.transaction() as session:
            await ReviewRepository(session).note_asked(generation.id, self._clock())
        return False

    async def case(self, generation_id: str, guild_id: int | None) -> Case:
        """What a moderator of this guild is shown. Raises UnknownGeneration, ServiceUnavailable."""
        with available():
            async with self._database.transaction(read_only=True) as session:
                review = await ReviewRepository(session).find(generation_id)
                is_pending = review is not None and review.state == PENDING
            found = await self._case(generation_id, is_pending=is_pending)
        if found is None or guild_id is None or found.generation.guild_id != guild_id:
            raise UnknownGeneration(generation_id)
        return found

    async def asked_at(self, generation_id: str) -> Place | None:
        """Where moderators were shown it, if anywhere. Raises ServiceUnavailable."""
        with available():
            async with self._database.transaction(read_only=True) as session:
                review = await ReviewRepository(session).find(generation_id)
                if review is None or review.channel_id is None or review.message_id is None:
                    return None
                return Place(review.channel_id, review.message_id)

    async def decide(
        self, generation_id: str, guild_id: int | None, *, approved: bool, actor_id: int
    ) -> None:
        """Let a held result be seen, or take it away for good; it is audited.

        `GenerationService.tell_decided` tells its person then. Raises UnknownGeneration,
        RequestRefused when somebody decided already, ServiceUnavailable.
        """
        with available():
            await finish(self._decide(generation_id, guild_id, actor_id, approved=approved))

    async def report(self, generation_id: str, requester: Requester, reason: str) -> None:
        """Let somebody point a result out to the moderators of their guild.

        Raises UnknownGeneration, RequestRefused, ServiceUnavailable.
        """
        with available():
            await self._report(generation_id, requester, clean_text(reason)[:MAX_REPORT_CHARACTERS])
            try:
                await self._show(generation_id, is_pending=False)
            except DeliveryPostponed as error:
                # The flag is recorded: moderators find it in the history.
                _log.warning("A report of %s is not shown: %s", generation_id, error)

    async def overview(self, guild_id: int) -> Overview:
        """The policies and what waits. Raises ServiceUnavailable."""
        with available():
            async with self._database.transaction(read_only=True) as session:
                reviews = ReviewRepository(session)
                found = await reviews.modes(guild_id)
                modes = {channel: ReviewMode(mode) for channel, mode in found.items()}
                settings = await GuildModerationRepository(session).get(guild_id)
                count, ids = await reviews.waiting(guild_id, 1)
                return Overview(
                    modes.pop(WHOLE_GUILD, ReviewMode.OFF),
                    modes,
                    settings.log_channel_id if settings else None,
                    count,
                    ids[0] if ids else None,
                )

    async def sheet(self, guild_id: int) -> Sheet | None:
        """The oldest results that can be decided on together; None when fewer than two can.

        What has to be heard, read or watched is left to `case`, and so is what fills a sheet alone.
        Raises ServiceUnavailable.
        """
        with available():
            async with self._database.transaction(read_only=True) as session:
                waiting, ids = await ReviewRepository(session).waiting(
                    guild_id, 2 * GENERATIONS_A_SHEET
                )
            chosen, counts, tiles = list[Generation](), list[int](), list[imaging.Tile]()
            for generation_id in ids:
                generation = await self._records.find(generation_id, unveiled=True)
                new = build_tiles(generation) if generation is not None else ()
                if generation is None or not new or len(tiles) + len(new) > TILES_A_SHEET:
                    continue
                if sum(len(one.id) for one in chosen) + len(generation_id) > ID_CHARACTERS_A_SHEET:
                    break
                chosen.append(generation)
                counts.append(len(new))
                tiles += new
                if len(chosen) == GENERATIONS_A_SHEET:
                    break
        if len(chosen) <= 1:
            return None
        picture = await decode(imaging.contact_sheet, tiles)
        return Sheet(waiting, tuple(chosen), tuple(counts), picture)

    async def set_mode(
        self, guild_id: int, channel_id: int | None, mode: ReviewMode | None, *, actor_id: int
    ) -> None:
        """Review so from now on, in one channel or the whole guild; None: as the whole guild."""
        with available():
            async with self._database.transaction() as session:
                value = mode.value if mode else None
                await ReviewRepository(session).set_mode(guild_id, channel_id or WHOLE_GUILD, value)
                await AuditRepository(session).add(
                    at=self._clock(),
                    actor_id=actor_id,
                    guild_id=guild_id,
                    action="review",
                    subject=str(channel_id) if channel_id else "",
                    detail={"mode": value},
                )

    async def set_log_channel(
        self, guild_id: int, channel_id: int | None, *, actor_id: int
    ) -> None:
        """Show moderators results there from now on; None: nowhere. Raises ServiceUnavailable."""
        with available():
            async with self._database.transaction() as session:
                await GuildModerationRepository(session).put(guild_id, log_channel_id=channel_id)
                await AuditRepository(session).add(
                    at=self._clock(),
                    actor_id=actor_id,
                    guild_id=guild_id,
                    action="log-channel",
                    subject=str(channel_id) if channel_id else "",
                )

    async def _decide(
        self, generation_id: str, guild_id: int | None, actor_id: int, *, approved: bool
    ) -> None:
        now = self._clock()
        async with self._database.transaction() as session:
            generations = GenerationRepository(session)
            row = await generations.get(generation_id, for_update=True)
            if row is None or guild_id is None or row.guild_id != guild_id:
                raise UnknownGeneration(generation_id)
            if row.state != GenerationState.SUCCEEDED.value:
                raise RequestRefused(FailureKind.INVALID_OPTION, "It has no results to decide on.")
            state = "approved" if approved else "refused"
            if not await ReviewRepository(session).decide(generation_id, state, actor_id, now):
                raise RequestRefused(
                    FailureKind.INVALID_OPTION, "Somebody decided on this one already."
                )
            if approved:
                await generations.update(generation_id, withheld=False)
            else:
                await OutputRepository(session).remove_contents(generation_id)
                await generations.update(generation_id, removed_at=now, removed_by=actor_id)
            await AuditRepository(session).add(
                at=now,
                actor_id=actor_id,
                guild_id=guild_id,
                action="approve" if approved else "refuse",
                subject=generation_id,
                detail={"user_id": str(row.user_id)},
            )

    async def _report(self, generation_id: str, requester: Requester, reason: str) -> None:
        now = self._clock()
        async with self._database.transaction() as session:
            row = await GenerationRepository(session).get(generation_id)
            if row is None or row.guild_id is None or row.guild_id != requester.guild_id:
                raise UnknownGeneration(generation_id)
            if row.withheld or (row.private and row.user_id != requester.user_id):
                # Nobody can have seen it who would point it out.
                raise UnknownGeneration(generation_id)
            flags = FlagRepository(session)
            if any(
                one.kind == REPORT and one.actor_id == requester.user_id
                for one in await flags.of_generation(generation_id)
            ):
                raise RequestRefused(FailureKind.SLOW_DOWN, "You have reported this one already.")
            since = now - timedelta(days=1)
            if await flags.count_by(requester.user_id, since) >= REPORTS_A_DAY:
                raise RequestRefused(
                    FailureKind.SLOW_DOWN,
                    "You can report {limit} results a day. Ask a moderator about the others.",
                    {"limit": REPORTS_A_DAY},
                )
            await flags.add(generation_id, NewFlag(REPORT, reason, requester.user_id), now)

    async def _show(self, generation_id: str, *, is_pending: bool) -> None:
        case = await self._case(generation_id, is_pending=is_pending)
        if case is None or case.generation.guild_id is None or self._desk is None:
            return
        async with self._database.transaction(read_only=True) as session:
            settings = await GuildModerationRepository(session).get(case.generation.guild_id)
            channel_id = settings.log_channel_id if settings else None
        if channel_id is None:
            return
        place = await self._desk.show(case, channel_id)
        if place is not None:
            async with self._database.transaction() as session:
                await ReviewRepository(session).note_message(
                    generation_id, place.channel_id, place.message_id
                )

    async def _case(self, generation_id: str, *, is_pending: bool) -> Case | None:
        generation = await self._records.find(generation_id, unveiled=True)
        if generation is None:
            return None
        async with self._database.transaction(read_only=True) as session:
            flags = await FlagRepository(session).of_generation(generation_id)
            reasons = tuple(f"{one.kind}: {one.note}" for one in flags)
        contents = await self._records.contents(generation_id, unveiled=True)
        return Case(generation, contents, is_pending, reasons)

    async def _drop(self, generation_id: str) -> None:
        async with self._database.transaction() as session:
            await ReviewRepository(session).drop(generation_id)


async def find_mode(reviews: ReviewRepository, requester: Requester) -> ReviewMode:
    """The mode where somebody asks: the channel's own, its parent's, or else the guild's."""
    if requester.guild_id is None:
        return ReviewMode.OFF
    modes = await reviews.modes(requester.guild_id)
    for place in (requester.channel_id, requester.parent_channel_id, WHOLE_GUILD):
        if place in modes:
            return ReviewMode(modes[place])
    return ReviewMode.OFF
