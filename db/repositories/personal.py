"""A person's stored data other than their generations. Nothing here commits."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, inspect, select, update

from db.base import Base
from db.repositories.repository import Repository
from db.tables import AppealRow, BlockRow, ChargeRow, FlagRow, PersonRow, PreferencesRow, PresetRow

_PERSONAL: tuple[tuple[type[Base], str], ...] = (
    (PersonRow, "user_id"),
    (PreferencesRow, "user_id"),
    (PresetRow, "user_id"),
    (BlockRow, "user_id"),
    (ChargeRow, "user_id"),
    (FlagRow, "actor_id"),
    (AppealRow, "user_id"),
)


class PersonalRepository(Repository):
    """Queries and deletions by person."""

    def rows(self, user_id: int) -> dict[str, list[dict[str, Any]]]:
        """Return all of a person's rows, by table, without the moderators who blocked them."""
        found: dict[str, list[dict[str, Any]]] = {}
        for table, column in _PERSONAL:
            rows = self._session.scalars(select(table).where(getattr(table, column) == user_id))
            found[table.__tablename__] = [_plain(row) for row in rows]
        return found

    def forget(self, user_id: int) -> None:
        """Delete preferences, presets and names; charges and blocks are kept."""
        for table in (PreferencesRow, PresetRow):
            self._session.execute(delete(table).where(table.user_id == user_id))
        own = AppealRow.user_id == user_id
        self._session.execute(update(AppealRow).where(own).values(text=""))
        self._session.execute(update(PersonRow).where(PersonRow.user_id == user_id).values(name=""))


_OTHERS: Sequence[str] = ("actor_id", "closed_by")


def _plain(row: Base) -> dict[str, Any]:
    columns = inspect(type(row)).column_attrs
    return {column.key: getattr(row, column.key) for column in columns if column.key not in _OTHERS}
