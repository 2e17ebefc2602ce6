"""What people have used and may still do: recorded charges in, `quota`'s decision out."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from db.database import Database, Session
from db.generations import GenerationRepository
from db.people import GuildRepository, PersonRepository
from db.quotas import ChargeRepository
from db.tables import GuildRow
from generation.errors import FailureKind, RequestRefused
from generation.quota import (
    Allowance,
    Refused,
    Usage,
    day_bounds,
    decide,
    next_request_at,
)
from generation.record import GenerationState
from generation.request import Requester


@dataclass(frozen=True, slots=True)
class QuotaStatus:
    """What somebody may still do here. `next_request_at` is None when it is now."""

    limit: int
    used: int
    left: int
    resets_at: datetime
    running: int
    waiting: int
    max_running: int
    max_waiting: int
    next_request_at: datetime | None


@dataclass(frozen=True, slots=True)
class Books:
    """What an answer is looked up in, all in one transaction."""

    generations: GenerationRepository
    charges: ChargeRepository
    people: PersonRepository
    guilds: GuildRepository

    @classmethod
    def of(cls, session: Session) -> "Books":
        """The books as this transaction sees them."""
        return cls(
            GenerationRepository(session),
            ChargeRepository(session),
            PersonRepository(session),
            GuildRepository(session),
        )


class UsageBook:
    """Answers from charges and generations; keeps no counters."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        priority_roles: Collection[int] = (),
    ) -> None:
        self._database = database
        self._clock = clock
        self._priority_roles = frozenset(priority_roles)

    def has_priority(self, requester: Requester) -> bool:
        """Whether one of their roles has it."""
        return not self._priority_roles.isdisjoint(requester.role_ids)

    async def admit(self, books: Books, requester: Requester, cost: int, now: datetime) -> None:
        """Refuse what is too much, and remember when they asked; raises RequestRefused.

        Nobody else can be admitted for the same person until the transaction ends.
        """
        await books.charges.lock_person(requester.user_id, requester.guild_id)
        await self._refuse_too_much(books, requester, cost, now)
        await books.people.upsert(
            user_id=requester.user_id,
            guild_id=requester.guild_id,
            name=requester.name,
            now=now,
            last_request_at=now,
        )

    async def check(self, requester: Requester, cost: int) -> None:
        """Refuse what `admit` would refuse just now. Raises RequestRefused."""
        async with self._database.transaction() as session:
            books = Books.of(session)
            await self._refuse_too_much(books, requester, cost, self._clock())

    async def status(self, requester: Requester) -> QuotaStatus:
        """What they may still do here."""
        now = self._clock()
        async with self._database.transaction() as session:
            books = Books.of(session)
            guild = await books.guilds.get_or_create(requester.guild_id, now=now)
            timezone = _timezone(guild)
            allowance = self._allowance(guild, requester)
            usage = await _look_up(books, requester, now, timezone)
        return QuotaStatus(
            limit=allowance.daily_pictures,
            used=usage.used_today,
            left=max(allowance.daily_pictures - usage.used_today, 0),
            resets_at=day_bounds(now, timezone)[1],
            running=usage.running,
            waiting=usage.waiting,
            max_running=allowance.max_running,
            max_waiting=allowance.max_waiting,
            next_request_at=next_request_at(allowance, usage, now),
        )

    async def _refuse_too_much(
        self, books: Books, requester: Requester, cost: int, now: datetime
    ) -> None:
        guild = await books.guilds.get_or_create(requester.guild_id, now=now)
        if guild.paused:
            raise RequestRefused(
                FailureKind.NOT_ALLOWED_HERE, "Making pictures is paused here for now."
            )
        timezone = _timezone(guild)
        usage = await _look_up(books, requester, now, timezone)
        decision = decide(self._allowance(guild, requester), usage, cost, now, timezone)
        if isinstance(decision, Refused):
            raise RequestRefused(decision.kind, decision.sentence, decision.facts)

    def _allowance(self, guild: GuildRow, requester: Requester) -> Allowance:
        limits = {
            "daily_pictures": guild.daily_limit,
            "max_running": guild.max_running,
            "max_waiting": guild.max_waiting,
            "cooldown_s": guild.cooldown_s,
            "max_line": guild.max_line,
        }
        known = {name: limit for name, limit in limits.items() if limit is not None}
        allowance = replace(Allowance(), **known)
        return allowance.with_priority() if self.has_priority(requester) else allowance


async def _look_up(books: Books, requester: Requester, now: datetime, timezone: tzinfo) -> Usage:
    user_id, guild_id = requester.user_id, requester.guild_id
    day_begins_at, _ = day_bounds(now, timezone)
    running, waiting = {GenerationState.RUNNING.value}, {GenerationState.WAITING.value}
    return Usage(
        used_today=await books.charges.usage(user_id, guild_id, day_begins_at),
        running=await books.generations.count(user_id, guild_id, running),
        waiting=await books.generations.count(user_id, guild_id, waiting),
        waiting_in_guild=await books.generations.count_waiting_in_guild(guild_id),
        last_request_at=await books.people.last_request_at(user_id, guild_id),
    )


def _timezone(guild: GuildRow) -> tzinfo:
    """The guild's clock; UTC when its name is no longer known."""
    try:
        return ZoneInfo(guild.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
