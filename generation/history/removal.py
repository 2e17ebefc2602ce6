"""Removal of results: contents, thumbnails and texts go, the record of the request stays."""

from collections.abc import Callable
from datetime import datetime

from db.database import Database, Session
from db.repositories.audit import AuditRepository
from db.repositories.generations import GenerationRepository
from db.repositories.outputs import OutputRepository
from db.repositories.reviews import ReviewRepository
from generation.availability import available
from generation.errors import FailureKind, NotYours, RequestRefused, UnknownGeneration
from generation.history.queries import copy_generation
from generation.ids import normalise_id
from generation.record import Generation
from generation.tasks import finish


class Remover:
    """Removes results for their requester and for moderators."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def remove(self, generation_id: str, *, actor_id: int, is_moderator: bool) -> Generation:
        """Remove its results. Return it with its reply, so that its message can be deleted.

        May be repeated. A moderator's act is audited. Raises UnknownGeneration, NotYours,
        RequestRefused while it has not ended, ServiceUnavailable.
        """
        with available():
            return await finish(
                self._remove(normalise_id(generation_id), actor_id, is_moderator=is_moderator)
            )

    async def _remove(self, generation_id: str, actor_id: int, *, is_moderator: bool) -> Generation:
        def change(session: Session) -> Generation:
            generations = GenerationRepository(session)
            row = generations.get(generation_id, for_update=True)
            if row is None:
                raise UnknownGeneration(generation_id)
            generation = copy_generation(row, OutputRepository(session).outputs(generation_id))
            if generation.user_id != actor_id and not is_moderator:
                raise NotYours(generation_id)
            if not generation.state.is_final:
                raise RequestRefused(
                    FailureKind.INVALID_OPTION, "It has not ended yet. Cancel it first."
                )
            if generation.removed_at is not None:
                return generation
            now = self._clock()
            take_away(session, generation_id, actor_id=actor_id, now=now)
            if generation.user_id != actor_id:
                AuditRepository(session).add(
                    at=now,
                    actor_id=actor_id,
                    guild_id=generation.guild_id,
                    action="remove",
                    subject=generation_id,
                    detail={"user_id": str(generation.user_id)},
                )
            return generation

        return await self._database.write(change)


def take_away(session: Session, generation_id: str, *, actor_id: int, now: datetime) -> None:
    """Remove the results of an ended generation and close its review."""
    generations = GenerationRepository(session)
    columns: dict[str, object] = {"removed_at": now, "removed_by": actor_id}
    if ReviewRepository(session).withdraw(generation_id):
        # Its message, which says that it waits for a decision, goes with the results.
        columns["given_up_at"] = now
    OutputRepository(session).remove_contents(generation_id)
    generations.update(generation_id, **columns)
