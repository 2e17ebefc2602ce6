"""A SQL function that the engine's tables need and older SQLite libraries lack."""

import sqlite3
import time
from typing import Any

SUBSECOND_VERSION = (3, 42, 0)
"""The first SQLite that has `unixepoch('subsec')`, https://sqlite.org/releaselog/3_42_0.html.

The engine relies on it from Python 3.12 on, but long-lived systems combine a newer Python with an
older SQLite: Debian 12 has 3.40, Ubuntu 22.04 has 3.37.
"""


class EngineConnection(sqlite3.Connection):
    """A connection on which `unixepoch('subsec')` works, whatever the library's version."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - passed on as they are
        super().__init__(*args, **options)
        if sqlite3.sqlite_version_info < SUBSECOND_VERSION:
            self.create_function("unixepoch", 1, _unixepoch)


def _unixepoch(modifier: str) -> float:
    if modifier != "subsec":
        raise ValueError(modifier)
    return time.time()
