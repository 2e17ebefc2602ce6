"""Counts of generations and decisions in a guild and period, without names."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from db.database import Session
from db.repositories.moderation.transparency import TransparencyRepository
from db.tables import CANCELLED, FAILED, SUCCEEDED
from generation.errors import FailureKind
from generation.request import Actor
from generation.transactions import Service, reads

MOST_BARS = 31
"""Parts of the period that are counted separately."""

MOST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Bar:
    """Generations in a part of the period that begins with `day`."""

    day: datetime
    made: int


@dataclass(frozen=True, slots=True)
class TransparencyReport:
    """Counts of one guild; each key of `counts` is the name of a line of the report."""

    since: datetime
    until: datetime
    counts: dict[str, int]
    bars: tuple[Bar, ...]


class Transparency(Service):
    """Counts for moderators."""

    @reads
    def report(
        self, session: Session, actor: Actor, since: datetime, until: datetime
    ) -> TransparencyReport:
        """Count from `since` until before `until`. Raises ServiceUnavailable."""
        found, guild_id = TransparencyRepository(session), actor.guild_id or 0
        ended = found.count_ended(guild_id, since, until)
        blocked = found.count_failures(guild_id, since, until, FailureKind.BLOCKED_BY_FILTER.value)
        counts = {
            "people": found.count_people(guild_id, since, until),
            "asked": sum(ended.values()),
            "made": ended.get(SUCCEEDED, 0),
            "failed": ended.get(FAILED, 0) - blocked,
            "cancelled": ended.get(CANCELLED, 0),
            "blocked by the image filter": blocked,
            "held for a moderator": found.count_held(guild_id, since, until),
            "refused by a moderator": found.count_refused(guild_id, since, until),
            "reported": found.count_reports(guild_id, since, until),
            "removed by a moderator": found.count_removed(guild_id, since, until),
            "people blocked": found.count_audited(guild_id, since, until, "block"),
            "appeals": found.count_appeals(guild_id, since, until),
        }
        bars = tuple(_count_bars(found.count_ended, guild_id, since, until))
        return TransparencyReport(since, until, counts, bars)


def _count_bars(
    count_ended: Callable[[int, datetime, datetime], dict[str, int]],
    guild_id: int,
    since: datetime,
    until: datetime,
) -> Iterator[Bar]:
    days = max((until - since).days, 1)
    width = timedelta(days=-(-days // MOST_BARS))
    begins = since
    while begins < until:
        ended = count_ended(guild_id, begins, min(begins + width, until))
        yield Bar(begins, ended.get(SUCCEEDED, 0))
        begins += width
