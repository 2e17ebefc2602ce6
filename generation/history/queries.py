"""Filters of the history, and copies of rows that outlive their transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db.repositories.generations import Cursor, GenerationFilter
from db.tables import GenerationRow, OutputRow
from generation.errors import FailureKind
from generation.record import Failure, Generation, GenerationState, Output
from generation.request import Derivation, Layout
from generation.text import clean_text

__all__ = ["Cursor", "HistoryFilter", "HistoryPage", "copy_generation", "copy_output"]


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """Which generations are asked for; None asks nothing.

    Of `search`, each word is the beginning of one in the prompt, whatever its case.
    `since` is included, `until` is not.
    """

    user_id: int | None = None
    guild_id: int | None = None
    workflow: str | None = None
    state: GenerationState | None = None
    search: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    flagged: bool = False

    def to_rows(self) -> GenerationFilter:
        """Return the corresponding filter of the database."""
        return GenerationFilter(
            user_id=self.user_id,
            guild_id=self.guild_id,
            workflow=None if self.workflow is None else clean_text(self.workflow),
            state=self.state.value if self.state else None,
            search=None if self.search is None else clean_text(self.search),
            since=self.since,
            until=self.until,
            flagged=self.flagged,
        )


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page, newest first, and how many there are on all pages."""

    generations: tuple[Generation, ...]
    next_cursor: Cursor | None
    total: int


def copy_generation(
    row: GenerationRow, outputs: Sequence[OutputRow] = (), *, unveiled: bool = False
) -> Generation:
    """Copy a generation's rows; a withheld one has outputs only if `unveiled`."""
    shown = outputs if unveiled or not row.withheld else ()
    return Generation(
        id=row.id,
        user_id=row.user_id,
        user_name=row.user_name,
        guild_id=row.guild_id,
        channel_id=row.channel_id,
        workflow=row.workflow,
        prompt=row.prompt,
        values=dict(row.values),
        seed=row.seed,
        state=GenerationState(row.state),
        cost=row.cost,
        private=row.private,
        spoiler=row.spoiler,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        delivered_at=row.delivered_at,
        backend=row.backend,
        failure=_copy_failure(row),
        outputs=tuple(copy_output(output) for output in shown),
        parent_id=row.parent_id,
        parent_position=row.parent_position,
        derivation=Derivation(row.derivation) if row.derivation else None,
        layout=Layout(row.layout),
        keeps_metadata=row.keeps_metadata,
        removed_at=row.removed_at,
        removed_by=row.removed_by,
        withheld=row.withheld,
        age_restricted=row.age_restricted,
        message_url=row.message_url,
        priority=row.priority,
        lane=row.lane,
        sampled_at=row.sampled_at,
        parent_channel_id=row.parent_channel_id,
        reply=row.reply,
    )


def copy_output(row: OutputRow) -> Output:
    """Copy an output's row."""
    return Output(
        position=row.position,
        filename=row.filename,
        media_type=row.media_type,
        byte_count=row.byte_count,
        width=row.width,
        height=row.height,
        thumbnail=row.thumbnail,
        text=row.text,
    )


def _copy_failure(row: GenerationRow) -> Failure | None:
    if row.failure_kind is None:
        return None
    return Failure(
        FailureKind(row.failure_kind), row.failure_sentence or "", row.failure_facts or {}
    )
