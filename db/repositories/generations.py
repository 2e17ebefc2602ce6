"""Generations, and pages of them. Nothing here commits: `Database.transaction` does."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import NamedTuple, TypeVar

from sqlalchemy import (
    ColumnElement,
    Update,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute

from db.base import table_of
from db.dialect import count_changed, unindexed
from db.repositories import prompt_words
from db.repositories.moderation.reviews import PENDING, REFUSED
from db.repositories.repository import Repository
from db.tables import (
    UNFINISHED_STATES,
    ChangeRow,
    FlagRow,
    GenerationRow,
    ReviewRow,
)

T = TypeVar("T")

MAX_COUNTED = 1_000
"""Generations counted for a page: counting those of a large server takes longer than the page."""


class Cursor(NamedTuple):
    """End of a page: the next one starts with the next older generation."""

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class GenerationFilter:
    """Conditions of a query; None is no condition.

    Each word of `search` is the beginning of a word in the prompt, ignoring case. `since` is
    inclusive, `until` is not.
    """

    user_id: int | None = None
    guild_id: int | None = None
    workflow: str | None = None
    state: str | None = None
    search: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    flagged: bool = False


@dataclass(frozen=True, slots=True)
class GenerationPage:
    """One page, newest first; `next_cursor` is None on the last one."""

    rows: tuple[GenerationRow, ...]
    next_cursor: Cursor | None


class GenerationRepository(Repository):
    """Generations, read and written in one transaction."""

    def add(self, row: GenerationRow) -> GenerationRow:
        """Record an accepted generation. The transaction raises Conflict for a known id."""
        self._session.add(row)
        self._session.flush()
        self._note_change(row.id, row.state, row.user_id, row.created_at)
        prompt_words.remember(self._session, row.id, row.prompt)
        return row

    def get(self, id: str, *, for_update: bool = False) -> GenerationRow | None:  # noqa: A002 - the column's name
        """Return a generation as it is recorded now; `for_update` locks it until the end."""
        return self._session.scalar(_LOCKED if for_update else _BY_ID, {"of_id": id})

    def get_with_review(
        self, generation_id: str
    ) -> tuple[GenerationRow, str | None, str | None, int] | None:
        """Return a generation with its review: its state and reason, if any, and its tellings.

        A refusal that can still be undone is returned as a pending review.
        """
        found = self._session.execute(_WITH_REVIEW, {"of_id": generation_id}).one_or_none()
        return None if found is None else (found[0], found[1], found[2], found[3])

    def states(self, ids: Collection[str]) -> dict[str, str]:
        """Return the states of those of these ids that exist."""
        return self._pairs(
            select(GenerationRow.id, GenerationRow.state).where(GenerationRow.id.in_(ids))
        )

    def move(
        self,
        id: str,  # noqa: A002 - the column's name
        *,
        from_states: Collection[str],
        to: str,
        at: datetime,
        actor_id: int | None = None,
        **columns: object,
    ) -> bool:
        """Change the state from one of `from_states`; return True for the one call that did.

        The change is also added to its history, with the time and the actor, if there is one.
        """
        moved = self._update(id, from_states, {**columns, "state": to})
        if moved:
            self._note_change(id, to, actor_id, at)
        return moved

    def changes(self, generation_id: str) -> tuple[ChangeRow, ...]:
        """Return the recorded changes of a generation's state, oldest first."""
        return self._list(
            select(ChangeRow).where(ChangeRow.generation_id == generation_id).order_by(ChangeRow.id)
        )

    def note_sampling(self, generation_id: str, at: datetime) -> bool:
        """Record when its sampler started; return False if it has ended and is charged."""
        return self._update(generation_id, UNFINISHED_STATES, {"sampled_at": at})

    def assign(self, generation_id: str, backend: str, prompt_id: str) -> bool:
        """Record the first backend of a generation.

        Return False, without effect, if it has one, has ended or was cancelled.
        """
        values = {"of_id": generation_id, "to_backend": backend, "as_prompt_id": prompt_id}
        return count_changed(self._session, _ASSIGN, values) == 1

    def update(self, id: str, **columns: object) -> bool:  # noqa: A002 - the column's name
        """Change columns other than the state; return False if there is no such generation."""
        if "state" in columns:
            msg = "The state changes only by move()."
            raise TypeError(msg)
        return self._update(id, None, columns)

    def delete_many(self, ids: Collection[str]) -> None:
        """Delete generations with their inputs and outputs. Their charges are kept."""
        if not ids:
            return
        prompt_words.forget(
            self._session, select(GenerationRow.id).where(GenerationRow.id.in_(ids))
        )
        self._change(delete(GenerationRow).where(GenerationRow.id.in_(ids)))

    def page(
        self,
        filters: GenerationFilter,
        *,
        before: Cursor | None = None,
        after: Cursor | None = None,
        limit: int,
    ) -> GenerationPage:
        """Return one page of the history, newest first. Stable under insertions.

        `before` selects the next older page, `after` the next newer one.
        """
        conditions = self._conditions(filters)
        key = tuple_(GenerationRow.created_at, GenerationRow.id)
        if after is not None:
            conditions.append(key > tuple_(*_bound(after)))
            statement = select(GenerationRow).where(*conditions)
            # Oldest first, so that the limit keeps those next to `after`.
            oldest_first = (GenerationRow.created_at, GenerationRow.id)
            found = self._session.scalars(statement.order_by(*oldest_first).limit(limit))
            newer = found.all()[::-1]
            return GenerationPage(
                tuple(newer), Cursor(newer[-1].created_at, newer[-1].id) if newer else None
            )
        if before is not None:
            conditions.append(key < tuple_(*_bound(before)))
        found = self._session.scalars(
            select(GenerationRow)
            .where(*conditions)
            .order_by(GenerationRow.created_at.desc(), GenerationRow.id.desc())
            # One row more shows whether there is a next page.
            .limit(limit + 1)
        )
        rows = found.all()
        return GenerationPage(tuple(rows[:limit]), _next_cursor(rows, limit))

    def total(self, filters: GenerationFilter) -> int:
        """Count the generations that match the filter, up to `MAX_COUNTED`."""
        matching = select(GenerationRow.id).where(*self._conditions(filters)).limit(MAX_COUNTED)
        return self._session.scalar(select(func.count()).select_from(matching.subquery())) or 0

    def list_by_id(self, ids: Collection[str]) -> tuple[GenerationRow, ...]:
        """Return those of these ids that exist, in no order."""
        return self._list(
            select(GenerationRow)
            .where(GenerationRow.id.in_(ids))
            .execution_options(populate_existing=True)
        )

    def list_ancestors(self, generation_id: str, limit: int) -> tuple[GenerationRow, ...]:
        """Return what it was derived from, the nearest first, up to a deleted one."""
        parents = (
            select(GenerationRow.parent_id, literal(1).label("distance"))
            .where(GenerationRow.id == generation_id)
            .cte("parents", recursive=True)
        )
        parents = parents.union_all(
            select(GenerationRow.parent_id, parents.c.distance + 1)
            .join(parents, GenerationRow.id == parents.c.parent_id)
            .where(parents.c.distance < limit)
        )
        rows = self._session.scalars(
            select(GenerationRow)
            .join(parents, GenerationRow.id == parents.c.parent_id)
            .where(GenerationRow.id != generation_id)
            .order_by(parents.c.distance)
        )
        # The id of a deleted ancestor may have been given to a descendant.
        return tuple(rows.unique())

    def _conditions(self, filters: GenerationFilter) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if filters.user_id is not None:
            conditions.append(GenerationRow.user_id == filters.user_id)
        is_personal = filters.user_id is not None

        def read(column: InstrumentedAttribute[T]) -> ColumnElement[T]:
            # One person's generations are few, and found by the person.
            return unindexed(column) if is_personal else column.expression

        if filters.guild_id is not None:
            conditions.append(is_in(filters.guild_id, read(GenerationRow.guild_id)))
        if filters.workflow is not None:
            conditions.append(read(GenerationRow.workflow) == filters.workflow)
        if filters.state is not None:
            conditions.append(read(GenerationRow.state) == filters.state)
        if filters.search:
            found = prompt_words.find(self._session, filters.search, is_personal=is_personal)
            conditions.append(found)
        if filters.since is not None:
            conditions.append(GenerationRow.created_at >= filters.since)
        if filters.until is not None:
            conditions.append(GenerationRow.created_at < filters.until)
        if filters.flagged:
            conditions.append(GenerationRow.id.in_(select(FlagRow.generation_id)))
        return conditions

    def _note_change(self, id_: str, state: str, actor_id: int | None, at: datetime) -> None:
        values = {"generation_id": id_, "state": state, "actor_id": actor_id, "at": at}
        self._session.execute(_ADD_CHANGE, values)

    def _update(
        self,
        id_: str,
        from_states: Collection[str] | None,
        columns: Mapping[str, object],
    ) -> bool:
        values = {_NEW + name: value for name, value in columns.items()}
        values |= {"of_id": id_} if from_states is None else {"of_id": id_, "of": list(from_states)}
        statement = _build_update(tuple(columns), has_states=from_states is not None)
        return count_changed(self._session, statement, values) == 1


_NEW = "new_"
"""Prefix of parameters that hold new values."""

# Built once: building them each time takes longer than executing them.

_TABLE = table_of(GenerationRow)
_ADD_CHANGE = insert(table_of(ChangeRow))
_CAN_BE_UNDONE = (ReviewRow.state == REFUSED) & ReviewRow.undo_until.is_not(None)
_BY_ID = (
    select(GenerationRow)
    .where(GenerationRow.id == bindparam("of_id"))
    .execution_options(populate_existing=True)
)
_ASSIGN = (
    update(_TABLE)
    .where(
        _TABLE.c.id == bindparam("of_id"),
        _TABLE.c.prompt_id.is_(None),
        _TABLE.c.cancelled_by.is_(None),
        _TABLE.c.state.in_(UNFINISHED_STATES),
    )
    .values(backend=bindparam("to_backend"), prompt_id=bindparam("as_prompt_id"))
)
_LOCKED = _BY_ID.with_for_update()
_WITH_REVIEW = _BY_ID.add_columns(
    case((_CAN_BE_UNDONE, PENDING), else_=ReviewRow.state),
    ReviewRow.reason,
    func.coalesce(ReviewRow.tellings, 0),
).outerjoin(ReviewRow, ReviewRow.generation_id == GenerationRow.id)


@cache
def _build_update(columns: tuple[str, ...], *, has_states: bool) -> Update:
    """Build an update of these columns once: that takes longer than executing it.

    It does not change objects of the session, which have to be read again.
    """
    values = {name: bindparam(_NEW + name, type_=_TABLE.c[name].type) for name in columns}
    statement = update(_TABLE).where(_TABLE.c.id == bindparam("of_id")).values(values)
    if has_states:
        statement = statement.where(_TABLE.c.state.in_(bindparam("of", expanding=True)))
    return statement


def is_in(
    guild_id: int | None, column: ColumnElement[int | None] = _TABLE.c.guild_id
) -> ColumnElement[bool]:
    """Return the condition that a generation belongs to this guild, or to direct messages."""
    return column == guild_id if guild_id else column.is_(None)


def _bound(cursor: Cursor) -> tuple[ColumnElement[datetime], ColumnElement[str]]:
    """Bind the cursor as typed parameters: a bare tuple would lose the columns' types."""
    return (
        literal(cursor.created_at, GenerationRow.created_at.type),
        literal(cursor.id, GenerationRow.id.type),
    )


def _next_cursor(rows: Sequence[GenerationRow], limit: int) -> Cursor | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return Cursor(last.created_at, last.id)
