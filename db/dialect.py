"""Statements that differ between SQLite and PostgreSQL."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from db.base import Base

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


def count_changed(
    session: Session,
    statement: Any,  # noqa: ANN401 - an UPDATE or a DELETE
    values: Mapping[str, object] | None = None,
) -> int:
    """Execute the statement with these parameters and return how many rows it changed."""
    result = session.execute(statement, values)
    assert isinstance(result, CursorResult)  # noqa: S101 - narrows the type for the reader and mypy
    return result.rowcount
