"""Logging to standard error, for people (`console`) or programs (`json`).

Messages of libraries quote URLs, which may contain passwords and tokens: these are redacted.
"""

import logging
import re
import sys
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

_VERBOSE_LOGGERS = ("discord", "dbos", "asyncio", "alembic", "aiohttp.access")
"""Loggers whose INFO messages are of no use to an operator."""

_SENSITIVE_LOGGERS = ("discord", "PIL")
"""Loggers whose DEBUG messages contain interaction tokens, people's pictures, or every chunk of a
decoded picture."""

_SECRETS = re.compile(r"(?<=://)[^/\s@]+(?=@)|(?P<way>/(?:webhooks|interactions)/\d+/)[^/\s?]+")
"""Matches user names and passwords in URLs, and interaction tokens in Discord's URLs."""


class RedactingFormatter(logging.Formatter):
    """Wraps a formatter and redacts secrets from its output, tracebacks included."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter

    def format(self, record: logging.LogRecord) -> str:
        """Format the record with secrets redacted."""
        return _SECRETS.sub(lambda match: f"{match['way'] or ''}…", self._formatter.format(record))


def set_up_logs(*, style: Literal["console", "json"], level: str) -> None:
    """Configure the root logger to write to standard error in this style and from this level."""
    handler = _json_handler() if style == "json" else _console_handler()
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level != "debug":
        for name in _VERBOSE_LOGGERS:
            logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    else:
        for name in _SENSITIVE_LOGGERS:
            logging.getLogger(name).setLevel(logging.INFO)


def _console_handler() -> logging.Handler:
    if sys.stderr.isatty():
        # Imports 1 MB that a service does not need.
        from rich.console import Console  # noqa: PLC0415
        from rich.logging import RichHandler  # noqa: PLC0415

        rich = RichHandler(console=Console(stderr=True), show_path=False, rich_tracebacks=False)
        rich.setFormatter(RedactingFormatter(logging.Formatter("%(message)s")))
        return rich
    handler = logging.StreamHandler()
    plain = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(RedactingFormatter(plain))
    return handler


def _json_handler() -> logging.Handler:
    handler = logging.StreamHandler()
    fields = "%(asctime)s %(levelname)s %(name)s %(message)s"
    handler.setFormatter(
        RedactingFormatter(JsonFormatter(fields, rename_fields={"asctime": "time"}))
    )
    return handler
