"""People's defaults and presets. Nothing here commits: `Database.transaction` does."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.dialect import insert_into
from db.tables import PreferencesRow, PresetRow


class PreferencesRepository:
    """Defaults and presets, read and written inside one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def defaults(self, user_id: int) -> dict[str, Any]:
        """What a person has set; empty for somebody who has set nothing."""
        found = self._session.scalar(
            select(PreferencesRow.values).where(PreferencesRow.user_id == user_id)
        )
        return dict(found or {})

    def set_defaults(self, user_id: int, values: Mapping[str, Any], *, now: datetime) -> None:
        """Keep these instead of any before; without any, nothing is kept."""
        if not values:
            statement = delete(PreferencesRow).where(PreferencesRow.user_id == user_id)
            self._session.execute(statement)
            return
        columns = {"values": dict(values), "updated_at": now}
        self._session.execute(
            insert_into(self._session, PreferencesRow)
            .values(user_id=user_id, **columns)
            .on_conflict_do_update(index_elements=["user_id"], set_=columns)
        )

    def presets(self, user_id: int) -> dict[str, dict[str, Any]]:
        """All of a person's presets, by name."""
        found = self._session.execute(
            select(PresetRow.name, PresetRow.values)
            .where(PresetRow.user_id == user_id)
            .order_by(PresetRow.name)
        )
        return {name: dict(values) for name, values in found}

    def set_preset(
        self, user_id: int, name: str, values: Mapping[str, Any], *, now: datetime
    ) -> None:
        """Keep these options under this name, instead of any before."""
        columns = {"values": dict(values), "updated_at": now}
        self._session.execute(
            insert_into(self._session, PresetRow)
            .values(user_id=user_id, name=name, **columns)
            .on_conflict_do_update(index_elements=["user_id", "name"], set_=columns)
        )

    def delete_preset(self, user_id: int, name: str) -> bool:
        """Delete one; False when there is none of that name."""
        result = self._session.execute(
            delete(PresetRow)
            .where(PresetRow.user_id == user_id, PresetRow.name == name)
            .returning(PresetRow.name)
        )
        return result.first() is not None
