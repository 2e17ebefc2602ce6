"""Deletion, in batches, of what a guild no longer keeps. Nothing here commits."""

from datetime import datetime

from sqlalchemy import ColumnElement, Text, cast, delete, select, update
from sqlalchemy.orm import Session

from db.dialect import unindexed
from db.repositories import prompt_words
from db.repositories.generations import GenerationRepository
from db.repositories.outputs import OutputRepository
from db.repositories.repository import Repository
from db.tables import FINAL_STATES, GenerationRow, RefusalRow

BATCH = 200


class RetentionRepository(Repository):
    """Methods that handle a batch each.

    The batch consists of delivered generations that ended before then; its size is returned.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._generations = GenerationRepository(session)
        self._outputs = OutputRepository(session)

    def forget_pictures(self, guild_id: int, before: datetime, now: datetime) -> int:
        """Delete results, thumbnails and input pictures."""
        ids = self._ids(guild_id, before, GenerationRow.removed_at.is_(None))
        for id_ in ids:
            self._outputs.remove_contents(id_)
            self._generations.update(id_, removed_at=now)
        return len(ids)

    def forget_prompts(self, guild_id: int, before: datetime, _now: datetime) -> int:
        """Redact prompts and values."""
        # Some workflows have no prompt but other texts among their values.
        is_legible = (GenerationRow.prompt != "") | (cast(GenerationRow.values, Text) != "{}")
        ids = self._ids(guild_id, before, is_legible)
        if ids:
            prompt_words.forget(
                self._session, select(GenerationRow.id).where(GenerationRow.id.in_(ids))
            )
            self._session.execute(
                update(GenerationRow)
                .where(GenerationRow.id.in_(ids))
                .values(prompt="", values={}, typed_prompt=None, follow_up=None)
                .execution_options(synchronize_session=False)
            )
        return len(ids)

    def forget_records(self, guild_id: int, before: datetime, _now: datetime) -> int:
        """Delete whole generations and counts of refusals; charges are kept."""
        is_old = (RefusalRow.guild_id == guild_id, RefusalRow.day < before)
        self._session.execute(delete(RefusalRow).where(*is_old))
        ids = self._ids(guild_id, before)
        self._generations.delete_many(ids)
        return len(ids)

    def _ids(self, guild_id: int, before: datetime, *conditions: ColumnElement[bool]) -> list[str]:
        asked = (
            select(GenerationRow.id)
            .where(
                GenerationRow.guild_id == guild_id,
                # The guild's history is read up to here, by its own index.
                GenerationRow.created_at < before,
                unindexed(GenerationRow.state).in_(FINAL_STATES),
                GenerationRow.finished_at < before,
                GenerationRow.delivered_at.is_not(None) | GenerationRow.given_up_at.is_not(None),
                *conditions,
            )
            .limit(BATCH)
        )
        return list(self._session.scalars(asked))
