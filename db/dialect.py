"""Statements that differ between SQLite and PostgreSQL."""

from collections.abc import Mapping
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.base import Base

T = TypeVar("T")

INSERTS: Mapping[str, type[postgresql.Insert | sqlite.Insert]] = {
    "postgresql": postgresql.Insert,
    "sqlite": sqlite.Insert,
}
"""INSERT statements with support for conflicting keys, by dialect."""


def dialect_of(session: Session) -> str:
    """Return the dialect of this transaction, "postgresql" or "sqlite"."""
    return session.get_bind().dialect.name


def is_postgresql(session: Session) -> bool:
    """Return whether this transaction is on PostgreSQL, otherwise on SQLite."""
    return dialect_of(session) == "postgresql"


def insert_into(session: Session, table: type[Base]) -> postgresql.Insert | sqlite.Insert:
    """Build an INSERT with support for conflicting keys."""
    return INSERTS[dialect_of(session)](table)


def unindexed(column: InstrumentedAttribute[T]) -> ColumnElement[T]:
    """Return the value of a column such that SQLite does not look rows up by it.

    SQLite has no statistics: of several conditions it may take an index by which it reads many
    rows, where another condition leaves few.
    """
    return func.coalesce(column, column)


def count_changed(
    session: Session,
    statement: Any,  # noqa: ANN401 - an UPDATE or a DELETE
    values: Mapping[str, object] | None = None,
) -> int:
    """Execute the statement with these parameters and return how many rows it changed."""
    result = session.execute(statement, values)
    assert isinstance(result, CursorResult)  # noqa: S101 - narrows the type for the reader and mypy
    return result.rowcount
