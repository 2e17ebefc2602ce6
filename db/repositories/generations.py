"""Generations with their inputs and outputs. Nothing here commits: `Database.transaction` does."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, delete, exists, func, literal, select, tuple_, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from db.repositories import prompt_words
from db.tables import (
    SUCCEEDED,
    UNFINISHED_STATES,
    WAITING,
    ChangeRow,
    FlagRow,
    GenerationRow,
    InputRow,
    OutputContentRow,
    OutputRow,
    ReviewRow,
)

PENDING = "pending"
"""A review that waits for a moderator."""


class Cursor(NamedTuple):
    """Where a page ended: the next one starts with what is older."""

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class GenerationFilter:
    """Which generations are asked for; None asks nothing.

    Of `search`, each word is the beginning of one in the prompt, whatever its case.
    `since` is included, `until` is not.
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


class MeasuredRow(NamedTuple):
    """What one successful run took."""

    workload: int
    backend: str
    gpu_ms: int


class LineRow(NamedTuple):
    """An unfinished generation, as far as the order of the line depends on it."""

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


class UnsettledRow(NamedTuple):
    """An unfinished generation, as far as bringing it to its end depends on it."""

    id: str
    user_id: int
    guild_id: int | None
    priority: bool
    created_at: datetime
    cancelled_by: int | None
    lane: int
    stepped_out_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewOutput:
    """One result to record, with its bytes."""

    position: int
    filename: str
    media_type: str
    content: bytes = field(repr=False)
    width: int | None = None
    height: int | None = None
    thumbnail: bytes | None = field(default=None, repr=False)
    text: str | None = None


class GenerationRepository:
    """Generations, read and written inside one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(
        self,
        *,
        id: str,  # noqa: A002 - the column's name
        user_id: int,
        user_name: str,
        guild_id: int | None,
        channel_id: int,
        workflow: str,
        prompt: str,
        values: Mapping[str, Any],
        seed: int | None,
        cost: int,
        private: bool,
        spoiler: bool,
        created_at: datetime,
        priority: bool = False,
        state: str = WAITING,
        parent_id: str | None = None,
        parent_position: int | None = None,
        derivation: str | None = None,
        layout: str = "separate",
        keeps_metadata: bool = True,
        reply: str = "",
        lane: int = 0,
        workload: int | None = None,
        withheld: bool = False,
        parent_channel_id: int | None = None,
        age_restricted: bool = False,
    ) -> GenerationRow:
        """Record an accepted generation. Raises Conflict (from the transaction) on a known id."""
        row = GenerationRow(
            id=id,
            user_id=user_id,
            user_name=user_name,
            guild_id=guild_id,
            channel_id=channel_id,
            workflow=workflow,
            prompt=prompt,
            values=dict(values),
            seed=seed,
            state=state,
            cost=cost,
            private=private,
            spoiler=spoiler,
            priority=priority,
            created_at=created_at,
            parent_id=parent_id,
            parent_position=parent_position,
            derivation=derivation,
            layout=layout,
            keeps_metadata=keeps_metadata,
            lane=lane,
            workload=workload,
            withheld=withheld,
            parent_channel_id=parent_channel_id,
            age_restricted=age_restricted,
            reply=reply,
        )
        self._session.add(row)
        await self._session.flush()
        await self._note_change(id, state, user_id, created_at)
        await prompt_words.remember(self._session, id, prompt)
        return row

    async def get(self, id: str, *, for_update: bool = False) -> GenerationRow | None:  # noqa: A002 - the column's name
        """Find one, as it is recorded now; `for_update` holds others off until the end."""
        return await self._session.get(
            GenerationRow, id, populate_existing=True, with_for_update=for_update or None
        )

    async def move(
        self,
        id: str,  # noqa: A002 - the column's name
        *,
        from_states: Collection[str],
        to: str,
        at: datetime,
        actor_id: int | None = None,
        **columns: object,
    ) -> bool:
        """Change the state if it is one of `from_states`; True for the one call that did it.

        What is done is also added to its changes, with the time and whoever did it, if anybody.
        """
        moved = await self._update(
            id, GenerationRow.state.in_(from_states), {**columns, "state": to}
        )
        if moved:
            await self._note_change(id, to, actor_id, at)
        return moved

    async def step_out(
        self, generation_id: str, *, last_at: datetime | None, now: datetime
    ) -> bool:
        """Note that it gave up its turn; False when that was noted since `last_at`, or it ended."""
        same = (
            GenerationRow.stepped_out_at.is_(None)
            if last_at is None
            else GenerationRow.stepped_out_at == last_at
        )
        return await self._update(
            generation_id, (GenerationRow.state == WAITING) & same, {"stepped_out_at": now}
        )

    async def note_sampling(self, generation_id: str, at: datetime) -> bool:
        """Note when its sampler began; False once it ended, since its charge is closed then."""
        return await self._update(
            generation_id, GenerationRow.state.in_(UNFINISHED_STATES), {"sampled_at": at}
        )

    async def update(self, id: str, **columns: object) -> bool:  # noqa: A002 - the column's name
        """Change columns other than the state; False when there is no such generation."""
        if "state" in columns:
            msg = "The state changes only by move()."
            raise TypeError(msg)
        return await self._update(id, None, columns)

    async def delete(self, id: str) -> bool:  # noqa: A002 - the column's name
        """Delete it with its inputs and outputs. Its charges stay."""
        await prompt_words.forget(
            self._session, select(GenerationRow.id).where(GenerationRow.id == id)
        )
        return await self._count_changed(delete(GenerationRow).where(GenerationRow.id == id)) == 1

    async def delete_many(self, ids: Collection[str]) -> None:
        """Delete them with their inputs and outputs. Their charges stay."""
        if not ids:
            return
        await prompt_words.forget(
            self._session, select(GenerationRow.id).where(GenerationRow.id.in_(ids))
        )
        await self._count_changed(delete(GenerationRow).where(GenerationRow.id.in_(ids)))

    async def add_input(self, id: str, *, name: str, content: bytes, media_type: str) -> None:  # noqa: A002 - the column's name
        """Keep a verified picture with the generation that uses it."""
        self._session.add(
            InputRow(
                generation_id=id,
                name=name,
                content=content,
                media_type=media_type,
                sha256=hashlib.sha256(content).hexdigest(),
            )
        )
        await self._session.flush()

    async def inputs(self, id: str) -> tuple[InputRow, ...]:  # noqa: A002 - the column's name
        """List the pictures it was given, by name."""
        found = await self._session.scalars(
            select(InputRow).where(InputRow.generation_id == id).order_by(InputRow.name)
        )
        return tuple(found)

    async def replace_outputs(self, id: str, outputs: Iterable[NewOutput]) -> tuple[OutputRow, ...]:  # noqa: A002 - the column's name
        """Record these results instead of any recorded before, so that it may be repeated."""
        await self._session.execute(delete(OutputRow).where(OutputRow.generation_id == id))
        rows = []
        for output in outputs:
            row = _build_output(id, output)
            self._session.add(row)
            await self._session.flush()
            self._session.add(OutputContentRow(output_id=row.id, content=output.content))
            rows.append(row)
        await self._session.flush()
        return tuple(rows)

    async def outputs(self, id: str) -> tuple[OutputRow, ...]:  # noqa: A002 - the column's name
        """List its results in order, without their bytes."""
        return (await self.outputs_of([id])).get(id, ())

    async def outputs_of(self, ids: Collection[str]) -> dict[str, tuple[OutputRow, ...]]:
        """List the results of several generations at once; one without any is not in it."""
        found = await self._session.scalars(
            select(OutputRow)
            .where(OutputRow.generation_id.in_(ids))
            .order_by(OutputRow.generation_id, OutputRow.position)
        )
        by_generation: dict[str, list[OutputRow]] = {}
        for row in found:
            by_generation.setdefault(row.generation_id, []).append(row)
        return {id_: tuple(rows) for id_, rows in by_generation.items()}

    async def contents(self, id: str) -> tuple[tuple[OutputRow, bytes], ...]:  # noqa: A002 - the column's name
        """Load its results in order with their bytes; pruned ones are left out."""
        found = await self._session.execute(
            select(OutputRow, OutputContentRow.content)
            .join(OutputContentRow, OutputContentRow.output_id == OutputRow.id)
            .where(OutputRow.generation_id == id)
            .order_by(OutputRow.position)
        )
        return tuple((row, content) for row, content in found)

    async def remove_contents(self, id: str) -> None:  # noqa: A002 - the column's name
        """Delete everything of its pictures and texts that is kept; what they were stays known."""
        results = select(OutputRow.id).where(OutputRow.generation_id == id)
        for statement in (
            delete(OutputContentRow).where(OutputContentRow.output_id.in_(results)),
            delete(InputRow).where(InputRow.generation_id == id),
            update(OutputRow)
            .where(OutputRow.generation_id == id)
            .values(thumbnail=None, text=None),
        ):
            await self._session.execute(statement.execution_options(synchronize_session=False))

    async def prune_contents(self, before: datetime) -> int:
        """Delete the bytes of results and of given pictures of what ended before then; how many.

        What has still to be told is kept, and thumbnails are kept always.
        """
        # Asked of the few that have bytes: those that were pruned long ago grow ever more.
        is_over = (
            GenerationRow.finished_at < before,
            GenerationRow.delivered_at.is_not(None) | GenerationRow.given_up_at.is_not(None),
        )
        results = exists().where(
            OutputRow.id == OutputContentRow.output_id,
            GenerationRow.id == OutputRow.generation_id,
            *is_over,
        )
        given = exists().where(GenerationRow.id == InputRow.generation_id, *is_over)
        pruned = 0
        for statement in (
            delete(OutputContentRow).where(results),
            delete(InputRow).where(given),
        ):
            pruned += await self._count_changed(
                statement.execution_options(synchronize_session=False)
            )
        return pruned

    async def list_unfinished(self, user_id: int) -> tuple[GenerationRow, ...]:
        """List what one person has waiting or running, oldest first."""
        found = await self._session.scalars(
            select(GenerationRow)
            .where(GenerationRow.state.in_(UNFINISHED_STATES), GenerationRow.user_id == user_id)
            .order_by(GenerationRow.created_at, GenerationRow.id)
            .execution_options(populate_existing=True)
        )
        return tuple(found)

    async def list_unsettled(self) -> tuple[UnsettledRow, ...]:
        """What waits or runs everywhere, oldest first: as much of each as brings it to its end."""
        found = await self._session.execute(
            select(
                GenerationRow.id,
                GenerationRow.user_id,
                GenerationRow.guild_id,
                GenerationRow.priority,
                GenerationRow.created_at,
                GenerationRow.cancelled_by,
                GenerationRow.lane,
                GenerationRow.stepped_out_at,
            )
            .where(GenerationRow.state.in_(UNFINISHED_STATES))
            .order_by(GenerationRow.created_at, GenerationRow.id)
        )
        return tuple(UnsettledRow(*row) for row in found)

    async def list_undelivered(self) -> tuple[GenerationRow, ...]:
        """List what ended and was neither told nor given up, by when it ended.

        What waits for a moderator who was asked is not told before the answer. The condition and
        the order are such that SQLite reads its small index of what is undelivered: by final state
        or by creation it would read everything there ever was.
        """
        waits = exists().where(
            ReviewRow.generation_id == GenerationRow.id,
            ReviewRow.state == PENDING,
            ReviewRow.asked_at.is_not(None),
        )
        found = await self._session.scalars(
            select(GenerationRow)
            .where(
                GenerationRow.state.not_in(UNFINISHED_STATES),
                GenerationRow.delivered_at.is_(None),
                GenerationRow.given_up_at.is_(None),
                ~waits,
            )
            .order_by(GenerationRow.finished_at, GenerationRow.id)
            .execution_options(populate_existing=True)
        )
        return tuple(found)

    async def count(self, user_id: int, guild_id: int | None, states: Collection[str]) -> int:
        """Count one person's generations in these states, in one guild or in direct messages."""
        return await self._count(
            GenerationRow.user_id == user_id,
            _is_in(guild_id),
            GenerationRow.state.in_(states),
        )

    async def count_waiting_in_guild(self, guild_id: int | None) -> int:
        """Count what waits in one guild, or in all direct messages."""
        return await self._count(_is_in(guild_id), GenerationRow.state == WAITING)

    async def count_by_lane(self, user_id: int, guild_id: int | None) -> dict[int, int]:
        """Count what one person has unfinished in one guild or in direct messages, by lane."""
        found = await self._session.execute(
            select(GenerationRow.lane, func.count())
            .where(
                GenerationRow.user_id == user_id,
                _is_in(guild_id),
                GenerationRow.state.in_(UNFINISHED_STATES),
            )
            .group_by(GenerationRow.lane)
        )
        return {row.lane: int(row[1]) for row in found}

    async def count_by_state(self, guild_id: int | None, states: Collection[str]) -> dict[str, int]:
        """Count everybody's generations in these states, in one guild or in direct messages."""
        found = await self._session.execute(
            select(GenerationRow.state, func.count())
            .where(_is_in(guild_id), GenerationRow.state.in_(states))
            .group_by(GenerationRow.state)
        )
        return {row.state: int(row[1]) for row in found}

    async def page(
        self,
        filters: GenerationFilter,
        *,
        before: Cursor | None = None,
        after: Cursor | None = None,
        limit: int,
    ) -> GenerationPage:
        """One page of history, newest first. Stable: what is added meanwhile shifts nothing.

        `before` gives the page of what is older, `after` the one of what is newer, next to it.
        """
        conditions = self._conditions(filters)
        key = tuple_(GenerationRow.created_at, GenerationRow.id)
        if after is not None:
            conditions.append(key > tuple_(*_bound(after)))
            statement = select(GenerationRow).where(*conditions)
            oldest_first = (GenerationRow.created_at, GenerationRow.id)
            found = await self._session.scalars(statement.order_by(*oldest_first).limit(limit))
            newer = found.all()[::-1]
            return GenerationPage(
                tuple(newer), Cursor(newer[-1].created_at, newer[-1].id) if newer else None
            )
        if before is not None:
            conditions.append(key < tuple_(*_bound(before)))
        found = await self._session.scalars(
            select(GenerationRow)
            .where(*conditions)
            .order_by(GenerationRow.created_at.desc(), GenerationRow.id.desc())
            .limit(limit + 1)
        )
        rows = found.all()
        return GenerationPage(tuple(rows[:limit]), _next_cursor(rows, limit))

    async def total(self, filters: GenerationFilter) -> int:
        """Count all that the filter finds."""
        return await self._count(*self._conditions(filters))

    async def measured(self, workflow: str, limit: int) -> tuple[MeasuredRow, ...]:
        """What the newest successes of a workflow took, newest first."""
        found = await self._session.execute(
            select(
                GenerationRow.workload,
                GenerationRow.backend,
                GenerationRow.gpu_ms,
            )
            .where(
                GenerationRow.workflow == workflow,
                GenerationRow.state == SUCCEEDED,
                GenerationRow.gpu_ms.is_not(None),
            )
            .order_by(GenerationRow.finished_at.desc())
            .limit(limit)
        )
        return tuple(
            MeasuredRow(row.workload or 1, row.backend or "", row.gpu_ms or 0) for row in found
        )

    async def list_line(self) -> tuple[LineRow, ...]:
        """What waits or runs everywhere, oldest first: as little of each as its turn depends on."""
        found = await self._session.execute(
            select(
                GenerationRow.id,
                GenerationRow.user_id,
                GenerationRow.guild_id,
                GenerationRow.workflow,
                GenerationRow.state,
                GenerationRow.workload,
                GenerationRow.lane,
                GenerationRow.priority,
                GenerationRow.backend,
                GenerationRow.created_at,
                GenerationRow.started_at,
            )
            .where(GenerationRow.state.in_(UNFINISHED_STATES))
            .order_by(GenerationRow.created_at, GenerationRow.id)
        )
        return tuple(LineRow(*row) for row in found)

    async def list_by_id(self, ids: Collection[str]) -> tuple[GenerationRow, ...]:
        """List those of these ids that exist, in no order."""
        found = await self._session.scalars(
            select(GenerationRow)
            .where(GenerationRow.id.in_(ids))
            .execution_options(populate_existing=True)
        )
        return tuple(found)

    def _conditions(self, filters: GenerationFilter) -> list[ColumnElement[bool]]:
        conditions: list[ColumnElement[bool]] = []
        if filters.user_id is not None:
            conditions.append(GenerationRow.user_id == filters.user_id)
        if filters.guild_id is not None:
            conditions.append(_is_in(filters.guild_id))
        if filters.workflow is not None:
            conditions.append(GenerationRow.workflow == filters.workflow)
        if filters.state is not None:
            conditions.append(GenerationRow.state == filters.state)
        if filters.search:
            conditions.append(prompt_words.find(self._session, filters.search))
        if filters.since is not None:
            conditions.append(GenerationRow.created_at >= filters.since)
        if filters.until is not None:
            conditions.append(GenerationRow.created_at < filters.until)
        if filters.flagged:
            conditions.append(GenerationRow.id.in_(select(FlagRow.generation_id)))
        return conditions

    async def _note_change(self, id_: str, state: str, actor_id: int | None, at: datetime) -> None:
        self._session.add(ChangeRow(generation_id=id_, state=state, actor_id=actor_id, at=at))
        await self._session.flush()

    async def _update(
        self,
        id_: str,
        condition: ColumnElement[bool] | None,
        columns: Mapping[str, object],
    ) -> bool:
        statement = update(GenerationRow).where(GenerationRow.id == id_).values(dict(columns))
        if condition is not None:
            statement = statement.where(condition)
        return await self._count_changed(statement) == 1

    async def _count_changed(self, statement: Any) -> int:  # noqa: ANN401 - an UPDATE or a DELETE
        result = await self._session.execute(statement)
        assert isinstance(result, CursorResult)  # noqa: S101 - narrows the type for the reader and mypy
        return result.rowcount

    async def _count(self, *conditions: ColumnElement[bool]) -> int:
        statement = select(func.count()).select_from(GenerationRow).where(*conditions)
        return await self._session.scalar(statement) or 0


def _build_output(generation_id: str, output: NewOutput) -> OutputRow:
    return OutputRow(
        generation_id=generation_id,
        position=output.position,
        filename=output.filename,
        media_type=output.media_type,
        byte_count=len(output.content),
        width=output.width,
        height=output.height,
        thumbnail=output.thumbnail,
        text=output.text,
        sha256=hashlib.sha256(output.content).hexdigest(),
    )


def _is_in(guild_id: int | None) -> ColumnElement[bool]:
    if not guild_id:
        return GenerationRow.guild_id.is_(None)
    return GenerationRow.guild_id == guild_id


def _bound(cursor: Cursor) -> tuple[ColumnElement[datetime], ColumnElement[str]]:
    """Make typed parameters of the cursor: a bare tuple would lose the columns' types."""
    return (
        literal(cursor.created_at, GenerationRow.created_at.type),
        literal(cursor.id, GenerationRow.id.type),
    )


def _next_cursor(rows: Sequence[GenerationRow], limit: int) -> Cursor | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return Cursor(last.created_at, last.id)
