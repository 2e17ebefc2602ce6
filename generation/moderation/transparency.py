"""Counts of generations and decisions in a guild and period, without names."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from db.database import Session
from db.repositories.moderation.transparency import GuildPeriod, TransparencyRepository
from db.tables import CANCELLED, FAILED, SUCCEEDED
from generation.errors import FailureKind
from generation.request import Actor
from generation.transactions import Service, reads

MOST_BARS = 31
"""Parts of the period that are counted separately."""

MOST_DAYS = 366

REFUSALS = {
    FailureKind.PROMPT_NOT_ALLOWED: "refused for words",
    FailureKind.BLOCKED_HERE: "refused to blocked people",
    FailureKind.BLOCKED_BY_FILTER: "refused for attachments",
    FailureKind.NOT_ALLOWED_HERE: "refused for channel, age or role",
}
"""The kinds of refused requests that are counted, with the names of their lines."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Results made and requests refused in a part of the period that begins with `day`."""

    day: datetime
    made: int
    refused: int


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
        counted = TransparencyRepository(session)
        period = GuildPeriod(actor.guild_id or 0, since, until)
        ended = counted.count_ended(period)
        refusals = counted.count_refusals(period)
        blocked = counted.count_failures(period, FailureKind.BLOCKED_BY_FILTER.value)
        counts = {
            "people": counted.count_people(period),
            "asked": sum(ended.values()) + sum(refusals.values()),
            "made": ended.get(SUCCEEDED, 0),
            "failed": ended.get(FAILED, 0) - blocked,
            "cancelled": ended.get(CANCELLED, 0),
            "blocked by the image filter": blocked,
            **{name: refusals.get(kind, 0) for kind, name in REFUSALS.items()},
            "held for a moderator": counted.count_held(period),
            "refused by a moderator": counted.count_refused(period),
            "reported": counted.count_reports(period),
            "removed by a moderator": counted.count_removed(period),
            "people blocked": counted.count_audited(period, "block"),
            "appeals": counted.count_appeals(period),
        }
        bars = tuple(_count_bars(counted, period))
        return TransparencyReport(since, until, counts, bars)


def _count_bars(counted: TransparencyRepository, period: GuildPeriod) -> Iterator[Bar]:
    days = max((period.until - period.since).days, 1)
    width = timedelta(days=-(-days // MOST_BARS))
    begins = period.since
    while begins < period.until:
        part = replace(period, since=begins, until=min(begins + width, period.until))
        made = counted.count_ended(part).get(SUCCEEDED, 0)
        yield Bar(begins, made, sum(counted.count_refusals(part).values()))
        begins += width
