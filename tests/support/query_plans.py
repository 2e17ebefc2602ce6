"""How SQLite finds what a repository asks for."""

from collections.abc import Callable

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from db.dialect import is_postgresql


def explain(session: Session, read: Callable[[], object]) -> list[str]:
    """Return the plan of each statement that `read` executes; skip the test on PostgreSQL."""
    if is_postgresql(session):
        pytest.skip("PostgreSQL decides by statistics.")
    executed = []
    connection = session.connection()

    def note(*given: object) -> None:
        executed.append(given[2:4])

    event.listen(connection, "before_cursor_execute", note)
    read()
    event.remove(connection, "before_cursor_execute", note)
    plans = (
        connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        for statement, parameters in executed
    )
    return [" ".join(row[3] for row in plan) for plan in plans]
