"""Days, weeks and months in a guild's time zone. Pure."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum


class Period(StrEnum):
    """Period after which an allowance is renewed."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def period_bounds(now: datetime, timezone: tzinfo, period: Period) -> tuple[datetime, datetime]:
    """Return start and end in UTC of the period that contains `now`, in that time zone.

    A day starts at midnight, a week on Monday (ISO 8601), a month on its first day. Days have 23 or
    25 hours when clocks change. If midnight is skipped, the day starts with its first moment; if it
    occurs twice, with the first of them.
    """
    first, next_first = _dates(now.astimezone(timezone).date(), period)
    return _midnight(first, timezone), _midnight(next_first, timezone)


def _dates(today: date, period: Period) -> tuple[date, date]:
    match period:
        case Period.DAY:
            return today, today + timedelta(days=1)
        case Period.WEEK:
            monday = today - timedelta(days=today.weekday())
            return monday, monday + timedelta(days=7)
        case Period.MONTH:
            first = today.replace(day=1)
            return first, first + timedelta(days=monthrange(first.year, first.month)[1])


def _midnight(day: date, timezone: tzinfo) -> datetime:
    # With fold=0 (PEP 495) a skipped midnight becomes the moment after the gap, and a repeated one
    # is the first of the two.
    return datetime.combine(day, time.min, tzinfo=timezone).astimezone(UTC)
