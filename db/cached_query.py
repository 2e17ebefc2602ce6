"""Cached results of queries, kept until one of the tables that they read changes."""

from collections.abc import Callable, Collection, Hashable
from typing import Generic, TypeVar

from cachetools import TTLCache

from db.base import Base
from db.database import Database, Session

MAX_AGE_S = 30.0
"""Seconds after which a result is read again in any case: another process's announcement may have
been lost with a connection."""

MAX_RESULTS = 2_000
"""Cached results of one query: about as many guilds or people as ask within a minute."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class CachedQuery(Generic[K, V]):
    """A query by key that is executed only if its tables may have changed.

    Changes of this process are seen at once. On PostgreSQL, other processes announce changes on
    commit; see `Database.changes`.
    """

    def __init__(
        self,
        database: Database,
        tables: Collection[type[Base]],
        query: Callable[[Session, K], V],
    ) -> None:
        self._database = database
        self._tables = tuple(table.__tablename__ for table in tables)
        self._query = query
        self._results = TTLCache[K, tuple[V, int]](MAX_RESULTS, MAX_AGE_S)

    async def get(self, key: K) -> V:
        """Return the result for this key. Raises DatabaseError if it has to be read."""
        version = self._database.changes.version(self._tables)
        known = self._results.get(key)
        if known is not None and known[1] == version:
            return known[0]
        result = await self._database.read(lambda session: self._query(session, key))
        # The version before reading, so that a change in between causes another read.
        self._results[key] = (result, version)
        return result
