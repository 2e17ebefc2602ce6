"""Unfinished and undelivered generations, and durations of recent ones. Read only."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Integer, bindparam, case, exists, func, select

from db.base import table_of
from db.repositories.generations import is_in
from db.repositories.moderation.reviews import PENDING
from db.repositories.repository import Repository
from db.tables import RUNNING, SUCCEEDED, UNFINISHED_STATES, WAITING, GenerationRow, ReviewRow


class MeasuredRow(NamedTuple):
    """Duration of one successful run."""

    workload: int
    backend: str
    gpu_ms: int


class LineRow(NamedTuple):
    """An unfinished generation, reduced to what scheduling needs."""

    id: str
    user_id: int
    guild_id: int | None
    workflow: str
    state: str
    workload: int | None
    lane: int
    priority: bool
    backend: str | None
    created_at: datetime
    started_at: datetime | None
    cancelled_by: int | None


@dataclass(frozen=True, slots=True)
class UnfinishedCounts:
    """Running and waiting generations of one person, and all waiting ones, in one guild.

    `by_lane` counts the person's, running and waiting, by lane.
    """

    running: int
    waiting: int
    waiting_in_guild: int
    by_lane: Mapping[int, int]


# Built once, on the table itself: building them takes longer than executing them.

_ROWS = table_of(GenerationRow).c
_IS_UNFINISHED = _ROWS.state.in_(UNFINISHED_STATES)
_COUNT = (
    select(
        _ROWS.state,
        _ROWS.lane,
        func.count(),
        func.sum(case((_ROWS.user_id == bindparam("of_user"), 1), else_=0)),
    )
    .where(_IS_UNFINISHED)
    .group_by(_ROWS.state, _ROWS.lane)
)
_COUNT_IN_GUILD = _COUNT.where(_ROWS.guild_id == bindparam("of_guild"))
_COUNT_ELSEWHERE = _COUNT.where(_ROWS.guild_id.is_(None))
_MEASURED = (
    select(_ROWS.workload, _ROWS.backend, _ROWS.gpu_ms)
    .where(
        _ROWS.workflow == bindparam("of_workflow"),
        _ROWS.state == SUCCEEDED,
        _ROWS.gpu_ms.is_not(None),
    )
    .order_by(_ROWS.finished_at.desc())
    .limit(bindparam("most", type_=Integer))
)
_REVIEWS = table_of(ReviewRow).c
_UNDELIVERED = (
    select(_ROWS.id)
    .where(
        _ROWS.state.not_in(UNFINISHED_STATES),
        _ROWS.delivered_at.is_(None),
        _ROWS.given_up_at.is_(None),
        ~exists().where(
            _REVIEWS.generation_id == _ROWS.id,
            (_REVIEWS.state == PENDING) | _REVIEWS.undo_until.is_not(None),
            _REVIEWS.asked_at.is_not(None),
        ),
    )
    .order_by(_ROWS.finished_at, _ROWS.id)
)
_LINE = (
    select(*(_ROWS[name] for name in LineRow._fields))
    .where(_IS_UNFINISHED)
    .order_by(_ROWS.created_at, _ROWS.id)
)


class LineRepository(Repository):
    """Generations that wait, run or await delivery, read in one transaction."""

    def list_unfinished(self, user_id: int) -> tuple[GenerationRow, ...]:
        """Return one person's waiting and running generations, oldest first."""
        return self._list(
            select(GenerationRow)
            .where(GenerationRow.state.in_(UNFINISHED_STATES), GenerationRow.user_id == user_id)
            .order_by(GenerationRow.created_at, GenerationRow.id)
            .execution_options(populate_existing=True)
        )

    def list_undelivered(self) -> tuple[str, ...]:
        """Return the ids of ended generations that are to be delivered, by their end.

        A result for which moderators were asked is delivered after their decision. Condition and
        order match SQLite's small index of undelivered generations: a query by final state or
        creation time would read all generations.
        """
        return tuple(self._session.scalars(_UNDELIVERED))

    def count_undelivered(self, before: datetime) -> int:
        """Count those of `list_undelivered` that ended before then."""
        statement = _UNDELIVERED.where(_ROWS.finished_at < before).order_by(None)
        counted = self._session.scalar(select(func.count()).select_from(statement.subquery()))
        return counted or 0

    def count_unfinished(self, user_id: int, guild_id: int | None) -> UnfinishedCounts:
        """Count unfinished generations of one guild, or of direct messages, and of one person.

        A single statement, because every request needs these numbers.
        """
        statement = _COUNT_IN_GUILD if guild_id else _COUNT_ELSEWHERE
        rows = self._session.execute(
            statement, {"of_user": user_id, **({"of_guild": guild_id} if guild_id else {})}
        )
        by_state, by_lane, waiting_in_guild = Counter[str](), Counter[int](), 0
        for state, lane, count, owned in rows:
            by_state[state] += int(owned)
            by_lane[lane] += int(owned)
            if state == WAITING:
                waiting_in_guild += int(count)
        # Unary plus drops the lanes in which this person has nothing.
        return UnfinishedCounts(by_state[RUNNING], by_state[WAITING], waiting_in_guild, +by_lane)

    def count_by_state(self, guild_id: int | None, states: Collection[str]) -> dict[str, int]:
        """Count everybody's generations in these states, in a guild or in direct messages."""
        return self._pairs(
            select(GenerationRow.state, func.count())
            .where(is_in(guild_id), GenerationRow.state.in_(states))
            .group_by(GenerationRow.state)
        )

    def measured(self, workflow: str, limit: int) -> tuple[MeasuredRow, ...]:
        """Return durations of the newest successful runs of a workflow, newest first."""
        rows = self._session.execute(_MEASURED, {"of_workflow": workflow, "most": limit})
        return tuple(
            MeasuredRow(row.workload or 1, row.backend or "", row.gpu_ms or 0) for row in rows
        )

    def list_line(self) -> tuple[LineRow, ...]:
        """Return everything that waits or runs, oldest first, with the columns for scheduling."""
        return tuple(LineRow._make(row) for row in self._session.execute(_LINE))

    def last_ends(self, user_ids: Collection[int], since: datetime) -> dict[int, datetime]:
        """Return the last end of each of these people's runs, of requests since then."""
        return self._pairs(
            select(GenerationRow.user_id, func.max(GenerationRow.finished_at))
            .where(
                GenerationRow.user_id.in_(user_ids),
                GenerationRow.created_at >= since,
                GenerationRow.started_at.is_not(None),
                GenerationRow.finished_at.is_not(None),
            )
            .group_by(GenerationRow.user_id)
        )
