"""The base of all repositories."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from db.base import Base
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

    def _put(
        self, table: type[Base], key: Mapping[str, object], columns: Mapping[str, object]
    ) -> None:
        """Insert a row, or change these columns of the existing one."""
        self._session.execute(
            insert_into(self._session, table)
            .values(**key, **columns)
            .on_conflict_do_update(index_elements=list(key), set_=columns)
        )

    def _change(self, statement: Any) -> int:  # noqa: ANN401 - an UPDATE or a DELETE
        """Execute an UPDATE or a DELETE; return how many rows it changed."""
        return count_changed(self._session, statement)
