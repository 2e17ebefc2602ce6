"""Counts of generations and decisions in a guild. Nothing here commits."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import InstrumentedAttribute

from db.dialect import insert_into
from db.repositories.moderation.reviews import APPROVED, PENDING, REFUSED
from db.repositories.repository import Repository
from db.tables import AppealRow, AuditRow, FlagRow, GenerationRow, RefusalRow, ReviewRow


class TransparencyRepository(Repository):
    """Counts of one guild, from `since` until before `until`."""

    def count_ended(self, guild_id: int, since: datetime, until: datetime) -> dict[str, int]:
        """Count generations by their state."""
        found = self._session.execute(
            select(GenerationRow.state, func.count())
            .where(_asked(guild_id, since, until))
            .group_by(GenerationRow.state)
        )
        return {row[0]: row[1] for row in found}

    def count_failures(self, guild_id: int, since: datetime, until: datetime, kind: str) -> int:
        """Count generations that failed for this kind of reason."""
        asked = _asked(guild_id, since, until)
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

    def count_refusals(self, guild_id: int, since: datetime, until: datetime) -> dict[str, int]:
        """Count requests that were refused on days that begin in the period, by kind."""
        found = self._session.execute(
            select(RefusalRow.kind, func.sum(RefusalRow.count))
            .where(RefusalRow.guild_id == guild_id, _within(RefusalRow.day, since, until))
            .group_by(RefusalRow.kind)
        )
        return {row[0]: int(row[1]) for row in found}

    def count_people(self, guild_id: int, since: datetime, until: datetime) -> int:
        """Count the people with requests."""
        counted = select(func.count(GenerationRow.user_id.distinct()))
        return self._session.scalar(counted.where(_asked(guild_id, since, until))) or 0

    def count_removed(self, guild_id: int, since: datetime, until: datetime) -> int:
        """Count results removed by somebody other than the requester."""
        return self._count(
            GenerationRow,
            GenerationRow.guild_id == guild_id,
            _within(GenerationRow.removed_at, since, until),
            GenerationRow.removed_by != GenerationRow.user_id,
        )

    def count_held(self, guild_id: int, since: datetime, until: datetime) -> int:
        """Count results that waited for a moderator, decided on or not."""
        states = ReviewRow.state.in_((PENDING, APPROVED, REFUSED))
        return self._count_reviews(guild_id, states & _within(ReviewRow.created_at, since, until))

    def count_refused(self, guild_id: int, since: datetime, until: datetime) -> int:
        """Count results that moderators refused."""
        is_refused = ReviewRow.state == REFUSED
        within = _within(ReviewRow.decided_at, since, until)
        return self._count_reviews(guild_id, is_refused & within)

    def count_reports(self, guild_id: int, since: datetime, until: datetime) -> int:
        """Count reports of results."""
        counted = (
            select(func.count())
            .select_from(FlagRow)
            .join(GenerationRow, GenerationRow.id == FlagRow.generation_id)
            .where(GenerationRow.guild_id == guild_id, FlagRow.kind == "report")
            .where(_within(FlagRow.at, since, until))
        )
        return self._session.scalar(counted) or 0

    def count_audited(self, guild_id: int, since: datetime, until: datetime, action: str) -> int:
        """Count entries of the audit log by action."""
        within = _within(AuditRow.at, since, until)
        return self._count(
            AuditRow, AuditRow.guild_id == guild_id, AuditRow.action == action, within
        )

    def count_appeals(self, guild_id: int, since: datetime, until: datetime) -> int:
        """Count appeals against blocks and refusals."""
        within = _within(AppealRow.at, since, until)
        return self._count(AppealRow, AppealRow.guild_id == guild_id, within)

    def _count_reviews(self, guild_id: int, condition: ColumnElement[bool]) -> int:
        counted = (
            select(func.count())
            .select_from(ReviewRow)
            .join(GenerationRow, GenerationRow.id == ReviewRow.generation_id)
            .where(GenerationRow.guild_id == guild_id, condition)
        )
        return self._session.scalar(counted) or 0


def _asked(guild_id: int, since: datetime, until: datetime) -> ColumnElement[bool]:
    return (GenerationRow.guild_id == guild_id) & _within(GenerationRow.created_at, since, until)


def _within(
    column: InstrumentedAttribute[Any], since: datetime, until: datetime
) -> ColumnElement[bool]:
    return and_(column >= since, column < until)
