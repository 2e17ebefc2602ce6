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
"""Messages that the engine logs as errors on every cancellation or stop of the line, and, with a
traceback each, for every step that waits for the database, which the line itself reports once."""

OUTAGE = (
    "OperationalError",
    "Database connection failed",
    "Notification listener error",
    "connection is closed",
    "server closed the connection",
    "terminating connection",
)
"""Patterns of the engine's warnings while its database is unreachable or cannot be written."""

REMINDER_S = 60.0
"""Seconds between two reminders of a lasting outage."""


class Reminder:
    """A reminder that is due when first asked for, and then once a minute."""

    def __init__(self) -> None:
        self._due_at = 0.0

    def is_due(self) -> bool:
        """Return whether a reminder is due; a True resets the interval."""
        now = time.monotonic()
        if now < self._due_at:
            return False
        self._due_at = now + REMINDER_S
        return True


class _EngineLogFilter(logging.Filter):
    """Drops expected messages, and reports an outage in one sentence a minute.

    The engine logs a warning with every poll of each of its threads, often with a traceback.
    """

    def __init__(self) -> None:
        super().__init__()
        self._reminder = Reminder()

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide on one record of the engine; remove the traceback of an outage."""
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
