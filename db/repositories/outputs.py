"""Results of generations, and their input pictures. Nothing here commits."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

from sqlalchemy import delete, exists, insert, select, update

from db.base import table_of
from db.dialect import count_changed, is_postgresql
from db.repositories.repository import Repository
from db.tables import GenerationRow, InputRow, OutputContentRow, OutputRow


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


_ADD_CONTENT = insert(table_of(OutputContentRow)).prefix_with("OR IGNORE", dialect="sqlite")


class OutputRepository(Repository):
    """Results and input pictures, read and written in one transaction."""

    def add_input(self, id: str, *, name: str, content: bytes, media_type: str) -> None:  # noqa: A002 - the column's name
        """Store a verified picture with the generation that uses it."""
        self._add(
            InputRow(
                generation_id=id,
                name=name,
                content=content,
                media_type=media_type,
                sha256=hashlib.sha256(content).hexdigest(),
            )
        )

    def inputs(self, id: str) -> tuple[InputRow, ...]:  # noqa: A002 - the column's name
        """Return the input pictures of a generation, by name."""
        return self._list(
            select(InputRow).where(InputRow.generation_id == id).order_by(InputRow.name)
        )

    def input_names(self, id: str) -> tuple[str, ...]:  # noqa: A002 - the column's name
        """Return the names of a generation's input pictures."""
        names = select(InputRow.name).where(InputRow.generation_id == id).order_by(InputRow.name)
        return tuple(self._session.scalars(names))

    def add_outputs(self, id: str, outputs: Iterable[NewOutput]) -> tuple[OutputRow, ...]:  # noqa: A002 - the column's name
        """Record the results of a generation that has none. Raises Conflict if it has."""
        rows = []
        for output in outputs:
            row = _build_output(id, output)
            self._session.add(row)
            self._session.flush()
            content = {"output_id": row.id, "content": output.content}
            self._session.execute(_ADD_CONTENT, content)
            if not is_postgresql(self._session):
                # Ignored. SQLite's driver keeps the parameters of each statement's last execution:
                # a copy of the content in every connection that ever recorded one.
                self._session.execute(_ADD_CONTENT, {"output_id": row.id, "content": b""})
            rows.append(row)
        return tuple(rows)

    def set_thumbnails(self, id: str, thumbnails: Mapping[int, bytes]) -> None:  # noqa: A002 - the column's name
        """Set the thumbnails of results by position, unless they were deleted meanwhile."""
        is_stored = exists().where(OutputContentRow.output_id == OutputRow.id)
        for position, thumbnail in thumbnails.items():
            chosen = update(OutputRow).filter_by(generation_id=id, position=position)
            self._change(chosen.where(is_stored).values(thumbnail=thumbnail))

    def outputs(self, id: str) -> tuple[OutputRow, ...]:  # noqa: A002 - the column's name
        """Return the results in order, without their bytes."""
        return (self.outputs_of([id])).get(id, ())

    def outputs_of(self, ids: Collection[str]) -> dict[str, tuple[OutputRow, ...]]:
        """Return the results of several generations; those without any are left out."""
        found = self._session.scalars(
            select(OutputRow)
            .where(OutputRow.generation_id.in_(ids))
            .order_by(OutputRow.generation_id, OutputRow.position)
        )
        by_generation: dict[str, list[OutputRow]] = {}
        for row in found:
            by_generation.setdefault(row.generation_id, []).append(row)
        return {id_: tuple(rows) for id_, rows in by_generation.items()}

    def contents(self, id: str) -> tuple[tuple[OutputRow, bytes], ...]:  # noqa: A002 - the column's name
        """Return the results in order with their bytes, without pruned ones."""
        found = self.outputs_with_contents(id)
        return tuple((row, content) for row, content in found if content is not None)

    def outputs_with_contents(self, id: str) -> tuple[tuple[OutputRow, bytes | None], ...]:  # noqa: A002 - the column's name
        """Return the results in order with their bytes; None for pruned ones."""
        found = self._session.execute(
            select(OutputRow, OutputContentRow.content)
            .outerjoin(OutputContentRow, OutputContentRow.output_id == OutputRow.id)
            .where(OutputRow.generation_id == id)
            .order_by(OutputRow.position)
        )
        return tuple((row, content) for row, content in found)

    def remove_contents(self, id: str) -> None:  # noqa: A002 - the column's name
        """Delete a generation's pictures and texts; their metadata is kept."""
        results = select(OutputRow.id).where(OutputRow.generation_id == id)
        for statement in (
            delete(OutputContentRow).where(OutputContentRow.output_id.in_(results)),
            delete(InputRow).where(InputRow.generation_id == id),
            update(OutputRow)
            .where(OutputRow.generation_id == id)
            .values(thumbnail=None, text=None),
        ):
            self._session.execute(statement.execution_options(synchronize_session=False))

    def prune_contents(self, before: datetime) -> int:
        """Delete contents of results and inputs that ended before then; return the count.

        Undelivered contents and all thumbnails are kept.
        """
        # Starts from the few rows with bytes: the number of pruned ones only grows.
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
            pruned += count_changed(
                self._session, statement.execution_options(synchronize_session=False)
            )
        return pruned


def _build_output(generation_id: str, output: NewOutput) -> OutputRow:
    described = {
        one.name: getattr(output, one.name) for one in fields(output) if one.name != "content"
    }
    return OutputRow(
        generation_id=generation_id,
        byte_count=len(output.content),
        sha256=hashlib.sha256(output.content).hexdigest(),
        **described,
    )
