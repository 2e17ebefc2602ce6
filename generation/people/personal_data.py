"""Export and deletion of one person's data."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
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
from generation.history.removal import remove_results
from generation.notifier import MessageLocation
from generation.people.preferences import Preferences
from generation.record import Generation
from generation.transactions import reads, writes


@dataclass(frozen=True, slots=True)
class Deleted:
    """Generations whose messages are to be deleted, and where moderators were shown some."""

    generations: tuple[Generation, ...]
    places: Mapping[str, MessageLocation]


DeleteMessages = Callable[[Deleted], Awaitable[Collection[str]]]
"""Deletes messages; returns the ids of generations of which none is left that could be deleted."""


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

    async def delete(self, user_id: int) -> int:
        """Delete the results of everything that has ended, and settings; return how many ended.

        `delete_records` must follow. Charges are kept, otherwise quotas would restart; so are
        blocks and the audit log. Raises ServiceUnavailable.
        """
        count = 0
        async for ended in self._ended(user_id):
            await self._remove([one.id for one in ended if one.removed_at is None], user_id)
            count += len(ended)
        await self._forget(user_id)
        self._preferences.forget(user_id)
        return count

    async def delete_records(self, user_id: int, delete_messages: DeleteMessages) -> None:
        """Delete the messages of everything that has ended, then its records.

        The records go last: without them, nobody could delete the messages that are left if the
        process ends meanwhile, or Discord cannot be reached. Raises ServiceUnavailable.
        """
        async for ended in self._ended(user_id):
            places = await self._find_places([generation.id for generation in ended])
            await self._delete(await delete_messages(Deleted(ended, places)))

    async def _ended(self, user_id: int) -> AsyncIterator[tuple[Generation, ...]]:
        async for batch in self._batches(HistoryFilter(user_id=user_id)):
            yield tuple(generation for generation in batch if generation.state.is_final)

    @reads
    def _rows(self, session: Session, user_id: int) -> dict[str, list[dict[str, Any]]]:
        return PersonalRepository(session).rows(user_id)

    @writes
    def _remove(self, session: Session, ids: list[str], user_id: int) -> None:
        for generation_id in ids:
            remove_results(session, generation_id, actor_id=user_id, now=self._clock())

    @reads
    def _find_places(self, session: Session, ids: list[str]) -> dict[str, MessageLocation]:
        shown = ReviewRepository(session).messages(ids)
        return {generation_id: MessageLocation(*place) for generation_id, place in shown.items()}

    @writes
    def _delete(self, session: Session, ids: Collection[str]) -> None:
        GenerationRepository(session).delete_many(ids)

    @writes
    def _forget(self, session: Session, user_id: int) -> None:
        PersonalRepository(session).forget(user_id)


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
