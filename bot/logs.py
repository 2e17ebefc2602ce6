"""Logging for people (`console`) or for machines (`json`), always to standard error."""

import logging
import sys
from typing import Literal

from pythonjsonlogger.json import JsonFormatter
from rich.console import Console
from rich.logging import RichHandler

_CHATTY = ("discord", "dbos", "aiosqlite", "asyncio", "alembic", "aiohttp.access")
"""Libraries whose information lines tell an operator nothing."""


def set_up_logs(*, style: Literal["console", "json"], level: str) -> None:
    """Send every log line to standard error in this style, from this level on."""
    handler = _json_handler() if style == "json" else _console_handler()
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    if level != "debug":
        for name in _CHATTY:
            logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    else:
        # Its debug lines hold the tokens of interactions, in addresses and in what it receives.
        logging.getLogger("discord").setLevel(logging.INFO)


def _console_handler() -> logging.Handler:
    if sys.stderr.isatty():
        return RichHandler(console=Console(stderr=True), show_path=False, rich_tracebacks=False)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    return handler


def _json_handler() -> logging.Handler:
    handler = logging.StreamHandler()
    fields = "%(asctime)s %(levelname)s %(name)s %(message)s"
    handler.setFormatter(JsonFormatter(fields, rename_fields={"asctime": "time"}))
    return handler
