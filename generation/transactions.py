"""Units of work: service methods that run in one transaction, and their audit entries."""

import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from db.database import Database, Session
from db.errors import DatabaseError
from db.repositories.audit import AuditRepository
from db.tables import DIRECT_MESSAGES, AuditRow
from generation.errors import ServiceUnavailable
from generation.request import Actor
from generation.tasks import finish

P = ParamSpec("P")
T = TypeVar("T")
S = TypeVar("S", bound="Transactional")

_log = logging.getLogger(__name__)


class Transactional:
    """Base of classes with methods decorated by `reads` or `writes`. These raise DatabaseError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def _read(self, query: Callable[[Session], T]) -> T:
        return await self._database.read(query)

    async def _write(self, change: Callable[[Session], T]) -> T:
        return await self._database.write(change)


class Service(Transactional):
    """Base of services, whose decorated methods raise ServiceUnavailable instead.

    Writes run to their end even if the caller is cancelled.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        super().__init__(database)
        self._clock = clock

    async def _read(self, query: Callable[[Session], T]) -> T:
        with available():
            return await super()._read(query)

    async def _write(self, change: Callable[[Session], T]) -> T:
        with available():
            return await finish(super()._write(change))

    def _audit(
        self, session: Session, actor: Actor, action: str, subject: str = "", /, **detail: object
    ) -> None:
        """Add an entry to the audit log in this transaction.

        `action` is a word such as "block"; `bot.ui.audit` formats the subjects of known ones.
        """
        AuditRepository(session).add(
            AuditRow(
                at=self._clock(),
                actor_id=actor.user_id,
                guild_id=actor.guild_id or DIRECT_MESSAGES,
                action=action,
                subject=subject,
                detail=detail or None,
            )
        )


def reads(
    query: Callable[Concatenate[S, Session, P], T],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Decorate a method that takes a session and only reads, as a coroutine method.

    Callers leave the session out; the method runs as a whole in a database thread.
    """

    @wraps(query)
    async def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._read(lambda session: query(self, session, *args, **kwargs))

    return run


def writes(
    change: Callable[Concatenate[S, Session, P], T],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """As `reads`, for a transaction that is committed on return or rolled back on an error."""

    @wraps(change)
    async def run(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._write(lambda session: change(self, session, *args, **kwargs))

    return run


@contextmanager
def available() -> Iterator[None]:
    """Translate every DatabaseError of the block into ServiceUnavailable."""
    try:
        yield
    except DatabaseError as error:
        _log.warning("The database cannot be used just now: %s", error)
        raise ServiceUnavailable(
            "The database can't be reached right now. Try again in a moment."
        ) from error
