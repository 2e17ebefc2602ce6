"""Moderators' look-ups of generations and the audit log, and removal of a person's results."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from db.database import Session
from db.repositories.audit import AuditRepository
from db.repositories.generations import GenerationRepository
from db.repositories.moderation.flags import FlagRepository
from db.repositories.moderation.reviews import ReviewRepository
from db.repositories.outputs import OutputRepository
from generation.errors import UnknownGeneration
from generation.history.queries import HistoryFilter, copy_generation
from generation.history.records import HistoryReader
from generation.history.removal import remove_results
from generation.ids import normalise_id
from generation.record import Generation, GenerationState, copy_row
from generation.request import Actor
from generation.transactions import reads, writes


@dataclass(frozen=True, slots=True)
class Change:
    """A state that a generation reached, and who caused it, if anybody."""

    state: GenerationState
    at: datetime
    actor_id: int | None


@dataclass(frozen=True, slots=True)
class Flag:
    """A reason for review: a watched word, a report or a finding of the image check."""

    kind: str
    note: str
    actor_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class CaseFile:
    """All records of one generation."""

    generation: Generation
    changes: tuple[Change, ...]
    flags: tuple[Flag, ...]
    hashes: Mapping[int, str]
    """SHA-256 of each result, by position."""
    review: str | None
    reviewer_id: int | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry of the audit log."""

    id: int
    at: datetime
    actor_id: int
    action: str
    subject: str
    detail: Mapping[str, object]


class ModerationQueries(HistoryReader):
    """Queries for moderators; a guild id of None is direct messages."""

    @reads
    def case_file(self, session: Session, generation_id: str, guild_id: int | None) -> CaseFile:
        """Return the case file of a generation of this guild. Raises UnknownGeneration."""
        wanted = normalise_id(generation_id)
        generations = GenerationRepository(session)
        row = generations.get(wanted)
        if row is None or (row.guild_id or 0) != (guild_id or 0):
            raise UnknownGeneration(wanted)
        outputs = OutputRepository(session).outputs(wanted)
        changes = generations.changes(wanted)
        flags = FlagRepository(session).of_generation(wanted)
        review = ReviewRepository(session).find(wanted)
        return CaseFile(
            generation=copy_generation(row, outputs, include_withheld=True),
            changes=tuple(
                copy_row(Change, change, state=GenerationState(change.state)) for change in changes
            ),
            flags=tuple(copy_row(Flag, flag) for flag in flags),
            hashes={one.position: one.sha256 for one in outputs},
            review=review.state if review else None,
            reviewer_id=review.actor_id if review else None,
            reason=review.reason if review else "",
        )

    @reads
    def audit(
        self, session: Session, guild_id: int | None, *, before_id: int | None = None, limit: int
    ) -> tuple[AuditEntry, ...]:
        """Return a page of the audit log, newest first."""
        return tuple(
            AuditEntry(row.id, row.at, row.actor_id, row.action, row.subject, row.detail or {})
            for row in AuditRepository(session).page(guild_id, before_id=before_id, limit=limit)
        )

    async def purge(self, actor: Actor, user_id: int) -> tuple[int, tuple[Generation, ...]]:
        """Remove all results of a person here; return how many, and generations without results.

        The messages of those are to be deleted. They include what was removed before, because its
        messages may be left. Unfinished generations are not affected. Raises ServiceUnavailable.
        """
        asked = HistoryFilter(user_id=user_id, guild_id=actor.guild_id or 0)
        count, removed = 0, list[Generation]()
        async for batch in self._batches(asked):
            ended = [one for one in batch if one.state.is_final and one.removed_at is None]
            await self._take_away(ended, actor)
            count += len(ended)
            removed += [*ended, *(one for one in batch if one.is_deleted)]
        await self._note_purge(actor, user_id, count)
        return count, tuple(removed)

    @writes
    def _take_away(self, session: Session, ended: Sequence[Generation], actor: Actor) -> None:
        for one in ended:
            remove_results(session, one.id, actor_id=actor.user_id, now=self._clock())

    @writes
    def _note_purge(self, session: Session, actor: Actor, user_id: int, count: int) -> None:
        self._audit(session, actor, "purge", str(user_id), results=count)

    async def export(self, asked: HistoryFilter) -> AsyncIterator[Generation]:
        """Yield the filtered generations, newest first. Raises ServiceUnavailable."""
        async for batch in self._batches(asked):
            for one in batch:
                yield one
