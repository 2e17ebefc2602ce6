"""What the database's absence means to whoever asks the heart for something."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from db.errors import DatabaseError
from generation.errors import ServiceUnavailable

_log = logging.getLogger(__name__)


@contextmanager
def available() -> Iterator[None]:
    """Tell callers that the records are away, in our own words."""
    try:
        yield
    except DatabaseError as error:
        _log.warning("The database cannot be used just now: %s", error)
        raise ServiceUnavailable(
            "The records cannot be reached just now. Try again in a moment."
        ) from error
