"""Routing and throttling of the engine's log messages."""

import logging
import time
from contextlib import suppress

NOISE = (
    "WorkflowCancelled",
    "was cancelled",
    "task cancelled",
    "no longer owned by this",
    "cannot schedule new futures after shutdown",
    "Executor accessed before DBOS was launched",
    "Step being automatically retried",
)
"""What the engine reports as trouble whenever somebody cancels, or the line stops; and, with a
traceback each, every step that waits for the database, of which the line itself tells once."""

OUTAGE = (
    "OperationalError",
    "Database connection failed",
    "Notification listener error",
    "connection is closed",
    "server closed the connection",
    "terminating connection",
)
"""How the engine's warnings read while its database is away or cannot be written."""

REMINDER_S = 60.0
"""How often a log is reminded of an outage that lasts."""


class Reminder:
    """Due when it is first asked, and again once a minute."""

    def __init__(self) -> None:
        self._due_at = 0.0

    def is_due(self) -> bool:
        """Whether a reminder is due; asking counts as reminding."""
        now = time.monotonic()
        if now < self._due_at:
            return False
        self._due_at = now + REMINDER_S
        return True


class _EngineLogFilter(logging.Filter):
    """Keeps out what every cancellation reports, and tells of an outage in a sentence a minute.

    The engine warns of it with every poll of each of its threads, often with a traceback.
    """

    def __init__(self) -> None:
        super().__init__()
        self._reminder = Reminder()

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide on one record of the engine; that of an outage loses its traceback."""
        text = record.getMessage()
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            text += f" {type(error).__name__}: {error}"
        if any(noise in text for noise in NOISE):
            return False
        if record.levelno != logging.WARNING or not any(sign in text for sign in OUTAGE):
            return True
        record.msg = "The engine cannot use its tables just now and goes on trying: %s"
        record.args = (" ".join(text.split("(Background on this error")[0].split()),)
        record.exc_info = record.exc_text = None
        return self._reminder.is_due()


def configure_engine_log(logger: logging.Logger) -> None:
    """Route the engine's messages to the root logger and throttle them."""
    for handler in list(logger.handlers):
        with suppress(ValueError):
            logger.removeHandler(handler)
    logger.propagate = True
    logger.setLevel(logging.WARNING)
    for one in [one for one in logger.filters if isinstance(one, _EngineLogFilter)]:
        logger.removeFilter(one)
    logger.addFilter(_EngineLogFilter())
