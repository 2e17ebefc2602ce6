"""Audit log of actions of moderators and administrators; append-only."""

from sqlalchemy import select

from db.repositories.repository import Repository
from db.tables import DIRECT_MESSAGES, AuditRow


class AuditRepository(Repository):
    """The audit log."""

    def add(self, row: AuditRow) -> None:
        """Record an action. Its subject is what it acted on, such as a generation's id."""
        self._add(row)

    def page(
        self, guild_id: int | None, *, before_id: int | None = None, limit: int
    ) -> tuple[AuditRow, ...]:
        """Return one page of a guild's log, newest first; continue with the last row's id."""
        statement = select(AuditRow).where(AuditRow.guild_id == (guild_id or DIRECT_MESSAGES))
        if before_id is not None:
            statement = statement.where(AuditRow.id < before_id)
        return self._list(statement.order_by(AuditRow.id.desc()).limit(limit))
