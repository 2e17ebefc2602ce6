"""Reads what is recorded of generations, as frozen values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from db.database import Database
from db.generations import Cursor, GenerationRepository
from db.tables import GenerationRow
from generation.history import HistoryFilter, HistoryPage, copy_generation, copy_output
from generation.record import Generation, OutputContent

DURATIONS_TAKEN = 20
"""How many of the newest runs of a workflow tell what it usually takes."""


@dataclass(frozen=True, slots=True)
class RecordedImage:
    """A verified picture that a generation was given."""

    name: str
    content: bytes = field(repr=False)
    media_type: str


@dataclass(frozen=True, slots=True)
class Order:
    """A generation with everything its run needs."""

    generation: Generation
    images: tuple[RecordedImage, ...]
    is_wanted: bool


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What the line must know of a generation that waits or runs."""

    id: str
    user_id: int
    priority: bool
    created_at: datetime
    is_cancelled: bool


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a generation was sent, and under which prompt id."""

    backend: str
    prompt_id: str


class Records:
    """Generations as they are recorded now. Every call is one transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, generation_id: str) -> Generation | None:
        """One generation with its outputs."""
        async with self._database.transaction(read_only=True) as session:
            generations = GenerationRepository(session)
            row = await generations.get(generation_id)
            if row is None:
                return None
            return copy_generation(row, await generations.outputs(generation_id))

    async def find_order(self, generation_id: str) -> Order | None:
        """One generation with what it was given; it is wanted until it ended or was cancelled."""
        async with self._database.transaction(read_only=True) as session:
            generations = GenerationRepository(session)
            row = await generations.get(generation_id)
            if row is None:
                return None
            images = tuple(
                RecordedImage(image.name, image.content, image.media_type)
                for image in await generations.inputs(generation_id)
            )
            generation = copy_generation(row)
            is_wanted = not generation.state.is_final and row.cancelled_by is None
            return Order(generation, images, is_wanted)

    async def find_placement(self, generation_id: str) -> Placement | None:
        """Where it was sent last, if it ever was."""
        async with self._database.transaction(read_only=True) as session:
            row = await GenerationRepository(session).get(generation_id)
            if row is None or row.backend is None or row.prompt_id is None:
                return None
            return Placement(row.backend, row.prompt_id)

    async def contents(self, generation_id: str) -> tuple[OutputContent, ...]:
        """Its results with their bytes; those that were cleared away by age are left out."""
        async with self._database.transaction(read_only=True) as session:
            found = await GenerationRepository(session).contents(generation_id)
            return tuple(OutputContent(copy_output(row), content) for row, content in found)

    async def unfinished(self) -> tuple[Unfinished, ...]:
        """Everything that waits or runs, oldest first."""
        async with self._database.transaction(read_only=True) as session:
            rows = await GenerationRepository(session).list_unfinished()
            return tuple(
                Unfinished(
                    row.id, row.user_id, row.priority, row.created_at, row.cancelled_by is not None
                )
                for row in rows
            )

    async def unfinished_generations(self, user_id: int | None = None) -> tuple[Generation, ...]:
        """What waits or runs, everybody's or one person's, oldest first."""
        async with self._database.transaction(read_only=True) as session:
            rows = await GenerationRepository(session).list_unfinished(user_id=user_id)
            return tuple(copy_generation(row) for row in rows)

    async def undelivered(self) -> tuple[str, ...]:
        """The ids of everything that ended and was neither told nor given up."""
        async with self._database.transaction(read_only=True) as session:
            rows = await GenerationRepository(session).list_undelivered()
            return tuple(row.id for row in rows)

    async def durations(self, workflow: str) -> list[float]:
        """What the newest runs of a workflow took, in seconds."""
        async with self._database.transaction(read_only=True) as session:
            return await GenerationRepository(session).recent_durations(workflow, DURATIONS_TAKEN)

    async def page(
        self, asked: HistoryFilter, before: Cursor | None, after: Cursor | None, limit: int
    ) -> HistoryPage:
        """One page of the history, with outputs."""
        async with self._database.transaction(read_only=True) as session:
            generations = GenerationRepository(session)
            filters = asked.to_rows()
            page = await generations.page(filters, before=before, after=after, limit=limit)
            copies = await _with_outputs(generations, page.rows)
            return HistoryPage(copies, page.next_cursor, await generations.total(filters))


async def _with_outputs(
    generations: GenerationRepository, rows: Sequence[GenerationRow]
) -> tuple[Generation, ...]:
    outputs = await generations.outputs_of([row.id for row in rows])
    return tuple(copy_generation(row, outputs.get(row.id, ())) for row in rows)
