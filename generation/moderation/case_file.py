"""Moderators' look-ups of generations, and removal of all of one person's results."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from db.database import Database, Session
from db.repositories.audit import AuditRepository
from db.repositories.changes import ChangeRepository
from db.repositories.flags import FlagRepository
from db.repositories.generations import GenerationRepository
from db.repositories.outputs import OutputRepository
from db.repositories.reviews import ReviewRepository
from generation.availability import available
from generation.errors import UnknownGeneration
from generation.history.queries import Cursor, HistoryFilter, copy_generation
from generation.history.records import load_batch
from generation.history.removal import take_away
from generation.ids import normalise_id
from generation.record import Generation, GenerationState

EXPORT_BATCH = 500


@dataclass(frozen=True, slots=True)
class Change:
    """A state that a generation came to, and who brought it there, if anybody in particular."""

    state: GenerationState
    at: datetime
    actor_id: int | None


@dataclass(frozen=True, slots=True)
class Flag:
    """Why somebody may want to look at it: a word, a report or a check of the picture."""

    kind: str
    note: str
    actor_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class CaseFile:
    """Everything that is recorded of one generation."""

    generation: Generation
    changes: tuple[Change, ...]
    flags: tuple[Flag, ...]
    hashes: Mapping[int, str]
    """SHA-256 of each result, by its position."""
    review: str | None
    reviewer_id: int | None


class ModerationQueries:
    """Reads for moderators; a guild id of None is direct messages."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def case_file(self, generation_id: str, guild_id: int | None) -> CaseFile:
        """Return the case file of a generation of this guild, or raise UnknownGeneration."""
        wanted = normalise_id(generation_id)
        with available():

            def query(session: Session) -> CaseFile:
                generations = GenerationRepository(session)
                row = generations.get(wanted)
                if row is None or (row.guild_id or 0) != (guild_id or 0):
                    raise UnknownGeneration(wanted)
                outputs = OutputRepository(session).outputs(wanted)
                changes = ChangeRepository(session).of_generation(wanted)
                flags = FlagRepository(session).of_generation(wanted)
                review = ReviewRepository(session).find(wanted)
                return CaseFile(
                    generation=copy_generation(row, outputs, unveiled=True),
                    changes=tuple(
                        Change(GenerationState(one.state), one.at, one.actor_id) for one in changes
                    ),
                    flags=tuple(Flag(one.kind, one.note, one.actor_id, one.at) for one in flags),
                    hashes={one.position: one.sha256 for one in outputs},
                    review=review.state if review else None,
                    reviewer_id=review.actor_id if review else None,
                )

            return await self._database.read(query)

    async def purge(
        self, user_id: int, guild_id: int | None, *, actor_id: int
    ) -> tuple[Generation, ...]:
        """Remove all of a person's results here; return their generations, to delete messages.

        What still waits or runs is left alone. Raises ServiceUnavailable.
        """
        asked = HistoryFilter(user_id=user_id, guild_id=guild_id or 0)
        removed: list[Generation] = []
        with available():
            async for batch in self._batches(asked):
                ended = [one for one in batch if one.state.is_final and one.removed_at is None]
                await self._database.write(partial(self._take_away, ended, actor_id))
                removed += ended

            def note(session: Session) -> None:
                AuditRepository(session).add(
                    at=self._clock(),
                    actor_id=actor_id,
                    guild_id=guild_id,
                    action="purge",
                    subject=str(user_id),
                    detail={"results": len(removed)},
                )

            await self._database.write(note)
        return tuple(removed)

    def _take_away(self, ended: Sequence[Generation], actor_id: int, session: Session) -> None:
        for one in ended:
            take_away(session, one.id, actor_id=actor_id, now=self._clock())

    async def export(self, asked: HistoryFilter) -> AsyncIterator[Generation]:
        """Iterate over the filtered generations, newest first. Raises ServiceUnavailable."""
        with available():
            async for batch in self._batches(asked):
                for one in batch:
                    yield one

    async def _batches(self, asked: HistoryFilter) -> AsyncIterator[tuple[Generation, ...]]:
        cursor: Cursor | None = None
        while True:
            batch, cursor = await self._database.read(
                partial(load_batch, asked, cursor, EXPORT_BATCH)
            )
            if batch:
                yield batch
            if cursor is None:
                return
