"""When a backend that fails is tried again. Pure: the caller says what time it is."""

FAILURES_TO_OPEN = 2
"""One failure may be chance; from the second in a row on, a backend gets a rest."""

FIRST_REST_S = 1.0
LONGEST_REST_S = 60.0
"""The rest doubles with each failure between these two; one try follows each rest."""


class Breaker:
    """Counts failures in a row; every time is monotonic seconds."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_until = 0.0

    def is_open(self, now: float) -> bool:
        """Whether the backend is to be left alone now."""
        return now < self._open_until

    def rest_s(self, now: float) -> float:
        """Seconds until it is tried again; 0 when it may be used."""
        return max(0.0, self._open_until - now)

    def note_success(self) -> None:
        """It works: forget what was."""
        self._failures = 0
        self._open_until = 0.0

    def note_failure(self, now: float) -> None:
        """It failed once more; while it rests already, what was under way does not count."""
        if self.is_open(now):
            return
        self._failures += 1
        beyond = self._failures - FAILURES_TO_OPEN
        if beyond >= 0:
            self._open_until = now + min(FIRST_REST_S * 2 ** min(beyond, 30), LONGEST_REST_S)
