"""Export and deletion of one person's data."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from db.database import Database, Session
from db.repositories.generations import GenerationRepository
from db.repositories.moderation.reviews import ReviewRepository
from db.repositories.personal import PersonalRepository
from generation.history.export import ExportFormat, line
from generation.history.queries import HistoryFilter
from generation.history.records import HistoryReader
from generation.notifier import MessageLocation
from generation.people.preferences import Preferences
from generation.record import Generation
from generation.transactions import reads, writes


@dataclass(frozen=True, slots=True)
class Deleted:
    """The deleted data, and the messages to moderators that remain to be deleted."""

    generations: tuple[Generation, ...]
    places: tuple[MessageLocation, ...]


class PersonalData(HistoryReader):
    """Exports and deletes personal data."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime], preferences: Preferences
    ) -> None:
        super().__init__(database, clock)
        self._preferences = preferences

    async def export(self, user_id: int) -> AsyncIterator[str]:
        """Yield lines of JSON: one of everything else, then one a generation.

        Pictures are not included. Raises ServiceUnavailable.
        """
        rows = await self._rows(user_id)
        yield json.dumps(rows, default=_as_text, ensure_ascii=False) + "\n"
        async for generation in self.generations(user_id):
            # A backend's name may be an address in the operator's network.
            yield line(replace(generation, backend=None), ExportFormat.JSONL)

    async def generations(self, user_id: int) -> AsyncIterator[Generation]:
        """Yield all generations of a person, newest first. Raises ServiceUnavailable."""
        async for batch in self._batches(HistoryFilter(user_id=user_id)):
            for generation in batch:
                yield generation

    async def delete(self, user_id: int) -> Deleted:
        """Delete everything that has ended, with results; return it, to delete messages.

        Charges are kept, otherwise quotas would restart; so are blocks and the audit log. Raises
        ServiceUnavailable.
        """
        deleted, places = list[Generation](), list[MessageLocation]()
        async for batch in self._batches(HistoryFilter(user_id=user_id)):
            ended = [generation for generation in batch if generation.state.is_final]
            places += await self._delete([generation.id for generation in ended])
            deleted += ended
        await self._forget(user_id)
        self._preferences.forget(user_id)
        return Deleted(tuple(deleted), tuple(places))

    @reads
    def _rows(self, session: Session, user_id: int) -> dict[str, list[dict[str, Any]]]:
        return PersonalRepository(session).rows(user_id)

    @writes
    def _delete(self, session: Session, ids: list[str]) -> list[MessageLocation]:
        locations = ReviewRepository(session).messages(ids)
        GenerationRepository(session).delete_many(ids)
        return [MessageLocation(*location) for location in locations]

    @writes
    def _forget(self, session: Session, user_id: int) -> None:
        PersonalRepository(session).forget(user_id)


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
