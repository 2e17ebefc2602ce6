"""The word "AI" in the line above a result, a setting of each guild."""

import logging
from collections.abc import Callable
from datetime import datetime

from db.cached_query import CachedQuery
from db.database import Database, Session
from db.errors import DatabaseError
from db.repositories.moderation.guild_moderation import GuildModerationRepository
from db.tables import GuildModerationRow
from generation.request import Actor
from generation.transactions import Service, writes

_log = logging.getLogger(__name__)


class VisibleMark(Service):
    """Setting of each guild whether the word is shown; shown by default."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        super().__init__(database, clock)
        self._shown = CachedQuery[int | None, bool](database, (GuildModerationRow,), _load)

    async def is_shown(self, guild_id: int | None) -> bool:
        """Return whether results in this guild show it; True if the setting cannot be read."""
        try:
            return await self._shown.get(guild_id)
        except DatabaseError as error:
            _log.debug("Whether results are marked could not be read: %s", error)
            return True

    @writes
    def set(self, session: Session, actor: Actor, *, is_shown: bool) -> None:
        """Show or hide the word; recorded in the audit log. Raises ServiceUnavailable."""
        GuildModerationRepository(session).put(actor.guild_id, says_ai=is_shown)
        self._audit(session, actor, "marking", word="on" if is_shown else "off")


def _load(session: Session, guild_id: int | None) -> bool:
    row = GuildModerationRepository(session).get(guild_id)
    return row is None or row.says_ai
