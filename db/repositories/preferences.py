"""People's defaults and presets. Nothing here commits: `Database.transaction` does."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from db.repositories.repository import Repository
from db.tables import PreferencesRow, PresetRow


class PreferencesRepository(Repository):
    """Defaults and presets, read and written in one transaction."""

    def defaults(self, user_id: int) -> dict[str, Any]:
        """Return a person's set values; empty if there are none."""
        found = self._session.scalar(
            select(PreferencesRow.values).where(PreferencesRow.user_id == user_id)
        )
        return dict(found or {})

    def set_defaults(self, user_id: int, values: Mapping[str, Any], *, now: datetime) -> None:
        """Replace a person's values; without any, delete the row."""
        if not values:
            self._delete(PreferencesRow, user_id=user_id)
            return
        columns = {"values": dict(values), "updated_at": now}
        self._put(PreferencesRow, {"user_id": user_id}, columns)

    def presets(self, user_id: int) -> dict[str, dict[str, Any]]:
        """Return all of a person's presets, by name."""
        return self._pairs(
            select(PresetRow.name, PresetRow.values)
            .where(PresetRow.user_id == user_id)
            .order_by(PresetRow.name)
        )

    def set_preset(
        self, user_id: int, name: str, values: Mapping[str, Any], *, now: datetime
    ) -> None:
        """Store options under a name, replacing an earlier preset."""
        columns = {"values": dict(values), "updated_at": now}
        self._put(PresetRow, {"user_id": user_id, "name": name}, columns)

    def delete_preset(self, user_id: int, name: str) -> bool:
        """Delete a preset. Return False if there is none of that name."""
        return self._delete(PresetRow, user_id=user_id, name=name)
