"""The base of all repositories."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, delete, func, select
from sqlalchemy.orm import Session

from db.base import Base, table_of
from db.dialect import count_changed, insert_into

T = TypeVar("T")
R = TypeVar("R", bound=Base)


class Repository:
    """Statements on some tables in one transaction. Nothing here commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _list(self, statement: Select[T]) -> tuple[T, ...]:
        """Return the rows, or the values of one column, of a query."""
        return tuple(self._session.scalars(statement))

    def _count(self, table: type[Base], *conditions: ColumnElement[bool]) -> int:
        """Count the rows of a table that meet these conditions."""
        statement = select(func.count()).select_from(table).where(*conditions)
        return self._session.scalar(statement) or 0

    def _add(self, row: R) -> R:
        """Insert a row."""
        self._session.add(row)
        self._session.flush()
        return row

    def _add_missing(self, table: type[Base], **columns: object) -> bool:
        """Insert a row unless there is one with its key; return whether it was inserted."""
        statement = insert_into(self._session, table).values(columns).on_conflict_do_nothing()
        # PostgreSQL's driver does not say how many rows the ORM's INSERT added.
        key = table_of(table).primary_key
        return self._session.execute(statement.returning(*key)).first() is not None

    def _put(
        self, table: type[Base], key: Mapping[str, object], columns: Mapping[str, object]
    ) -> None:
        """Insert a row, or change these columns of the existing one."""
        self._session.execute(
            insert_into(self._session, table)
            .values(**key, **columns)
            .on_conflict_do_update(index_elements=list(key), set_=columns)
        )

    def _delete(self, table: type[Base], **key: object) -> bool:
        """Delete the rows with these values; return whether there were any."""
        return self._change(delete(table).filter_by(**key)) > 0

    def _pairs(self, statement: Select[Any, Any]) -> dict[Any, Any]:
        """Return the rows of a query of two columns, the second by the first."""
        return dict(self._session.execute(statement).all())

    def _change(self, statement: Any) -> int:  # noqa: ANN401 - an UPDATE or a DELETE
        """Execute an UPDATE or a DELETE; return how many rows it changed."""
        return count_changed(self._session, statement)
