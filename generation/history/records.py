"""Reads of recorded generations as frozen values."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from db.database import Session
from db.repositories.generations import Cursor, GenerationRepository
from db.repositories.guilds import GuildRepository
from db.repositories.line import LineRepository, LineRow
from db.repositories.moderation.reviews import ReviewRepository
from db.repositories.outputs import OutputRepository
from db.tables import DIRECT_MESSAGES, GenerationRow
from generation.estimates import Durations, LineEntry, MeasuredRun
from generation.history.queries import (
    HistoryFilter,
    HistoryPage,
    clean_filter,
    copy_generation,
    copy_output,
)
from generation.record import Generation, GenerationState, InputFile, OutputContent, copy_row
from generation.transactions import Service, Transactional, reads

RUNS_TAKEN = 60
"""Newest runs of a workflow used for estimates, over all workloads and backends."""

EARLIER = timedelta(days=1)
"""How much older than the oldest waiting generation a run may be to affect the order."""

LONGEST_LINEAGE = 50
"""Ancestors that are followed."""

BATCH = 500
"""Generations loaded at a time where all are iterated."""

IDS_AT_ONCE = 200
"""Ids in one statement: SQLite limits its parameters."""


@dataclass(frozen=True, slots=True)
class Order:
    """A generation with everything needed to run it. `is_wanted` until it ends or is cancelled."""

    generation: Generation
    files: tuple[InputFile, ...]
    is_wanted: bool


@dataclass(frozen=True, slots=True)
class LineState:
    """Everything unfinished: running generations by start time, then waiting ones, oldest first.

    Generations waiting in paused guilds are in `paused`. `cancelled` are the ids of generations to
    be cancelled, which are in no other field. `last_ends` has the last end of each waiting person's
    runs, where it can affect their turn.
    """

    running: tuple[LineEntry, ...] = ()
    waiting: tuple[LineEntry, ...] = ()
    paused: tuple[LineEntry, ...] = ()
    cancelled: tuple[str, ...] = ()
    guilds: Mapping[str, int | None] = field(default_factory=dict)
    last_ends: Mapping[int, datetime] = field(default_factory=dict)
    paused_guilds: frozenset[int] = frozenset()

    @property
    def unfinished(self) -> tuple[LineEntry, ...]:
        """Everything but what is to be cancelled."""
        return *self.running, *self.waiting, *self.paused


@dataclass(frozen=True, slots=True)
class Placement:
    """The backend that a generation was sent to, the prompt id, and `Order.is_wanted`."""

    backend: str
    prompt_id: str
    is_wanted: bool


class Records(Transactional):
    """Recorded generations. Each call is a transaction of its own."""

    @reads
    def find(
        self, session: Session, generation_id: str, *, include_withheld: bool = False
    ) -> Generation | None:
        """Return a generation with its outputs; withheld ones only if `include_withheld`."""
        row = GenerationRepository(session).get(generation_id)
        if row is None:
            return None
        outputs = OutputRepository(session).outputs(generation_id)
        return copy_generation(row, outputs, include_withheld=include_withheld)

    @reads
    def find_ancestors(self, session: Session, generation_id: str) -> tuple[Generation, ...]:
        """Return what it was derived from with outputs, the nearest first, up to a deleted one."""
        rows = GenerationRepository(session).list_ancestors(generation_id, LONGEST_LINEAGE)
        return _with_outputs(session, rows)

    @reads
    def find_states(self, session: Session, ids: Collection[str]) -> Mapping[str, GenerationState]:
        """Return the states of those of these ids that exist."""
        states = GenerationRepository(session).states(ids)
        return {id_: GenerationState(state) for id_, state in states.items()}

    @reads
    def find_order(self, session: Session, generation_id: str) -> Order | None:
        """Return a generation with its inputs; None if there is none with this id."""
        row = GenerationRepository(session).get(generation_id)
        if row is None:
            return None
        files = tuple(
            InputFile(file.name, file.content, file.media_type)
            for file in OutputRepository(session).inputs(generation_id)
        )
        return Order(copy_generation(row), files, _is_wanted(row))

    @reads
    def find_input_names(self, session: Session, generation_id: str) -> tuple[str, ...]:
        """Return the names of a generation's inputs that are still stored."""
        return OutputRepository(session).input_names(generation_id)

    @reads
    def find_placement(self, session: Session, generation_id: str) -> Placement | None:
        """Return where it was sent last; None if it was never sent."""
        row = GenerationRepository(session).get(generation_id)
        if row is None or row.backend is None or row.prompt_id is None:
            return None
        return Placement(row.backend, row.prompt_id, _is_wanted(row))

    @reads
    def contents(
        self, session: Session, generation_id: str, *, include_withheld: bool = False
    ) -> tuple[OutputContent, ...]:
        """Return results with their bytes, without those that were pruned.

        Withheld results are included only if `include_withheld`.
        """
        row = GenerationRepository(session).get(generation_id)
        if row is None or (row.withheld and not include_withheld):
            return ()
        found = OutputRepository(session).contents(generation_id)
        return tuple(OutputContent(copy_output(row), content) for row, content in found)

    async def line_state(self) -> LineState:
        """Return everything unfinished, reduced to what scheduling depends on."""
        rows, paused, ends = await self._read(_load_line)
        if not rows:
            return LineState(paused_guilds=paused)
        running, waiting, held, cancelled = [], [], [], []
        for row in rows:
            if row.cancelled_by is not None:
                cancelled.append(row.id)
            elif row.state == GenerationState.RUNNING.value:
                running.append(_copy_entry(row))
            elif row.backend is None and (row.guild_id or DIRECT_MESSAGES) in paused:
                held.append(_copy_entry(row))
            else:
                waiting.append(_copy_entry(row))
        return LineState(
            tuple(sorted(running, key=_start)),
            tuple(waiting),
            tuple(held),
            tuple(cancelled),
            {row.id: row.guild_id for row in rows},
            ends,
            paused,
        )

    @reads
    def find_many(self, session: Session, generation_ids: Sequence[str]) -> dict[str, Generation]:
        """Return those of these generations that exist, without outputs."""
        generations = GenerationRepository(session)
        return {
            row.id: copy_generation(row)
            for start in range(0, len(generation_ids), IDS_AT_ONCE)
            for row in generations.list_by_id(generation_ids[start : start + IDS_AT_ONCE])
        }

    @reads
    def unfinished(self, session: Session, user_id: int) -> tuple[Generation, ...]:
        """Return one person's unfinished generations, oldest first."""
        return tuple(map(copy_generation, LineRepository(session).list_unfinished(user_id)))

    @reads
    def undelivered(self, session: Session) -> dict[str, int]:
        """Return the ids of ended, undelivered generations, oldest first.

        Each comes with the number of moderators' decisions that changed what is delivered, 0 for a
        first delivery. Each decision has a delivery of its own.
        """
        ids = LineRepository(session).list_undelivered()
        reviews, tellings = ReviewRepository(session), dict[str, int]()
        for start in range(0, len(ids), IDS_AT_ONCE):
            tellings |= reviews.tellings(ids[start : start + IDS_AT_ONCE])
        return {id_: tellings.get(id_, 0) for id_ in ids}

    @reads
    def durations(self, session: Session, workflows: Collection[str]) -> Durations:
        """Return the durations of these workflows' newest runs."""
        return load_durations(session, workflows)

    @reads
    def history(
        self,
        session: Session,
        asked: HistoryFilter,
        before: Cursor | None = None,
        limit: int = 10,
        *,
        after: Cursor | None = None,
    ) -> HistoryPage:
        """Return a page of the history with outputs, newest first.

        What is older than `before`, or what is newer than `after` and next to it.
        """
        generations, filters = GenerationRepository(session), clean_filter(asked)
        page = generations.page(filters, before=before, after=after, limit=limit)
        copies = _with_outputs(session, page.rows)
        return HistoryPage(copies, page.next_cursor, generations.total(filters))


def _load_line(
    session: Session,
) -> tuple[Sequence[LineRow], frozenset[int], Mapping[int, datetime]]:
    unfinished = LineRepository(session)
    rows, paused = unfinished.list_line(), GuildRepository(session).paused()
    people = {row.user_id for row in rows if row.state == GenerationState.WAITING.value}
    ends = unfinished.last_ends(people, rows[0].created_at - EARLIER) if people else {}
    return rows, paused, ends


def load_durations(session: Session, workflows: Collection[str]) -> Durations:
    """Read the durations of these workflows' newest runs in this transaction."""
    line = LineRepository(session)
    return Durations(
        [
            MeasuredRun(workflow, row.workload, row.backend, row.gpu_ms / 1000)
            for workflow in sorted(workflows)
            for row in line.measured(workflow, RUNS_TAKEN)
        ]
    )


class ServiceRecords(Service, Records):
    """Records for front ends, which raise ServiceUnavailable instead of DatabaseError."""


class HistoryReader(Service):
    """Base of services that iterate over all matching generations in batches."""

    async def _batches(self, asked: HistoryFilter) -> AsyncIterator[tuple[Generation, ...]]:
        """Iterate over batches with outputs, newest first."""
        cursor: Cursor | None = None
        while True:
            batch, cursor = await self._load_batch(asked, cursor)
            if batch:
                yield batch
            if cursor is None:
                return

    @reads
    def _load_batch(
        self, session: Session, asked: HistoryFilter, before: Cursor | None
    ) -> tuple[tuple[Generation, ...], Cursor | None]:
        page = GenerationRepository(session).page(clean_filter(asked), before=before, limit=BATCH)
        return _with_outputs(session, page.rows), page.next_cursor


def _is_wanted(row: GenerationRow) -> bool:
    return not GenerationState(row.state).is_final and row.cancelled_by is None


def _copy_entry(row: LineRow) -> LineEntry:
    return copy_row(LineEntry, row, workload=row.workload or 1)


def _start(running: LineEntry) -> datetime:
    return running.started_at or running.created_at


def _with_outputs(session: Session, rows: Sequence[GenerationRow]) -> tuple[Generation, ...]:
    outputs = OutputRepository(session).outputs_of([row.id for row in rows])
    return tuple(copy_generation(row, outputs.get(row.id, ())) for row in rows)
