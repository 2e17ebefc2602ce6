"""Quota and cooldown rules over an allowance and its usage, and the default limits. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from generation.errors import FailureKind, NotAllowedHere, RequestRefused
from generation.quota.periods import Period, period_bounds

PICTURES = 50
"""Default pictures of a person a day: an evening of play, not a share of the GPU for business."""

GPU_S = 900
"""Default GPU seconds of a person a day, where these are counted: about 50 pictures at 18 s."""

MAX_RUNNING = 1
"""Default number of one person's running generations, so that everybody gets a turn."""

MAX_WAITING = 3
"""Default number of one person's waiting generations: enough to try variants of one idea."""

COOLDOWN_S = 10
"""Default seconds between two requests of one person, to catch a command sent twice."""

CLOCK_SKEW = timedelta(seconds=2)
"""How far the clock of another process on the same database may be ahead."""

MAX_LINE = 50
"""Default number of a guild's waiting generations: at about 20 s each, the last waits a quarter
hour."""

PRIORITY_MAX_RUNNING = 3
"""Running generations of a person whose role has priority."""

PRIORITY_MAX_WAITING = 10
"""Waiting generations of a person whose role has priority."""

UNKNOWN_GPU_MS = 30_000
"""Milliseconds reserved per picture without measured runs; the actual time is charged."""


class Unit(StrEnum):
    """What a quota counts."""

    PICTURES = "pictures"
    GPU_SECONDS = "gpu_seconds"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one person may use in one guild. `amount` is in units; None is unlimited."""

    amount: int | None = PICTURES
    unit: Unit = Unit.PICTURES
    period: Period = Period.DAY
    max_running: int = MAX_RUNNING
    max_waiting: int = MAX_WAITING
    cooldown_s: int = COOLDOWN_S
    max_line: int = MAX_LINE
    may_generate: bool = True
    has_priority: bool = False

    @property
    def max_unfinished(self) -> int:
        """Generations that may run and wait together."""
        return self.max_running + self.max_waiting


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of a generation by both measures: pictures, and milliseconds on a backend."""

    pictures: int = 0
    gpu_ms: int = 0

    def of(self, unit: Unit) -> int:
        """Return the cost in whole units; a started second counts."""
        return self.pictures if unit is Unit.PICTURES else -(-self.gpu_ms // 1000)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one person has used in one guild, and the length of that guild's line.

    `used` is since the start of the period, including reservations. `by_lane` has the number of
    unfinished generations of each of the person's lanes.
    """

    used: Cost = Cost()
    running: int = 0
    waiting: int = 0
    waiting_in_guild: int = 0
    last_request_at: datetime | None = None
    by_lane: Mapping[int, int] = field(default_factory=dict)


def made_cost(reserved: int, asked: int, made: int) -> int:
    """Return the charge when fewer pictures were made than requested: their share, rounded up.

    Never more than was reserved. Results that are not counted as pictures, such as a video, are
    charged as reserved.
    """
    return -(-reserved * min(made, asked) // asked) if made > 0 else reserved


@dataclass(frozen=True, slots=True)
class QuotaRequest:
    """Input of the rules: a request for `cost` at a time, with allowance and usage."""

    allowance: Allowance
    usage: Usage
    cost: Cost
    now: datetime
    timezone: tzinfo


def check_permission(request: QuotaRequest) -> RequestRefused | None:
    """Refuse every request of people whose roles do not permit generating."""
    if request.allowance.may_generate:
        return None
    return NotAllowedHere("Your roles don't let you make pictures here. Ask an administrator.")


def check_amount(request: QuotaRequest) -> RequestRefused | None:
    """Refuse a request that exceeds the rest of the period's amount, in the guild's time zone."""
    allowance = request.allowance
    limit = allowance.amount
    if limit is None:
        return None
    used, cost = request.usage.used.of(allowance.unit), request.cost.of(allowance.unit)
    left = max(limit - used, 0)
    if cost <= left:
        return None
    facts: dict[str, object] = {"limit": limit, "used": used, "left": left, "cost": cost}
    if cost > limit:
        return _never_enough(allowance.unit, facts)
    _, more_at = period_bounds(request.now, request.timezone, allowance.period)
    facts["retry_at"] = more_at.isoformat()
    template = _NOT_ENOUGH_LEFT[allowance.unit, allowance.period]
    return RequestRefused(FailureKind.DAILY_LIMIT, template, facts)


def check_own_generations(request: QuotaRequest) -> RequestRefused | None:
    """Refuse a request while all places of the person, to run and to wait, are taken."""
    allowance, usage = request.allowance, request.usage
    unfinished = usage.running + usage.waiting
    if unfinished < allowance.max_unfinished:
        return None
    return RequestRefused(
        FailureKind.QUEUE_FULL,
        "You already have {unfinished} requests in progress (limit {limit}). Wait for "
        "one to finish, or cancel one.",
        {
            "unfinished": unfinished,
            "limit": allowance.max_unfinished,
            "running": usage.running,
            "waiting": usage.waiting,
            "max_running": allowance.max_running,
            "max_waiting": allowance.max_waiting,
        },
    )


def check_guild_line(request: QuotaRequest) -> RequestRefused | None:
    """Refuse a request while the guild's line is full."""
    length, limit = request.usage.waiting_in_guild, request.allowance.max_line
    if length < limit:
        return None
    return RequestRefused(
        FailureKind.QUEUE_FULL,
        "{length} requests are waiting here (limit {limit}). Try again in a few minutes.",
        {"length": length, "limit": limit},
    )


def check_cooldown(request: QuotaRequest) -> RequestRefused | None:
    """Refuse a request that comes too soon after the last one of the person."""
    free_at = next_request_at(request.allowance, request.usage, request.now)
    if free_at is None:
        return None
    return RequestRefused(
        FailureKind.SLOW_DOWN,
        "You can make one request every {cooldown_s} s. Try again in a moment.",
        {"retry_at": free_at.isoformat(), "cooldown_s": request.allowance.cooldown_s},
    )


Rule = Callable[[QuotaRequest], RequestRefused | None]
"""Returns the refusal of a request; None if the rule accepts it.

`facts["retry_at"]` is when the same request would be accepted, where that is known."""

RULES: tuple[Rule, ...] = (
    check_permission,
    check_amount,
    check_own_generations,
    check_guild_line,
    check_cooldown,
)
"""All rules in order: the refusal that lasts longest is the one to report."""


def decide(
    allowance: Allowance, usage: Usage, cost: Cost, now: datetime, timezone: tzinfo = UTC
) -> RequestRefused | None:
    """Apply the rules in order; return the first refusal, None if all accept."""
    request = QuotaRequest(allowance, usage, cost, now, timezone)
    return next(filter(None, (rule(request) for rule in RULES)), None)


def next_request_at(allowance: Allowance, usage: Usage, now: datetime) -> datetime | None:
    """Return when the cooldown ends, None if it is over; at most one cooldown from now.

    A last request in the future was made before the clock was put back, and is ignored.
    """
    last = usage.last_request_at
    if last is None or last > now + CLOCK_SKEW or not allowance.cooldown_s:
        return None
    free_at = min(last, now) + timedelta(seconds=allowance.cooldown_s)
    return free_at if now < free_at else None


def _never_enough(unit: Unit, facts: Mapping[str, object]) -> RequestRefused:
    if not facts["limit"]:
        return RequestRefused(
            FailureKind.DAILY_LIMIT, "No pictures may be made here: your allowance is 0.", facts
        )
    if unit is Unit.PICTURES:
        return RequestRefused(
            FailureKind.DAILY_LIMIT,
            "This costs {cost} pictures, but your whole allowance is {limit}. Ask for fewer.",
            facts,
        )
    return RequestRefused(
        FailureKind.DAILY_LIMIT,
        "This takes about {cost} GPU seconds, but your whole allowance is {limit}. Ask for fewer "
        "or smaller pictures.",
        facts,
    )


_NOT_ENOUGH_LEFT: Mapping[tuple[Unit, Period], str] = {
    (Unit.PICTURES, Period.DAY): ("{left} of {limit} pictures left today; this costs {cost}."),
    (Unit.PICTURES, Period.WEEK): ("{left} of {limit} pictures left this week; this costs {cost}."),
    (Unit.PICTURES, Period.MONTH): (
        "{left} of {limit} pictures left this month; this costs {cost}."
    ),
    (Unit.GPU_SECONDS, Period.DAY): (
        "{left} of {limit} GPU seconds left today; this takes about {cost}."
    ),
    (Unit.GPU_SECONDS, Period.WEEK): (
        "{left} of {limit} GPU seconds left this week; this takes about {cost}."
    ),
    (Unit.GPU_SECONDS, Period.MONTH): (
        "{left} of {limit} GPU seconds left this month; this takes about {cost}."
    ),
}
