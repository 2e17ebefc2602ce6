"""Translation of database errors into the core's ServiceUnavailable."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from db.errors import DatabaseError
from generation.errors import ServiceUnavailable

_log = logging.getLogger(__name__)


@contextmanager
def available() -> Iterator[None]:
    """Raise ServiceUnavailable for every DatabaseError of the block."""
    try:
        yield
    except DatabaseError as error:
        _log.warning("The database cannot be used just now: %s", error)
        raise ServiceUnavailable(
            "The records cannot be reached just now. Try again in a moment."
        ) from error
