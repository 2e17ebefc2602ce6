"""Removal of results: contents, thumbnails and texts are deleted, the record is kept."""

from datetime import datetime

from db.database import Session
from db.repositories.generations import GenerationRepository
from db.repositories.moderation.reviews import ReviewRepository
from db.repositories.outputs import OutputRepository
from generation.errors import InvalidOption, NotYours, UnknownGeneration
from generation.history.queries import copy_generation
from generation.ids import normalise_id
from generation.record import Generation
from generation.request import Actor
from generation.transactions import Service, writes


class Remover(Service):
    """Removes results for their requester and for moderators."""

    @writes
    def remove(
        self, session: Session, generation_id: str, *, actor_id: int, is_moderator: bool
    ) -> Generation:
        """Remove a generation's results; return it with its reply, for deleting its message.

        May be repeated. A moderator's act is audited. Raises UnknownGeneration, NotYours,
        RequestRefused while it has not ended, ServiceUnavailable.
        """
        generation_id = normalise_id(generation_id)
        row = GenerationRepository(session).get(generation_id, for_update=True)
        if row is None:
            raise UnknownGeneration(generation_id)
        generation = copy_generation(row, OutputRepository(session).outputs(generation_id))
        if generation.user_id != actor_id and not is_moderator:
            raise NotYours(generation_id)
        if not generation.state.is_final:
            raise InvalidOption("It has not ended yet. Cancel it first.")
        if generation.removed_at is not None:
            return generation
        remove_results(session, generation_id, actor_id=actor_id, now=self._clock())
        if generation.user_id != actor_id:
            actor = Actor(actor_id, generation.guild_id)
            owner = str(generation.user_id)
            self._audit(session, actor, "remove", generation_id, user_id=owner)
        return generation


def remove_results(session: Session, generation_id: str, *, actor_id: int, now: datetime) -> None:
    """Remove the results of an ended generation and close its review."""
    generations = GenerationRepository(session)
    columns: dict[str, object] = {"removed_at": now, "removed_by": actor_id}
    if ReviewRepository(session).withdraw(generation_id, now):
        # The message that it waits for a decision is deleted with the results.
        columns["given_up_at"] = now
    OutputRepository(session).remove_contents(generation_id)
    generations.update(generation_id, **columns)
