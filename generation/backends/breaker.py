"""Circuit breaker of one backend. Pure: the caller passes the time."""

FAILURES_TO_OPEN = 2
"""Consecutive failures that open the breaker: a single one may be chance."""

MIN_OPEN_S = 1.0
MAX_OPEN_S = 60.0
"""Bounds in seconds of the time the breaker stays open, which doubles with each failure. One
attempt is allowed afterwards."""


class Breaker:
    """Counts consecutive failures. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_until = 0.0

    def is_open(self, now: float) -> bool:
        """Return whether the backend must not be used now."""
        return now < self._open_until

    def open_for_s(self, now: float) -> float:
        """Return the seconds until the backend may be tried again; 0 when it may be used."""
        return max(0.0, self._open_until - now)

    def note_success(self) -> None:
        """Reset the count after a success."""
        self._failures = 0
        self._open_until = 0.0

    def note_failure(self, now: float) -> None:
        """Count a failure; while open, failures of runs that had already started do not count."""
        if self.is_open(now):
            return
        self._failures += 1
        beyond = self._failures - FAILURES_TO_OPEN
        if beyond >= 0:
            self._open_until = now + min(MIN_OPEN_S * 2 ** min(beyond, 30), MAX_OPEN_S)
