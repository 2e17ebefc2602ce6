"""Counts of generations and decisions in a guild and period, without names."""

from collections.abc import Iterator
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
        found, guild_id = TransparencyRepository(session), actor.guild_id or 0
        ended = found.count_ended(guild_id, since, until)
        refusals = found.count_refusals(guild_id, since, until)
        blocked = found.count_failures(guild_id, since, until, FailureKind.BLOCKED_BY_FILTER.value)
        counts = {
            "people": found.count_people(guild_id, since, until),
            "asked": sum(ended.values()) + sum(refusals.values()),
            "made": ended.get(SUCCEEDED, 0),
            "failed": ended.get(FAILED, 0) - blocked,
            "cancelled": ended.get(CANCELLED, 0),
            "blocked by the image filter": blocked,
            **{name: refusals.get(kind, 0) for kind, name in REFUSALS.items()},
            "held for a moderator": found.count_held(guild_id, since, until),
            "refused by a moderator": found.count_refused(guild_id, since, until),
            "reported": found.count_reports(guild_id, since, until),
            "removed by a moderator": found.count_removed(guild_id, since, until),
            "people blocked": found.count_audited(guild_id, since, until, "block"),
            "appeals": found.count_appeals(guild_id, since, until),
        }
        bars = tuple(_count_bars(found, guild_id, since, until))
        return TransparencyReport(since, until, counts, bars)


def _count_bars(
    found: TransparencyRepository, guild_id: int, since: datetime, until: datetime
) -> Iterator[Bar]:
    days = max((until - since).days, 1)
    width = timedelta(days=-(-days // MOST_BARS))
    begins = since
    while begins < until:
        part = (guild_id, begins, min(begins + width, until))
        made = found.count_ended(*part).get(SUCCEEDED, 0)
        yield Bar(begins, made, sum(found.count_refusals(*part).values()))
        begins += width
