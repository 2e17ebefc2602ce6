"""The stand-in's clock, and the snowflake ids derived from it."""

from datetime import UTC, datetime, timedelta

DISCORD_EPOCH_MS = 1_420_070_400_000
"""Milliseconds from the Unix epoch to the first second of 2015, where snowflakes begin."""


class Clock:
    """Wall time plus an offset that tests and scripts move forward."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the stand-in's present, in UTC."""
        return datetime.now(UTC) + self._offset

    def advance(self, step: timedelta) -> None:
        """Advance the clock by `step`."""
        self._offset += step


class Snowflakes:
    """Ids like Discord's: time in the upper bits, always rising."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def take(self) -> int:
        """Return an id that is greater than every one before it."""
        milliseconds = int(self._clock.now().timestamp() * 1000) - DISCORD_EPOCH_MS
        self._last = max(self._last + 1, milliseconds << 22)
        return self._last
