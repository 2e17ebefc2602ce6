"""Counts of generations and decisions in a guild. Nothing here commits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import InstrumentedAttribute

from db.dialect import insert_into
from db.repositories.moderation.reviews import APPROVED, PENDING, REFUSED
from db.repositories.repository import Repository
from db.tables import AppealRow, AuditRow, FlagRow, GenerationRow, RefusalRow, ReviewRow


@dataclass(frozen=True, slots=True)
class GuildPeriod:
    """A guild and a period, from `since` until before `until`."""

    guild_id: int
    since: datetime
    until: datetime

    def has(self, column: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
        """Return the condition that a time is within the period."""
        return and_(column >= self.since, column < self.until)

    def has_requested(self) -> ColumnElement[bool]:
        """Return the condition that a generation was requested in this guild and period."""
        return (GenerationRow.guild_id == self.guild_id) & self.has(GenerationRow.created_at)


class TransparencyRepository(Repository):
    """Counts of one guild and period."""

    def count_ended(self, period: GuildPeriod) -> dict[str, int]:
        """Count generations by their state."""
        return self._pairs(
            select(GenerationRow.state, func.count())
            .where(period.has_requested())
            .group_by(GenerationRow.state)
        )

    def count_failures(self, period: GuildPeriod, kind: str) -> int:
        """Count generations that failed for this kind of reason."""
        asked = period.has_requested()
        return self._count(GenerationRow, asked, GenerationRow.failure_kind == kind)

    def add_refusal(self, guild_id: int, day: datetime, kind: str) -> None:
        """Count a request that was refused on this day for this kind of reason."""
        self._session.execute(
            insert_into(self._session, RefusalRow)
            .values(guild_id=guild_id, day=day, kind=kind, count=1)
            .on_conflict_do_update(
                index_elements=("guild_id", "day", "kind"), set_={"count": RefusalRow.count + 1}
            )
        )

    def count_refusals(self, period: GuildPeriod) -> dict[str, int]:
        """Count requests that were refused on days that begin in the period, by kind."""
        rows = self._session.execute(
            select(RefusalRow.kind, func.sum(RefusalRow.count))
            .where(RefusalRow.guild_id == period.guild_id, period.has(RefusalRow.day))
            .group_by(RefusalRow.kind)
        )
        return {row[0]: int(row[1]) for row in rows}

    def count_people(self, period: GuildPeriod) -> int:
        """Count the people with requests."""
        counted = select(func.count(GenerationRow.user_id.distinct()))
        return self._session.scalar(counted.where(period.has_requested())) or 0

    def count_removed(self, period: GuildPeriod) -> int:
        """Count results removed by somebody other than the requester."""
        return self._count(
            GenerationRow,
            GenerationRow.guild_id == period.guild_id,
            period.has(GenerationRow.removed_at),
            GenerationRow.removed_by != GenerationRow.user_id,
        )

    def count_held(self, period: GuildPeriod) -> int:
        """Count results that waited for a moderator, decided on or not."""
        states = ReviewRow.state.in_((PENDING, APPROVED, REFUSED))
        return self._count_of(ReviewRow, period, states, period.has(ReviewRow.created_at))

    def count_refused(self, period: GuildPeriod) -> int:
        """Count results that moderators refused."""
        within = period.has(ReviewRow.decided_at)
        return self._count_of(ReviewRow, period, ReviewRow.state == REFUSED, within)

    def count_reports(self, period: GuildPeriod) -> int:
        """Count reports of results."""
        return self._count_of(FlagRow, period, FlagRow.kind == "report", period.has(FlagRow.at))

    def count_audited(self, period: GuildPeriod, action: str) -> int:
        """Count entries of the audit log by action."""
        within = period.has(AuditRow.at)
        return self._count(
            AuditRow, AuditRow.guild_id == period.guild_id, AuditRow.action == action, within
        )

    def count_appeals(self, period: GuildPeriod) -> int:
        """Count appeals against blocks and refusals."""
        within = period.has(AppealRow.at)
        return self._count(AppealRow, AppealRow.guild_id == period.guild_id, within)

    def _count_of(
        self,
        table: type[FlagRow | ReviewRow],
        period: GuildPeriod,
        *conditions: ColumnElement[bool],
    ) -> int:
        """Count the rows of a table about generations of the guild that meet these conditions."""
        counted = (
            select(func.count())
            .select_from(table)
            .join(GenerationRow, GenerationRow.id == table.generation_id)
            .where(GenerationRow.guild_id == period.guild_id, *conditions)
        )
        return self._session.scalar(counted) or 0
