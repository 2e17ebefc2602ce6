"""Blocks of people and watched words. Every change is recorded in the audit log.

Whoever calls has made sure that the actor may do it in that guild. A guild id of None is direct
messages.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from db.database import Database, Session
from db.repositories.audit import AuditRepository
from db.repositories.blocks import BlockRepository
from db.repositories.flags import FlagRepository, NewFlag
from db.repositories.watched_words import WatchedWordRepository
from db.tables import BlockRow, WatchedWordRow
from generation.availability import available
from generation.errors import FailureKind, RequestRefused
from generation.moderation.word_filter import (
    MAX_WATCHED_WORDS,
    InvalidPattern,
    WatchedWord,
    WordAction,
    WordFilter,
    WordVerdict,
    check_pattern,
)
from generation.request import Requester
from generation.text import clean_text

MAX_REASON_CHARACTERS = 300

WATCHED = "word"
"""The flag of a request that a watched word was found in."""

WARNED = "warning"
"""… and whose person is told so."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Block:
    """A person who may not generate here; `until` is None for a permanent block."""

    user_id: int
    reason: str
    until: datetime | None
    actor_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry of the audit log."""

    id: int
    at: datetime
    actor_id: int
    action: str
    subject: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was found in an accepted request."""

    verdict: WordVerdict = field(default_factory=WordVerdict)

    @property
    def needs_hold(self) -> bool:
        """Whether its result must wait for a moderator."""
        return self.verdict.action is WordAction.HOLD

    @property
    def flags(self) -> tuple[NewFlag, ...]:
        """Why a moderator may want to look at it."""
        return tuple(
            NewFlag(WARNED if one.action is WordAction.WARN else WATCHED, one.pattern)
            for one in self.verdict.found
        )


class Moderation:
    """Blocks and watched words."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._filters: dict[int | None, tuple[tuple[WatchedWord, ...], WordFilter]] = {}
        self._turns: dict[int | None, asyncio.Lock] = {}

    async def judge(self, requester: Requester, texts: Sequence[str]) -> Judgement:
        """Judge what somebody asks for. Raises RequestRefused, DatabaseError."""

        def query(session: Session) -> tuple[WatchedWord, ...]:
            block = BlockRepository(session).find(
                requester.user_id, requester.guild_id, self._clock()
            )
            if block is not None:
                raise refuse_blocked(_copy_block(block))
            rows = WatchedWordRepository(session).of_guild(requester.guild_id)
            return tuple(_copy_word(row) for row in rows)

        watched_words = await self._database.read(query)
        if not watched_words:
            return Judgement()
        verdict = await self._match_words(requester.guild_id, watched_words, texts)
        if verdict.action is WordAction.REFUSE:
            refused = next(one for one in verdict.found if one.action is WordAction.REFUSE)
            if refused.is_expression:
                raise RequestRefused(
                    FailureKind.PROMPT_NOT_ALLOWED,
                    "The moderators of this place do not allow what it says: put it another way.",
                )
            raise RequestRefused(
                FailureKind.PROMPT_NOT_ALLOWED,
                "The moderators of this place do not allow “{word}”. Leave it out.",
                {"word": refused.pattern},
            )
        return Judgement(verdict)

    async def asks_for_warning(self, generation_id: str) -> bool:
        """Whether whoever asked for it is to be told of a word. Raises ServiceUnavailable."""
        with available():

            def query(session: Session) -> bool:
                flags = FlagRepository(session).of_generation(generation_id)
                return any(flag.kind == WARNED for flag in flags)

            return await self._database.read(query)

    async def block(
        self,
        user_id: int,
        guild_id: int | None,
        *,
        reason: str,
        until: datetime | None,
        actor_id: int,
    ) -> None:
        """Block a person. Raises ServiceUnavailable."""
        kept = clean_text(reason)[:MAX_REASON_CHARACTERS]
        with available():

            def change(session: Session) -> None:
                BlockRepository(session).put(
                    user_id,
                    guild_id,
                    reason=kept,
                    until=until,
                    actor_id=actor_id,
                    at=self._clock(),
                )
                detail = {"reason": kept, "until": until.isoformat() if until else None}
                self._note(session, guild_id, actor_id, "block", str(user_id), detail)

            await self._database.write(change)

    async def unblock(self, user_id: int, guild_id: int | None, *, actor_id: int) -> bool:
        """Lift a block; False when there was none. Raises ServiceUnavailable."""
        with available():

            def change(session: Session) -> bool:
                lifted = BlockRepository(session).remove(user_id, guild_id)
                if lifted:
                    self._note(session, guild_id, actor_id, "unblock", str(user_id))
                return lifted

            return await self._database.write(change)

    async def blocks(self, guild_id: int | None, limit: int) -> tuple[Block, ...]:
        """Return the current blocks, newest first. Raises ServiceUnavailable."""
        with available():

            def query(session: Session) -> tuple[Block, ...]:
                rows = BlockRepository(session).page(guild_id, self._clock(), limit)
                return tuple(_copy_block(row) for row in rows)

            return await self._database.read(query)

    async def watched_words(self, guild_id: int | None) -> tuple[WatchedWord, ...]:
        """Return the watched words. Raises ServiceUnavailable."""
        with available():

            def query(session: Session) -> tuple[WatchedWord, ...]:
                rows = WatchedWordRepository(session).of_guild(guild_id)
                return tuple(_copy_word(row) for row in rows)

            return await self._database.read(query)

    async def watch(
        self,
        guild_id: int | None,
        pattern: str,
        action: WordAction,
        *,
        is_expression: bool,
        actor_id: int,
    ) -> WatchedWord:
        """Watch for a word, phrase or expression. Raises RequestRefused, ServiceUnavailable."""
        try:
            kept = check_pattern(clean_text(pattern), is_expression=is_expression)
        except InvalidPattern as error:
            raise RequestRefused(FailureKind.INVALID_OPTION, error.template, error.facts) from error
        with available():

            def change(session: Session) -> WatchedWord:
                watched_words = WatchedWordRepository(session)
                if len(watched_words.of_guild(guild_id)) >= MAX_WATCHED_WORDS:
                    raise RequestRefused(
                        FailureKind.INVALID_OPTION,
                        "No more than {limit} words can be watched for. Remove one first.",
                        {"limit": MAX_WATCHED_WORDS},
                    )
                row = watched_words.add(
                    guild_id,
                    pattern=kept,
                    is_expression=is_expression,
                    action=action.value,
                    actor_id=actor_id,
                    at=self._clock(),
                )
                detail = {"action": action.value, "expression": is_expression}
                self._note(session, guild_id, actor_id, "watch", kept, detail)
                return _copy_word(row)

            return await self._database.write(change)

    async def unwatch(self, guild_id: int | None, pattern: str, *, actor_id: int) -> bool:
        """Delete a watched word. Return False if there was none. Raises ServiceUnavailable."""
        with available():

            def change(session: Session) -> bool:
                removed = WatchedWordRepository(session).remove(guild_id, pattern.strip())
                if removed:
                    self._note(session, guild_id, actor_id, "unwatch", pattern.strip())
                return removed

            return await self._database.write(change)

    async def try_words(self, guild_id: int | None, text: str) -> WordVerdict:
        """Match a text without any consequence. Raises ServiceUnavailable."""
        return await self._match_words(guild_id, await self.watched_words(guild_id), [text])

    async def audit(
        self, guild_id: int | None, *, before_id: int | None = None, limit: int
    ) -> tuple[AuditEntry, ...]:
        """Return a page of the audit log, newest first. Raises ServiceUnavailable."""
        with available():

            def query(session: Session) -> tuple[AuditEntry, ...]:
                rows = AuditRepository(session).page(guild_id, before_id=before_id, limit=limit)
                return tuple(
                    AuditEntry(
                        row.id, row.at, row.actor_id, row.action, row.subject, row.detail or {}
                    )
                    for row in rows
                )

            return await self._database.read(query)

    async def _match_words(
        self, guild_id: int | None, watched_words: tuple[WatchedWord, ...], texts: Sequence[str]
    ) -> WordVerdict:
        known = self._filters.get(guild_id)
        if known is None or known[0] != watched_words:
            known = self._filters[guild_id] = (watched_words, WordFilter(watched_words))
        # An expression may take its whole time, which nobody else should wait for: however many
        # ask, a guild has one thread at a time.
        async with self._turns.setdefault(guild_id, asyncio.Lock()):
            verdict = await asyncio.to_thread(known[1].judge, *texts)
        for watched in verdict.slow:
            _log.warning(
                "The expression %r of guild %s takes too long and is skipped.",
                watched.pattern,
                guild_id,
            )
        return verdict

    def _note(
        self,
        session: Session,
        guild_id: int | None,
        actor_id: int,
        action: str,
        subject: str,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        AuditRepository(session).add(
            at=self._clock(),
            actor_id=actor_id,
            guild_id=guild_id,
            action=action,
            subject=subject,
            detail=detail,
        )


def refuse_blocked(block: Block) -> RequestRefused:
    """Build the refusal for a blocked person."""
    kind = FailureKind.NOT_ALLOWED_HERE
    facts: dict[str, object] = {"reason": block.reason}
    if block.until is not None:
        facts["until"] = f"{block.until:%Y-%m-%d %H:%M} UTC"
        if block.reason:
            return RequestRefused(
                kind, "The moderators blocked you here until {until}. Why: {reason}", facts
            )
        return RequestRefused(kind, "The moderators blocked you here until {until}.", facts)
    if block.reason:
        return RequestRefused(kind, "The moderators blocked you here. Why: {reason}", facts)
    return RequestRefused(kind, "The moderators blocked you here.", facts)


def _copy_block(row: BlockRow) -> Block:
    return Block(row.user_id, row.reason, row.until, row.actor_id, row.at)


def _copy_word(row: WatchedWordRow) -> WatchedWord:
    return WatchedWord(row.id, row.pattern, WordAction(row.action), row.is_expression)
