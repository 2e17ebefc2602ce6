"""Blocks of people and watched words.

Callers must have checked that the actor may act in that guild. A guild id of None is direct
messages. Every change is recorded in the audit log.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from weakref import WeakValueDictionary

from cachetools import LRUCache

from db.cached_query import CachedQuery
from db.database import Database, Session
from db.repositories.moderation.blocks import EVERYWHERE, BlockRepository
from db.repositories.moderation.flags import FlagRepository
from db.repositories.moderation.watched_words import WatchedWordRepository
from db.tables import BlockRow, WatchedWordRow
from generation.errors import FailureKind, InvalidOption, RequestRefused
from generation.moderation.word_filter import (
    MAX_WATCHED_WORDS,
    WARNED,
    WatchedWord,
    WordAction,
    WordFilter,
    WordVerdict,
    check_pattern,
)
from generation.record import Generation
from generation.request import Actor, Requester
from generation.text import clean_text
from generation.transactions import Service, available, reads, writes

MAX_REASON_CHARACTERS = 300

MAX_FILTERS = 1_000
"""Guilds whose watched words are kept compiled."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Block:
    """A person who may not generate in a guild or anywhere; `until` is None if permanent.

    `can_be_appealed` says whether a guild's moderators accept an appeal.
    """

    user_id: int
    reason: str
    until: datetime | None
    actor_id: int
    at: datetime
    is_everywhere: bool
    can_be_appealed: bool


class Moderation(Service):
    """Blocks and watched words. Every method raises ServiceUnavailable."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        super().__init__(database, clock)
        self._filters = LRUCache[int | None, tuple[tuple[WatchedWord, ...], WordFilter]](
            MAX_FILTERS
        )
        self._turns: WeakValueDictionary[int | None, asyncio.Lock] = WeakValueDictionary()
        self._words = CachedQuery[int | None, tuple[WatchedWord, ...]](
            database, (WatchedWordRow,), _load_words
        )
        self._blocked_people = CachedQuery[int | None, frozenset[int]](
            database, (BlockRow,), self._load_blocked_people
        )

    async def judge(self, requester: Requester, texts: Sequence[str]) -> WordVerdict:
        """Check a request against blocks and watched words. Raises RequestRefused."""
        with available():
            block = await self._find_block(requester.user_id, requester.guild_id)
            watched_words = await self._words.get(requester.guild_id)
        if block is not None:
            raise refuse_blocked(block)
        if not watched_words:
            return WordVerdict()
        verdict = await self._match_words(requester.guild_id, watched_words, texts)
        if verdict.action is WordAction.REFUSE:
            refused = next(one for one in verdict.found if one.action is WordAction.REFUSE)
            if refused.is_expression:
                raise RequestRefused(
                    FailureKind.PROMPT_NOT_ALLOWED,
                    "The moderators here don't allow this wording. Rephrase it.",
                )
            raise RequestRefused(
                FailureKind.PROMPT_NOT_ALLOWED,
                "The moderators here don't allow “{word}”. Leave it out.",
                {"word": refused.pattern},
            )
        return verdict

    async def needs_warning(self, generation: Generation) -> bool:
        """Return whether the requester is to be warned of a watched word."""
        with available():
            watched_words = await self._words.get(generation.guild_id)
        return bool(watched_words) and await self._is_warned(generation.id)

    @reads
    def _is_warned(self, session: Session, generation_id: str) -> bool:
        flags = FlagRepository(session).of_generation(generation_id)
        return any(flag.kind == WARNED for flag in flags)

    async def _find_block(self, user_id: int, guild_id: int | None) -> Block | None:
        # Nearly nobody is blocked: one result for each guild spares everybody else's look-up.
        if user_id not in await self._blocked_people.get(guild_id):
            return None
        return await self._read(lambda session: self._load_block(session, user_id, guild_id))

    def _load_blocked_people(self, session: Session, guild_id: int | None) -> frozenset[int]:
        return frozenset(BlockRepository(session).list_people(guild_id, self._clock()))

    def _load_block(self, session: Session, user_id: int, guild_id: int | None) -> Block | None:
        row = BlockRepository(session).find(user_id, guild_id, self._clock())
        return None if row is None else _copy_block(row)

    @writes
    def block(
        self,
        session: Session,
        actor: Actor,
        user_id: int,
        *,
        reason: str,
        until: datetime | None,
        everywhere: bool = False,
    ) -> None:
        """Block a person in this guild or, by an operator, in all guilds."""
        kept = clean_text(reason)[:MAX_REASON_CHARACTERS]
        BlockRepository(session).put(
            user_id,
            EVERYWHERE if everywhere else actor.guild_id,
            reason=kept,
            until=until,
            actor_id=actor.user_id,
            at=self._clock(),
        )
        ends_at = until.isoformat() if until else None
        where = {"everywhere": True} if everywhere else {}
        self._audit(session, actor, "block", str(user_id), reason=kept, until=ends_at, **where)

    @writes
    def unblock(
        self, session: Session, actor: Actor, user_id: int, *, everywhere: bool = False
    ) -> bool:
        """Lift a block, of this guild or of all; return False if there was none."""
        guild_id = EVERYWHERE if everywhere else actor.guild_id
        lifted = BlockRepository(session).remove(user_id, guild_id)
        if lifted:
            where = {"everywhere": True} if everywhere else {}
            self._audit(session, actor, "unblock", str(user_id), **where)
        return lifted

    @reads
    def blocks(self, session: Session, guild_id: int | None, limit: int) -> tuple[Block, ...]:
        """Return the current blocks, newest first."""
        rows = BlockRepository(session).page(guild_id, self._clock(), limit)
        return tuple(map(_copy_block, rows))

    @reads
    def watched_words(self, session: Session, guild_id: int | None) -> tuple[WatchedWord, ...]:
        """Return the watched words."""
        return _load_words(session, guild_id)

    @writes
    def watch(
        self,
        session: Session,
        actor: Actor,
        pattern: str,
        action: WordAction,
        *,
        is_expression: bool,
    ) -> WatchedWord:
        """Add a watched word, phrase or expression. Raises RequestRefused."""
        kept = check_pattern(clean_text(pattern), is_expression=is_expression)
        watched_words = WatchedWordRepository(session)
        if len(watched_words.of_guild(actor.guild_id)) >= MAX_WATCHED_WORDS:
            raise InvalidOption(
                "You can watch up to {limit} words. Remove one first.", {"limit": MAX_WATCHED_WORDS}
            )
        row = watched_words.add(
            actor.guild_id,
            pattern=kept,
            is_expression=is_expression,
            action=action.value,
            actor_id=actor.user_id,
            at=self._clock(),
        )
        detail = {"action": action.value, "expression": is_expression}
        self._audit(session, actor, "watch", kept, **detail)
        return _copy_word(row)

    @writes
    def unwatch(self, session: Session, actor: Actor, pattern: str) -> bool:
        """Delete a watched word. Return False if there was none."""
        removed = WatchedWordRepository(session).remove(actor.guild_id, pattern.strip())
        if removed:
            self._audit(session, actor, "unwatch", pattern.strip())
        return removed

    async def try_words(self, guild_id: int | None, text: str) -> WordVerdict:
        """Match a text against the watched words without consequences."""
        return await self._match_words(guild_id, await self.watched_words(guild_id), [text])

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


def refuse_blocked(block: Block) -> RequestRefused:
    """Build the refusal for a blocked person."""
    kind = FailureKind.BLOCKED_HERE
    facts: dict[str, object] = {"reason": block.reason, "can_appeal": block.can_be_appealed}
    if block.until is not None:
        facts["until"] = block.until.isoformat()
        if block.reason:
            return RequestRefused(
                kind, "You can't make pictures here until {until}. Reason: {reason}", facts
            )
        return RequestRefused(kind, "You can't make pictures here until {until}.", facts)
    if block.reason:
        return RequestRefused(kind, "You can't make pictures here. Reason: {reason}", facts)
    return RequestRefused(kind, "You can't make pictures here.", facts)


def _copy_block(row: BlockRow) -> Block:
    is_everywhere = row.guild_id == EVERYWHERE
    can_be_appealed = row.guild_id > 0
    return Block(
        row.user_id, row.reason, row.until, row.actor_id, row.at, is_everywhere, can_be_appealed
    )


def _load_words(session: Session, guild_id: int | None) -> tuple[WatchedWord, ...]:
    return tuple(map(_copy_word, WatchedWordRepository(session).of_guild(guild_id)))


def _copy_word(row: WatchedWordRow) -> WatchedWord:
    return WatchedWord(row.id, row.pattern, WordAction(row.action), row.is_expression)
