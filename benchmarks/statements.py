"""Counts the SQL statements that SQLAlchemy executes in this process."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine, event

_TRANSACTION_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK")


class StatementCounter:
    """Every statement on every engine of the process, without BEGIN, COMMIT and ROLLBACK.

    The engines of libraries count as well. One `executemany` is one statement.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def snapshot(self) -> Counter[str]:
        """Return how often each statement was executed so far, by its text."""
        with self._lock:
            return self._counts.copy()

    def total(self) -> int:
        """Return how many were executed so far."""
        with self._lock:
            return self._counts.total()

    def record(self, statement: str) -> None:
        """Count one; called from any thread."""
        if statement.lstrip().upper().startswith(_TRANSACTION_CONTROL):
            return
        with self._lock:
            self._counts[statement] += 1


@contextmanager
def counting_statements() -> Iterator[StatementCounter]:
    """Count until the block ends, on engines that exist and on those made meanwhile."""
    counter = StatementCounter()

    def record(
        _connection: object,
        _cursor: object,
        statement: str,
        _parameters: object,
        _context: object,
        _many: object,
    ) -> None:
        counter.record(statement)

    event.listen(Engine, "before_cursor_execute", record)
    try:
        yield counter
    finally:
        event.remove(Engine, "before_cursor_execute", record)
