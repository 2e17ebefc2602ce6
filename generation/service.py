"""The core's service, as front ends use it: requests, generations and their events."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from db.database import Database, Session
from db.repositories.generations import GenerationRepository
from db.repositories.moderation.transparency import TransparencyRepository
from db.repositories.outputs import OutputRepository
from db.tables import DIRECT_MESSAGES
from generation.backends.pool import BackendPool
from generation.backends.power import PowerManager, PowerTimings
from generation.errors import (
    FailureKind,
    NotYours,
    RequestRefused,
    ServiceUnavailable,
    UnknownGeneration,
)
from generation.events import Ended, GenerationEvent, Progress, Running, Waiting
from generation.history.records import Records, ServiceRecords
from generation.history.retention import Retention
from generation.ids import normalise_id
from generation.library.offers import WorkflowOffers
from generation.line import EngineSettings, Line, LineTimings
from generation.line.positions import LinePositions, LineView
from generation.media.contact_sheet import build_tile, contact_sheet
from generation.media.decoding import decode
from generation.moderation.blocks import Moderation
from generation.moderation.image_filter import ImageGate
from generation.moderation.review import Reviews
from generation.moderation.transparency import REFUSALS
from generation.notifier import Notifier
from generation.prompts.wildcard_lists import WildcardLists
from generation.quota.policy import Access
from generation.quota.usage import QuotaService, QuotaStatus
from generation.record import Generation, GenerationState
from generation.request import Actor, GenerationRequest, Requester
from generation.requests.acceptance import Acceptor
from generation.requests.checking import CheckedRequest
from generation.runs.broadcast import Broadcast
from generation.runs.delivery import Delivery
from generation.runs.run_records import RunRecords
from generation.runs.runner import RunLimits, Runner
from generation.runs.settlement import Settlement
from generation.tasks import PendingWork, TaskOwner, unforeseen
from generation.transactions import available, writes
from workflows.folders.catalog import Catalog

CONTENTS_KEPT = timedelta(days=7)
"""Age up to which originals and input files are kept, for showing and repeating them; thumbnails,
and what front ends posted, are kept forever."""

HOUSEKEEPING_INTERVAL_S = 60 * 60.0
"""Seconds between two prunings; retention is counted in days."""

WATCH_POLL_S = 5.0
"""Seconds between a watcher's reads of the record: another process may run the generation."""

LAST_SUBMISSIONS_S = 3.0
"""Seconds that stopping waits for submissions in progress: checks, acknowledgement and record."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Settings of a service; timings and limits differ in tests only.

    `runs_generations` False leaves runs, and `tells_places` False positions in the line, to other
    processes on the same PostgreSQL.
    """

    engine: EngineSettings
    timings: LineTimings = field(default_factory=LineTimings)
    limits: RunLimits = field(default_factory=RunLimits)
    power: PowerTimings = field(default_factory=PowerTimings)
    contents_kept: timedelta = CONTENTS_KEPT
    runs_generations: bool = True
    tells_places: bool = True


def utc_now() -> datetime:
    """Return the time, aware and in UTC."""
    return datetime.now(UTC)


class GenerationService(ServiceRecords, WorkflowOffers):
    """Accepts, runs and stores generations. Call `start` first, and `stop` at the end."""

    def __init__(
        self,
        *,
        settings: ServiceSettings,
        database: Database,
        catalog: Catalog,
        pool: BackendPool,
        notifier: Notifier,
        moderation: Moderation,
        wildcards: WildcardLists,
        reviews: Reviews,
        image_gate: ImageGate,
        clock: Callable[[], datetime],
        random_source: random.Random,
    ) -> None:
        ServiceRecords.__init__(self, database, clock)
        WorkflowOffers.__init__(self, catalog, pool)
        self._contents_kept = settings.contents_kept
        records = Records(database)
        self._retention = Retention(database, clock)
        self._broadcast = Broadcast(notifier)
        power = PowerManager(database, pool, clock, settings.power)
        self._positions = LinePositions(records, pool, power, self._broadcast, clock)
        self._broadcast.on_end = self._positions.note_left
        self._usage = QuotaService(database, clock)
        self._acceptor = Acceptor(
            database=database,
            catalog=catalog,
            pool=pool,
            usage=self._usage,
            moderation=moderation,
            image_gate=image_gate,
            wildcards=wildcards,
            clock=clock,
            random_source=random_source,
        )
        self._delivery = Delivery(database, notifier, reviews, clock)
        self._line = Line(
            engine=settings.engine,
            runner=Runner(
                records=RunRecords(database),
                catalog=catalog,
                pool=pool,
                broadcast=self._broadcast,
                image_gate=image_gate,
                clock=clock,
                limits=settings.limits,
                on_started=self._positions.note_left,
            ),
            settlement=Settlement(database, self._broadcast, image_gate, clock),
            delivery=self._delivery,
            records=records,
            pool=pool,
            power=power,
            clock=clock,
            timings=settings.timings,
            note_changed=database.changes.count,
            takes_work=settings.runs_generations,
        )
        self._line.on_power = self._positions.note_left
        self._tasks = TaskOwner(_log)
        self.submissions = PendingWork()
        """Submissions and decisions in progress, with what front ends check and tell then."""
        self._tells_places = settings.tells_places

    @property
    def is_running(self) -> bool:
        """Whether the line is running."""
        return self._line.is_running

    @property
    def gives_turns(self) -> bool:
        """Whether this is the scheduling process."""
        return self._line.gives_turns

    async def start(self) -> None:
        """Open the backends and the line, and resume interrupted work.

        Raises LineTaken (a GenerationError) if another process works on the same data.
        """
        await self._pool.open()
        try:
            await self._line.start()
        except BaseException:
            await self._pool.close()
            raise
        if self._tells_places:
            self._tasks.start(self._positions.publish_changes(), "positions in the line")
        self._tasks.start(self._run_housekeeping(), "housekeeping")

    async def stop(self) -> None:
        """Stop the line, leaving runs resumable, and close the backends. May be called twice.

        Submissions in progress are accepted first: people have been told that they were received.
        """
        await self.submissions.wait(LAST_SUBMISSIONS_S)
        await self._tasks.close()
        await self._line.stop()
        await self._pool.close()

    async def check(self, request: GenerationRequest) -> CheckedRequest:
        """Refuse what `submit` would refuse now, except for the pictures' bytes.

        Changes nothing; pass the result to `submit`. Raises RequestRefused or ServiceUnavailable.
        """
        async with self.deciding(request.requester):
            return await self._acceptor.check(request)

    async def submit(
        self, request: GenerationRequest, checked: CheckedRequest | None = None
    ) -> Generation:
        """Accept a request. Raises RequestRefused or ServiceUnavailable, with nothing charged.

        The returned generation is recorded: it ends with pictures or with a stated failure. With
        the result of `check` for this request, nothing is checked twice.
        """
        with self.submissions.pending():
            async with self.deciding(request.requester):
                generation = await self._acceptor.accept(request, checked)
            await self._hand_over(generation, has_inputs=bool(request.files))
        self._positions.note_accepted()
        return generation

    async def cancel(
        self,
        generation_id: str,
        *,
        user_id: int,
        is_moderator: bool = False,
        guild_id: int | None = None,
    ) -> Generation:
        """Cancel a generation, for its requester or a moderator; does nothing if it has ended.

        `guild_id` is where the moderator acts: they moderate generations of that guild only.

        Raises UnknownGeneration, NotYours or ServiceUnavailable. The cancellation is recorded on
        return; the end is an event.
        """
        generation = await self._find_existing(normalise_id(generation_id))
        is_here = guild_id is not None and generation.guild_id == guild_id
        if generation.user_id != user_id and not (is_moderator and is_here):
            raise NotYours(generation.id)
        if generation.state.is_final:
            return generation
        await self._record_cancellation(generation, user_id)
        try:
            await self._line.cancel(generation.id)
        except ServiceUnavailable as error:
            _log.warning(
                "Generation %s will be cancelled later: %s", generation_id, error.__cause__
            )
        return generation

    async def events(self, generation_id: str) -> AsyncGenerator[GenerationEvent, None]:
        """Yield the current state and every change, the newest one only; stop after Ended.

        Raises UnknownGeneration or ServiceUnavailable. Close it when leaving early.
        """
        with self._broadcast.watching(generation_id) as watch:
            event: GenerationEvent | None = await self._current(generation_id)
            while True:
                if event is not None:
                    yield event
                    if isinstance(event, Ended):
                        return
                event = await watch.take(WATCH_POLL_S)
                if event is None:
                    event = await self._ended(generation_id)

    async def quota(self, requester: Requester) -> QuotaStatus:
        """Return the requester's quota and usage."""
        return await self._usage.status(requester)

    async def line(
        self, guild_id: int | None, user_id: int, *, sees_all: bool = False, limit: int = 100
    ) -> LineView:
        """Return the line of a guild, or of direct messages, as visible to this person."""
        with available():
            return await self._positions.view(guild_id, user_id, sees_all=sees_all, limit=limit)

    async def count_unfinished(self) -> tuple[int, int]:
        """Count running and waiting generations of all guilds. Raises ServiceUnavailable."""
        line = await self.line_state()
        return len(line.running), len(line.waiting) + len(line.paused)

    async def contact_sheet(self, generations: Sequence[Generation]) -> bytes:
        """Return a PNG with the first picture of each, numbered in order."""
        tiles = [build_tile(generation) for generation in generations]
        return await decode(contact_sheet, tiles)

    async def find_access(self, requester: Requester) -> Access:
        """Return what the requester's roles may use. Raises ServiceUnavailable."""
        return await self._usage.find_access(requester)

    @asynccontextmanager
    async def deciding(self, requester: Requester) -> AsyncGenerator[None]:
        """Translate database errors; add to refusals when to come back, where known.

        Refusals by moderation are counted in the background, since the person is waiting.
        """
        with available():
            try:
                yield
            except RequestRefused as refused:
                if refused.kind in REFUSALS:
                    counting = self._count_refusal(requester.guild_id, refused.kind)
                    self._tasks.start(counting, "counting a refusal")
                raise await self._positions.add_retry_time(refused, requester) from None

    @writes
    def _count_refusal(self, session: Session, guild_id: int | None, kind: FailureKind) -> None:
        day = self._clock().replace(hour=0, minute=0, second=0, microsecond=0)
        TransparencyRepository(session).add_refusal(guild_id or DIRECT_MESSAGES, day, kind.value)

    async def refresh_line(self) -> None:
        """Apply a pause or a drained backend in every process."""
        await self._line.refresh()

    def before_reconciliation(self, apply: Callable[[], Awaitable[None]]) -> None:
        """Set a callback to run before each reconciliation, for other processes' changes."""
        self._line.before_reconciliation(apply)

    async def tell_decided(self, generation_id: str, telling: int) -> None:
        """Deliver the number that `Reviews.decide` or `undo` returned; the line retries."""
        try:
            await self._line.deliver_decided(generation_id, telling)
        except ServiceUnavailable as error:
            _log.warning("The decision on %s is told later: %s", generation_id, error.__cause__)

    async def deliver_again(self, generation_id: str) -> None:
        """Deliver an end again, after its message may have been overwritten.

        Raises DeliveryPostponed, DeliveryImpossible or ServiceUnavailable.
        """
        with available():
            await self._delivery.repeat(generation_id)

    async def _hand_over(self, generation: Generation, *, has_inputs: bool) -> None:
        """Add a generation to the line; if that fails, reconciliation finds its record."""
        try:
            await self._line.enqueue(generation, has_inputs=has_inputs)
        except ServiceUnavailable as error:
            _log.warning("Generation %s is enqueued later: %s", generation.id, error)

    async def _find_existing(self, generation_id: str) -> Generation:
        generation = await self.find(generation_id)
        if generation is None:
            raise UnknownGeneration(generation_id)
        return generation

    @writes
    def _record_cancellation(self, session: Session, generation: Generation, user_id: int) -> None:
        GenerationRepository(session).update(generation.id, cancelled_by=user_id)
        if generation.user_id != user_id:
            actor, owner = Actor(user_id, generation.guild_id), str(generation.user_id)
            self._audit(session, actor, "cancel", generation.id, user_id=owner)

    async def _current(self, generation_id: str) -> GenerationEvent:
        with available():
            generation = await self._find_existing(generation_id)
            if generation.state.is_final:
                return Ended(generation)
            if generation.state is GenerationState.RUNNING:
                return Running(generation, Progress(fraction=0.0))
            entry = await self._positions.find(generation_id)
        if entry is None or (entry.position == 0 and not entry.is_paused):
            return Waiting(generation, 1, 1, None)
        return entry

    async def _ended(self, generation_id: str) -> Ended | None:
        try:
            generation = await self.find(generation_id)
        except ServiceUnavailable as error:
            _log.debug("Generation %s could not be looked up: %s", generation_id, error)
            return None
        return Ended(generation) if generation and generation.state.is_final else None

    async def _run_housekeeping(self) -> None:
        while True:
            await self._clear_away()
            await asyncio.sleep(HOUSEKEEPING_INTERVAL_S)

    async def _clear_away(self) -> None:
        """Run each housekeeping task; a failure does not prevent the others."""
        for what, clear in (
            ("old results", self._prune),
            ("what servers keep no longer", self._retention.apply),
            ("ended workflows", self._clear_line),
        ):
            try:
                _log.debug("Cleared away %s: %d.", what, await clear())
            except Exception as error:  # noqa: BLE001 - logged, and tried again
                words = "Clearing away %s failed; it is tried again in an hour: %s"
                _log.error(words, what, error, exc_info=unforeseen(error))

    @writes
    def _prune(self, session: Session) -> int:
        return OutputRepository(session).prune_contents(self._clock() - self._contents_kept)

    async def _clear_line(self) -> int:
        return await self._line.clear_old() if self._line.is_running else 0
