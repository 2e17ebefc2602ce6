"""Policies of a guild for roles, people and channels, resolved for one person. Pure.

The defaults of all limits are in `rules`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase

from generation.quota.periods import Period
from generation.quota.rules import (
    COOLDOWN_S,
    GPU_S,
    MAX_LINE,
    MAX_RUNNING,
    MAX_WAITING,
    PICTURES,
    PRIORITY_MAX_RUNNING,
    PRIORITY_MAX_WAITING,
    Allowance,
    Unit,
)

BOUNDS: Mapping[str, tuple[int, int]] = {
    "pictures": (0, 100_000),
    "gpu_s": (0, 10_000_000),
    "max_running": (1, 5),
    "max_waiting": (0, 100),
    "cooldown_s": (0, 86_400),
    "max_line": (1, 1_000),
}
"""Bounds of limits, both inclusive: more would be a typing error, or no limit."""


ACCESS = ("workflows", "models", "loras", "options")
"""Categories of names that roles can be given access to."""

Access = Mapping[str, Sequence[str]]
"""Patterns of the names that may be used, by category; a missing category is open."""


class RoleRule(StrEnum):
    """How the amounts of several roles are combined."""

    HIGHEST = "highest"
    """The highest amount, in place of the default."""
    SUM = "sum"
    """All amounts, added to the default."""


@dataclass(frozen=True, slots=True)
class GuildLimits:
    """Limits of everybody in a guild. Amounts are per person and period."""

    unit: Unit = Unit.PICTURES
    period: Period = Period.DAY
    role_rule: RoleRule = RoleRule.HIGHEST
    pictures: int = PICTURES
    gpu_s: int = GPU_S
    max_running: int = MAX_RUNNING
    max_waiting: int = MAX_WAITING
    cooldown_s: int = COOLDOWN_S
    max_line: int = MAX_LINE
    timezone: str = "UTC"

    @property
    def amount(self) -> int:
        """The default amount in the guild's unit."""
        return self.pictures if self.unit is Unit.PICTURES else self.gpu_s


@dataclass(frozen=True, slots=True)
class RolePolicy:
    """Overrides for members with a role; None overrides nothing."""

    role_id: int
    pictures: int | None = None
    gpu_s: int | None = None
    max_running: int | None = None
    max_waiting: int | None = None
    has_priority: bool = False
    is_unlimited: bool = False
    may_generate: bool | None = None
    access: Access = field(default_factory=dict)

    def amount(self, unit: Unit) -> int | None:
        """Return the amount in this unit."""
        return self.pictures if unit is Unit.PICTURES else self.gpu_s


@dataclass(frozen=True, slots=True)
class Grant:
    """An additional amount for one person, for every period until it expires."""

    user_id: int
    pictures: int | None = None
    gpu_s: int | None = None
    is_unlimited: bool = False
    expires_at: datetime | None = None

    def amount(self, unit: Unit) -> int:
        """Return the amount in this unit."""
        return (self.pictures if unit is Unit.PICTURES else self.gpu_s) or 0


@dataclass(frozen=True, slots=True)
class EffectiveAllowance:
    """What one person may use, and the roles and grants it results from.

    `amount_roles` are those whose amounts count. `is_default` says that the guild's default is
    included.
    """

    allowance: Allowance
    is_default: bool
    amount_roles: tuple[int, ...] = ()
    unlimited_roles: tuple[int, ...] = ()
    priority_roles: tuple[int, ...] = ()
    grants: tuple[Grant, ...] = field(default=())
    access: Access = field(default_factory=dict)


def resolve_allowance(
    limits: GuildLimits,
    policies: Iterable[RolePolicy],
    role_ids: Collection[int],
    grants: Iterable[Grant],
    guild_id: int | None = None,
) -> EffectiveAllowance:
    """Return a person's allowance. `policies` are those of all roles of the guild.

    Places and cooldown are the most generous of the guild's and the roles'. An unlimited amount
    implies no cooldown. Everybody has the role whose id is the guild's.
    """
    every = tuple(policies)
    own = _find_own(every, role_ids, guild_id)
    given = tuple(grant for grant in grants if grant.is_unlimited or grant.amount(limits.unit))
    counted, is_default = _counted(limits, own)
    unlimited = tuple(policy.role_id for policy in own if policy.is_unlimited)
    is_unlimited = bool(unlimited) or any(grant.is_unlimited for grant in given)
    amount = limits.amount if is_default else 0
    amount += sum(policy.amount(limits.unit) or 0 for policy in counted)
    amount += sum(grant.amount(limits.unit) for grant in given)
    priority = tuple(policy.role_id for policy in own if policy.has_priority)
    allowance = Allowance(
        amount=None if is_unlimited else amount,
        unit=limits.unit,
        period=limits.period,
        max_running=_most(
            limits.max_running,
            *(policy.max_running for policy in own),
            PRIORITY_MAX_RUNNING if priority else None,
        ),
        max_waiting=_most(
            limits.max_waiting,
            *(policy.max_waiting for policy in own),
            PRIORITY_MAX_WAITING if priority else None,
        ),
        cooldown_s=0 if is_unlimited else limits.cooldown_s,
        max_line=limits.max_line,
        may_generate=_may_generate(every, own, guild_id),
        has_priority=bool(priority),
    )
    return EffectiveAllowance(
        allowance,
        is_default,
        tuple(policy.role_id for policy in counted),
        unlimited,
        priority,
        given,
        resolve_access(own, role_ids, guild_id),
    )


def is_allowed(access: Access, category: str, name: str) -> bool:
    """Return whether a name matches a pattern of its category; True without patterns.

    A file is also matched without folder and suffix. Case is ignored.
    """
    patterns = access.get(category)
    if patterns is None:
        return True
    whole = name.casefold().replace("\\", "/")
    # People type patterns for the names that lists show, which are without folder and suffix.
    stem = whole.rpartition("/")[2].rpartition(".")[0]
    return any(
        fnmatchcase(form, pattern.casefold())
        for pattern in patterns
        for form in (whole, stem)
        if form
    )


def resolve_access(
    policies: Iterable[RolePolicy], role_ids: Collection[int], guild_id: int | None
) -> Access:
    """Return the names that any held role allows, by category; others are open."""
    own = _find_own(policies, role_ids, guild_id)
    return {
        category: tuple(pattern for policy in own for pattern in policy.access.get(category, ()))
        for category in ACCESS
        if any(category in policy.access for policy in own)
    }


def is_served(policies: Mapping[int, bool], place_ids: Sequence[int]) -> bool:
    """Return whether a place is served, from the decisions on channels and categories.

    `place_ids` go from the narrowest to the widest: thread, channel, category. The narrowest with a
    decision counts; without any, everything is served until something is allowed explicitly.
    """
    for place_id in place_ids:
        if place_id in policies:
            return policies[place_id]
    return not any(policies.values())


def _find_own(
    policies: Iterable[RolePolicy], role_ids: Collection[int], guild_id: int | None
) -> tuple[RolePolicy, ...]:
    """Return the policies of a person's roles. Everybody has the role whose id is the guild's."""
    held = frozenset(role_ids) | ({guild_id} if guild_id else frozenset())
    return tuple(policy for policy in policies if policy.role_id in held)


def _counted(limits: GuildLimits, own: Sequence[RolePolicy]) -> tuple[tuple[RolePolicy, ...], bool]:
    """Return the roles whose amounts count, and whether the default does."""
    giving = tuple(policy for policy in own if policy.amount(limits.unit) is not None)
    if limits.role_rule is RoleRule.SUM:
        return giving, True
    if not giving:
        return (), True
    highest = max(giving, key=lambda one: one.amount(limits.unit) or 0)
    return (highest,), False


def _most(*limits: int | None) -> int:
    return max(limit for limit in limits if limit is not None)


def _may_generate(
    every: Sequence[RolePolicy], own: Sequence[RolePolicy], guild_id: int | None
) -> bool:
    """Return whether roles permit generating: denial, then permission, then @everyone.

    Once a role is allowed explicitly, members without such a role are denied.
    """
    said = [policy.may_generate for policy in own if policy.role_id != guild_id]
    if False in said:
        return False
    if True in said:
        return True
    everybody = next((policy.may_generate for policy in own if policy.role_id == guild_id), None)
    if everybody is not None:
        return everybody
    return not any(policy.may_generate for policy in every)
