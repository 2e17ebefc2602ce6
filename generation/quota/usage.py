"""Admission of requests by quota: reads policies and recorded charges, and applies the rules."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from db.cached_query import CachedQuery
from db.database import Database, Session
from db.repositories.charges import ChargeRepository
from db.repositories.generations import GenerationRepository
from db.repositories.guilds import GuildRepository
from db.repositories.line import LineRepository
from db.repositories.outputs import OutputRepository
from db.repositories.people import PersonRepository
from db.repositories.policies import PolicyRepository
from db.tables import ChannelPolicyRow, GrantRow, GuildRow, RolePolicyRow
from generation.errors import NotAllowedHere
from generation.quota.periods import Period, period_bounds
from generation.quota.policy import (
    BOUNDS,
    Access,
    EffectiveAllowance,
    Grant,
    GuildLimits,
    RolePolicy,
    RoleRule,
    is_served,
    resolve_access,
    resolve_allowance,
)
from generation.quota.rules import Cost, Unit, Usage, decide, next_request_at
from generation.record import copy_row
from generation.request import Requester
from generation.transactions import Service, available, reads, writes

CLAIM_LASTS = timedelta(seconds=5)
"""How long a checked request counts as waiting before it is recorded."""


@dataclass(frozen=True, slots=True)
class QuotaStatus:
    """A person's remaining quota here. `next_request_at` is None if it is now.

    Amounts are in `unit` for one `period`; None as `limit` and `left` is unlimited.
    """

    limit: int | None
    used: int
    left: int | None
    resets_at: datetime
    running: int
    waiting: int
    max_running: int
    max_waiting: int
    next_request_at: datetime | None
    unit: Unit = Unit.PICTURES
    period: Period = Period.DAY
    effective: EffectiveAllowance | None = None
    is_paused: bool = False


@dataclass(frozen=True, slots=True)
class PersonRules:
    """A guild's rules for one person in one channel, as recorded at the time of the request."""

    limits: GuildLimits
    effective: EffectiveAllowance


@dataclass(frozen=True, slots=True)
class _GuildRules:
    """All of a guild's rules. `is_stored` is False for guilds without stored settings."""

    guild_id: int | None
    is_stored: bool
    limits: GuildLimits
    channels: Mapping[int, bool]
    roles: tuple[RolePolicy, ...]
    grants: tuple[Grant, ...]

    def find_rules(self, requester: Requester, now: datetime) -> PersonRules:
        """Return the rules for this person. Raises RequestRefused in unserved channels."""
        refuse_elsewhere(self.channels, requester)
        return PersonRules(self.limits, self.resolve(requester, now))

    def resolve(self, requester: Requester, now: datetime) -> EffectiveAllowance:
        """Return what this person may use."""
        own = (
            grant
            for grant in self.grants
            # It is cached with the guild's rules, and may have expired since.
            if grant.user_id == requester.user_id
            and (grant.expires_at is None or grant.expires_at > now)
        )
        return resolve_allowance(self.limits, self.roles, requester.role_ids, own, self.guild_id)


@dataclass(frozen=True, slots=True)
class LineSlot:
    """The place of an admitted generation in the line."""

    has_priority: bool
    lane: int


class QuotaLookups:
    """Repositories for quota decisions within one transaction."""

    def __init__(self, session: Session) -> None:
        self.generations = GenerationRepository(session)
        self.outputs = OutputRepository(session)
        self.line = LineRepository(session)
        self.charges = ChargeRepository(session)
        self.people = PersonRepository(session)
        self.guilds = GuildRepository(session)
        self.policies = PolicyRepository(session)


class QuotaService(Service):
    """Quota decisions from recorded charges and generations; there are no counters."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        super().__init__(database, clock)
        self._rules = CachedQuery[int | None, _GuildRules](
            database,
            (GuildRow, RolePolicyRow, ChannelPolicyRow, GrantRow),
            lambda session, guild_id: _load_rules(QuotaLookups(session), guild_id, clock()),
        )
        # When people's requests were checked in a guild, until these are recorded. Database threads
        # remove some.
        self._claims: dict[tuple[int | None, int], datetime] = {}

    def admit(
        self,
        lookups: QuotaLookups,
        requester: Requester,
        cost: Cost,
        now: datetime,
        rules: PersonRules | None = None,
    ) -> LineSlot:
        """Refuse a request that exceeds the quota, else record its time. Raises RequestRefused.

        `rules` are those that `check` just returned for the same person and place; without them
        they are read. Usage and unfinished generations are always read. Nobody else is admitted in
        this guild until the transaction ends.
        """
        if rules is None:
            lookups.guilds.get_or_create(requester.guild_id, now=now)
            rules = _load_rules(lookups, requester.guild_id, now).find_rules(requester, now)
        lookups.charges.lock_guild(requester.guild_id)
        self.release(requester)
        # Under the guild's lock: two requests at once must not both take the last place.
        usage = _refuse_too_much(lookups, requester, cost, now, rules)
        allowance = rules.effective.allowance
        lookups.people.upsert(
            user_id=requester.user_id,
            guild_id=requester.guild_id,
            name=requester.name,
            now=now,
            last_request_at=now,
        )
        lanes = range(allowance.max_running)
        return LineSlot(
            allowance.has_priority, min(lanes, key=lambda lane: usage.by_lane.get(lane, 0))
        )

    async def check(
        self, requester: Requester, price: Callable[[Session], Cost]
    ) -> tuple[PersonRules | None, Cost]:
        """Refuse what `admit` would refuse now. Raises RequestRefused, ServiceUnavailable.

        Other requests that passed and are not recorded yet count as waiting: if many people ask at
        once, those who get no place are told before their requests are acknowledged. Call `release`
        once it is recorded or given up.

        Return the cost from `price` and the rules applied; None as rules for a guild without stored
        settings.
        """
        with available():
            guild, now = await self._rules.get(requester.guild_id), self._clock()
        rules = guild.find_rules(requester, now)
        claimed = self._claim(requester, now)
        try:
            cost = await self._check(requester, rules, price, now, claimed)
        except BaseException:
            self.release(requester)
            raise
        return rules if guild.is_stored else None, cost

    def release(self, requester: Requester) -> None:
        """Stop counting a checked request as waiting."""
        self._claims.pop((requester.guild_id, requester.user_id), None)

    def _claim(self, requester: Requester, now: datetime) -> int:
        """Count the request as waiting; return how many of others in the guild are counted so."""
        self.release(requester)
        claimed = 0
        for key, at in list(self._claims.items()):
            # The clock may have been put back.
            if abs(now - at) > CLAIM_LASTS:
                self._claims.pop(key, None)
            elif key[0] == requester.guild_id:
                claimed += 1
        self._claims[requester.guild_id, requester.user_id] = now
        return claimed

    async def find_access(self, requester: Requester) -> Access:
        """Return what the requester's roles may use. Raises ServiceUnavailable."""
        with available():
            guild = await self._rules.get(requester.guild_id)
        return resolve_access(guild.roles, requester.role_ids, requester.guild_id)

    @reads
    def _check(
        self,
        session: Session,
        requester: Requester,
        rules: PersonRules,
        price: Callable[[Session], Cost],
        now: datetime,
        claimed: int,
    ) -> Cost:
        cost = price(session)
        _refuse_too_much(QuotaLookups(session), requester, cost, now, rules, claimed)
        return cost

    @writes
    def status(self, session: Session, requester: Requester) -> QuotaStatus:
        """Return the requester's quota and usage. Raises ServiceUnavailable."""
        lookups, now = QuotaLookups(session), self._clock()
        guild = lookups.guilds.get_or_create(requester.guild_id, now=now)
        rules = _load_rules(lookups, requester.guild_id, now)
        limits, effective = rules.limits, rules.resolve(requester, now)
        usage, allowance = _look_up(lookups, requester, now, limits), effective.allowance
        used = usage.used.of(allowance.unit)
        _, resets_at = period_bounds(now, find_timezone(limits.timezone), allowance.period)
        return QuotaStatus(
            limit=allowance.amount,
            used=used,
            left=None if allowance.amount is None else max(allowance.amount - used, 0),
            resets_at=resets_at,
            running=usage.running,
            waiting=usage.waiting,
            max_running=allowance.max_running,
            max_waiting=allowance.max_waiting,
            next_request_at=next_request_at(allowance, usage, now),
            unit=allowance.unit,
            period=allowance.period,
            effective=effective,
            is_paused=guild.paused,
        )


def read_limits(guild: GuildRow) -> GuildLimits:
    """Return a guild's limits, with the program's defaults for unset ones."""
    amounts = {name: limit for name in BOUNDS if (limit := getattr(guild, name)) is not None}
    return GuildLimits(
        unit=Unit(guild.quota_unit or Unit.PICTURES),
        period=Period(guild.quota_period or Period.DAY),
        role_rule=RoleRule(guild.role_rule or RoleRule.HIGHEST),
        timezone=guild.timezone,
        **amounts,
    )


def read_role(row: RolePolicyRow) -> RolePolicy:
    """Convert a role's row to a policy."""
    return copy_row(RolePolicy, row, access=row.access or {})


def read_grant(row: GrantRow) -> Grant:
    """Convert a grant's row to a value."""
    return copy_row(Grant, row)


def find_timezone(name: str) -> tzinfo:
    """Return the time zone with this name; UTC if it is unknown."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def refuse_elsewhere(channels: Mapping[int, bool], requester: Requester) -> None:
    """Raise RequestRefused in a channel that the guild does not serve, by its decisions."""
    if requester.guild_id is not None and not is_served(channels, requester.place_ids):
        raise NotAllowedHere("Pictures are off in this channel. Try another one.")


def _load_rules(lookups: QuotaLookups, guild_id: int | None, now: datetime) -> _GuildRules:
    guild, policies = lookups.guilds.find(guild_id), lookups.policies
    return _GuildRules(
        guild_id,
        is_stored=guild is not None,
        limits=GuildLimits() if guild is None else read_limits(guild),
        channels=policies.channels(guild_id),
        roles=tuple(map(read_role, policies.roles(guild_id))),
        grants=tuple(map(read_grant, policies.grants(guild_id, now))),
    )


def _look_up(
    lookups: QuotaLookups, requester: Requester, now: datetime, limits: GuildLimits
) -> Usage:
    user_id, guild_id = requester.user_id, requester.guild_id
    begins_at, _ = period_bounds(now, find_timezone(limits.timezone), limits.period)
    recorded = lookups.charges.usage(user_id, guild_id, begins_at)
    unfinished = lookups.line.count_unfinished(user_id, guild_id)
    return Usage(
        used=Cost(recorded.spent.pictures, recorded.spent.gpu_ms),
        running=unfinished.running,
        waiting=unfinished.waiting,
        waiting_in_guild=unfinished.waiting_in_guild,
        by_lane=unfinished.by_lane,
        last_request_at=recorded.last_request_at,
    )


def _refuse_too_much(
    lookups: QuotaLookups,
    requester: Requester,
    cost: Cost,
    now: datetime,
    rules: PersonRules,
    claimed: int = 0,
) -> Usage:
    """Return the usage. Raises RequestRefused if a rule refuses the cost.

    `claimed` requests of others count as waiting in the guild.
    """
    usage = _look_up(lookups, requester, now, rules.limits)
    usage = replace(usage, waiting_in_guild=usage.waiting_in_guild + claimed)
    timezone = find_timezone(rules.limits.timezone)
    refused = decide(rules.effective.allowance, usage, cost, now, timezone)
    if refused is not None:
        raise refused
    return usage
