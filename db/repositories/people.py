"""People and guilds. A guild id of None, or 0, is direct messages."""

from datetime import datetime

from sqlalchemy import select

from db.dialect import insert_into
from db.repositories.repository import Repository
from db.tables import DIRECT_MESSAGES, PersonRow


class PersonRepository(Repository):
    """People as they are known in each guild."""

    def upsert(
        self,
        *,
        user_id: int,
        guild_id: int | None,
        name: str,
        now: datetime,
        last_request_at: datetime | None = None,
    ) -> None:
        """Store a person's newest name, and the time of the last request if it is given."""
        changes: dict[str, object] = {"name": name}
        if last_request_at is not None:
            changes["last_request_at"] = last_request_at
        key = {"user_id": user_id, "guild_id": guild_id or DIRECT_MESSAGES}
        self._session.execute(
            insert_into(self._session, PersonRow)
            .values(**key, created_at=now, **changes)
            .on_conflict_do_update(index_elements=list(key), set_=changes)
        )

    def last_request_at(self, user_id: int, guild_id: int | None) -> datetime | None:
        """When this person last asked for a generation here, if ever."""
        return self._session.scalar(
            select(PersonRow.last_request_at).where(
                PersonRow.user_id == user_id,
                PersonRow.guild_id == (guild_id or DIRECT_MESSAGES),
            )
        )
