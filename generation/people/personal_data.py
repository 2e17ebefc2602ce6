"""Export and deletion of one person's data."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from db.database import Database, Session
from db.repositories.generations import GenerationRepository
from db.repositories.personal import PersonalRepository
from db.repositories.reviews import ReviewRepository
from generation.availability import available
from generation.history.export import ExportFormat, line
from generation.history.queries import Cursor, HistoryFilter
from generation.history.records import load_batch
from generation.notifier import MessageLocation
from generation.people.preferences import Preferences
from generation.record import Generation
from generation.tasks import finish

BATCH = 200


@dataclass(frozen=True, slots=True)
class Deleted:
    """What is forgotten, and where moderators were shown it: messages that have still to go."""

    generations: tuple[Generation, ...]
    places: tuple[MessageLocation, ...]


class PersonalData:
    """Exports and deletes personal data."""

    def __init__(self, database: Database, preferences: Preferences) -> None:
        self._database = database
        self._preferences = preferences

    async def export(self, user_id: int) -> AsyncIterator[str]:
        """Lines of JSON: one of everything else, then one a generation. Raises ServiceUnavailable.

        Pictures are not in it: they are in the messages that it links to.
        """
        with available():
            rows = await self._database.read(
                lambda session: PersonalRepository(session).rows(user_id)
            )
            yield json.dumps(rows, default=_as_text, ensure_ascii=False) + "\n"
            async for batch in self._batches(user_id):
                for one in batch:
                    # What ran it may be called by an address of the operator's network.
                    yield line(replace(one, backend=None), ExportFormat.JSONL)

    async def delete(self, user_id: int) -> Deleted:
        """Forget all that has ended, with its results; what it was, so that messages can go.

        Charges stay, or quotas would begin anew; so do blocks, and the audit of moderators' acts.
        Raises ServiceUnavailable.
        """
        deleted, places = list[Generation](), list[MessageLocation]()
        with available():
            async for batch in self._batches(user_id):
                ended = [one for one in batch if one.state.is_final]
                places += await finish(self._delete(ended))
                deleted += ended

            def change(session: Session) -> None:
                PersonalRepository(session).forget(user_id)

            await self._database.write(change)
            self._preferences.forget(user_id)
        return Deleted(tuple(deleted), tuple(places))

    async def _delete(self, ended: list[Generation]) -> list[MessageLocation]:
        ids = [one.id for one in ended]

        def change(session: Session) -> Sequence[tuple[int, int]]:
            places = ReviewRepository(session).messages(ids)
            GenerationRepository(session).delete_many(ids)
            return places

        places = await self._database.write(change)
        return [MessageLocation(*one) for one in places]

    async def _batches(self, user_id: int) -> AsyncIterator[tuple[Generation, ...]]:
        cursor: Cursor | None = None
        asked = HistoryFilter(user_id=user_id)
        while True:
            batch, cursor = await self._database.read(partial(load_batch, asked, cursor, BATCH))
            yield batch
            if cursor is None:
                return


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
