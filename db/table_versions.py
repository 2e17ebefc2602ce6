"""Counters of committed writes by table, by which results are kept."""

import threading
from collections.abc import Collection, Generator
from contextlib import contextmanager

from sqlalchemy import Connection, UpdateBase


class TableVersions:
    """Counts committed writes to the tables whose version was requested."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}
        self._counting = threading.Lock()
        self._of_thread = threading.local()

    def version(self, tables: Collection[str]) -> int:
        """Return a number that changes whenever one of these tables is written to.

        Writes are counted from the first call for a table.
        """
        with self._counting:
            return sum(self._versions.setdefault(table, 0) for table in tables)

    def count(self, tables: Collection[str] | None) -> None:
        """Count a write to these tables; to all, where None is given."""
        with self._counting:
            for table in self._versions:
                if tables is None or table in tables:
                    self._versions[table] += 1

    def note(self, _connection: Connection, statement: object, *_arguments: object) -> None:
        """Note a statement that was executed in this thread."""
        if isinstance(statement, UpdateBase):
            name = getattr(statement.table, "name", "")
            changed = getattr(self._of_thread, "changed", None)
            if name in self._versions and changed is not None:
                changed.add(name)

    @contextmanager
    def collecting(self) -> Generator[set[str]]:
        """Collect the changes of this thread's transaction, and count them when it commits."""
        changed: set[str] = set()
        outer, self._of_thread.changed = getattr(self._of_thread, "changed", None), changed
        try:
            yield changed
        finally:
            self._of_thread.changed = outer
        if changed:
            self.count(changed)
