"""Logging for people (`console`) or for machines (`json`), always to standard error.

The libraries' own sentences quote addresses, and an address may hold a secret: none gets through.
"""

import logging
import re
import sys
from typing import Literal

from pythonjsonlogger.json import JsonFormatter
from rich.console import Console
from rich.logging import RichHandler

_CHATTY = ("discord", "dbos", "asyncio", "alembic", "aiohttp.access")
"""Libraries whose information lines tell an operator nothing."""

_INDISCREET = ("discord", "PIL")
"""Their debug lines hold the tokens of interactions: in what is received and sent, and in what is
written to the database, people's pictures with it; of pictures they tell every part."""

_SECRETS = re.compile(r"(?<=://)[^/\s@]+(?=@)|(?P<way>/(?:webhooks|interactions)/\d+/)[^/\s?]+")
"""What stands before the host of an address, and the tokens of interactions in Discord's."""


class Discreet(logging.Formatter):
    """Formats as another one does, tracebacks and all, and leaves secrets out."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self._formatter = formatter

    def format(self, record: logging.LogRecord) -> str:
        """The line, or the lines."""
        return _SECRETS.sub(lambda found: f"{found['way'] or ''}…", self._formatter.format(record))


def set_up_logs(*, style: Literal["console", "json"], level: str) -> None:
    """Send every log line to standard error in this style, from this level on."""
    handler = _json_handler() if style == "json" else _console_handler()
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level != "debug":
        for name in _CHATTY:
            logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    else:
        for name in _INDISCREET:
            logging.getLogger(name).setLevel(logging.INFO)


def _console_handler() -> logging.Handler:
    if sys.stderr.isatty():
        rich = RichHandler(console=Console(stderr=True), show_path=False, rich_tracebacks=False)
        rich.setFormatter(Discreet(logging.Formatter("%(message)s")))
        return rich
    handler = logging.StreamHandler()
    plain = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(Discreet(plain))
    return handler


def _json_handler() -> logging.Handler:
    handler = logging.StreamHandler()
    fields = "%(asctime)s %(levelname)s %(name)s %(message)s"
    handler.setFormatter(Discreet(JsonFormatter(fields, rename_fields={"asctime": "time"})))
    return handler
