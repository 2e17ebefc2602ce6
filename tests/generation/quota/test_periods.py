from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from generation.quota.periods import Period, period_bounds

DAY, WEEK, MONTH = Period.DAY, Period.WEEK, Period.MONTH


@pytest.mark.parametrize(
    ("period", "zone", "now", "begin", "end"),
    [
        (DAY, "UTC", "2026-03-01T12:00", "2026-03-01T00:00", "2026-03-02T00:00"),
        (DAY, "UTC", "2026-03-01T00:00", "2026-03-01T00:00", "2026-03-02T00:00"),
        # East and west of UTC the date is another one than in UTC.
        (DAY, "Asia/Tokyo", "2026-03-01T16:00", "2026-03-01T15:00", "2026-03-02T15:00"),
        (DAY, "America/Los_Angeles", "2026-03-01T05:00", "2026-02-28T08:00", "2026-03-01T08:00"),
        (DAY, "Asia/Kathmandu", "2026-03-01T12:00", "2026-02-28T18:15", "2026-03-01T18:15"),
        # 23 hours in spring, 25 in autumn.
        (DAY, "Europe/Vienna", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        (DAY, "Europe/Vienna", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        # Midnight is skipped: the day begins at one o'clock.
        (DAY, "Asia/Beirut", "2026-03-29T12:00", "2026-03-28T22:00", "2026-03-29T21:00"),
        # Midnight comes twice: the day begins with the first.
        (DAY, "America/Havana", "2025-11-02T12:00", "2025-11-02T04:00", "2025-11-03T05:00"),
        # A week begins on Monday, also over the end of a year and a change of clocks.
        (WEEK, "UTC", "2026-11-22T23:59", "2026-11-16T00:00", "2026-11-23T00:00"),
        (WEEK, "UTC", "2026-11-23T00:00", "2026-11-23T00:00", "2026-11-30T00:00"),
        (WEEK, "UTC", "2027-01-01T00:00", "2026-12-28T00:00", "2027-01-04T00:00"),
        (WEEK, "Europe/Vienna", "2026-03-29T12:00", "2026-03-22T23:00", "2026-03-29T22:00"),
        # A month has 28 to 31 days.
        (MONTH, "UTC", "2026-02-14T12:00", "2026-02-01T00:00", "2026-03-01T00:00"),
        (MONTH, "UTC", "2028-02-29T12:00", "2028-02-01T00:00", "2028-03-01T00:00"),
        (MONTH, "Europe/Vienna", "2026-10-31T22:30", "2026-09-30T22:00", "2026-10-31T23:00"),
        (MONTH, "UTC", "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00"),
    ],
)
def test_a_period_by_the_guilds_clock(period, zone, now, begin, end):
    moment = datetime.fromisoformat(f"{now}+00:00")
    found = period_bounds(moment, ZoneInfo(zone), period)
    assert [bound.isoformat(timespec="minutes") for bound in found] == [
        f"{begin}+00:00",
        f"{end}+00:00",
    ]


@pytest.mark.parametrize("period", Period)
@pytest.mark.parametrize("zone", ["Europe/Vienna", "Asia/Beirut", "America/Havana"])
def test_every_moment_is_in_its_own_period_and_periods_have_no_gap(zone, period):
    moment, last_end = datetime(2026, 1, 1, tzinfo=UTC), None
    while moment.year == 2026:
        begin, end = period_bounds(moment, ZoneInfo(zone), period)
        assert begin <= moment < end
        assert last_end in (None, begin, end)
        last_end, moment = end, moment + timedelta(hours=1)
