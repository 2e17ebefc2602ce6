"""What a run records of its generation while it runs."""

from datetime import datetime

from db.database import Session
from db.repositories.generations import GenerationRepository
from generation.history.records import Records
from generation.record import GenerationState
from generation.transactions import writes


class NotWanted(Exception):
    """The generation ended or was cancelled while it was running."""


class RunRecords(Records):
    """Records of generations that runs write. Methods raise DatabaseError."""

    @writes
    def assign(
        self, session: Session, generation_id: str, backend_name: str, prompt_id: str
    ) -> bool:
        """Record where it is about to be sent, so that a cancellation finds it there.

        Return True if nothing was recorded before: no process can have sent it anywhere then, since
        each records first. If the process is killed in between, the next one finds the record.
        """
        generations = GenerationRepository(session)
        if generations.assign(generation_id, backend_name, prompt_id):
            return True
        # The row lock serializes this with a cancellation: the second one sees the first.
        row = generations.get(generation_id, for_update=True)
        if row is None or row.cancelled_by is not None or GenerationState(row.state).is_final:
            raise NotWanted
        generations.update(generation_id, backend=backend_name, prompt_id=prompt_id)
        return False

    @writes
    def begin(self, session: Session, generation_id: str, at: datetime) -> bool:
        """Record the start of its run; return True for the one call that did it."""
        return GenerationRepository(session).move(
            generation_id,
            from_states={GenerationState.WAITING.value},
            to=GenerationState.RUNNING.value,
            at=at,
            started_at=at,
        )

    @writes
    def note_sampling(self, session: Session, generation_id: str, at: datetime) -> None:
        """Record that its sampler started: from here on a cancellation is charged."""
        GenerationRepository(session).note_sampling(generation_id, at)
