"""People and guilds. A guild id of None, or 0, is direct messages."""

from datetime import datetime
from functools import cache

from sqlalchemy.dialects import postgresql, sqlite

from db.base import table_of
from db.dialect import is_postgresql
from db.repositories.repository import Repository
from db.tables import DIRECT_MESSAGES, PersonRow

_TABLE = table_of(PersonRow)


@cache
def _build_upsert(
    changed: tuple[str, ...], *, on_postgresql: bool
) -> postgresql.Insert | sqlite.Insert:
    statement = (postgresql.insert if on_postgresql else sqlite.insert)(_TABLE)
    return statement.on_conflict_do_update(
        index_elements=["user_id", "guild_id"],
        set_={name: statement.excluded[name] for name in changed},
    )


class PersonRepository(Repository):
    """People as known in each guild."""

    def upsert(
        self,
        *,
        user_id: int,
        guild_id: int | None,
        name: str,
        now: datetime,
        last_request_at: datetime | None = None,
    ) -> None:
        """Store a person's current name, and the time of the last request if given."""
        changes: dict[str, object] = {"name": name}
        if last_request_at is not None:
            changes["last_request_at"] = last_request_at
        statement = _build_upsert(tuple(changes), on_postgresql=is_postgresql(self._session))
        key = {"user_id": user_id, "guild_id": guild_id or DIRECT_MESSAGES}
        self._session.execute(statement, {**key, "created_at": now, **changes})
