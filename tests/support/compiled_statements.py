"""Statements that are compiled once in a test process, however many databases its tests open."""

from sqlalchemy import Connection, Engine, event
from sqlalchemy.util import LRUCache

MAX_STATEMENTS = 2_000


class _SharedCache(LRUCache):
    """SQLAlchemy's cache, whose keys begin with the dialect: one object for each engine."""

    def get(self, key, default=None):
        return super().get(_without_engine(key), default)

    def __setitem__(self, key, compiled):
        super().__setitem__(_without_engine(key), compiled)


def _without_engine(key):
    dialect, *others = key
    return (dialect.name, dialect.driver, *others)


def share():
    """Let all engines use one cache; each would begin with an empty one of its own.

    A bot compiles some sixty statements, which takes longer than to execute them.
    """
    cache = _SharedCache(MAX_STATEMENTS)

    @event.listens_for(Engine, "engine_connect")
    def use(connection: Connection) -> None:
        connection.execution_options(compiled_cache=cache)
