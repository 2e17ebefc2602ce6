"""Who may ask for how much: pure rules over an allowance and what was used of it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol

from generation.errors import FailureKind

DAILY_PICTURES = 50
"""Pictures a person may make a day: an evening of play, not a share of the GPU for business."""

MAX_RUNNING = 1
"""Generations of one person on backends at a time, so that everybody gets a turn."""

MAX_WAITING = 3
"""Further generations a person may have in the line: enough to try variants of one idea."""

COOLDOWN_S = 10
"""Seconds between two requests of one person: a command sent twice by mistake is noticed."""

MAX_LINE = 50
"""Waiting generations a guild may have: at about 20 s each, the last one waits a quarter hour."""

PRIORITY_MAX_RUNNING = 3
"""Running generations of a person whose role has priority."""

PRIORITY_MAX_WAITING = 10
"""Waiting generations of a person whose role has priority."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one person may use in one guild."""

    daily_pictures: int = DAILY_PICTURES
    max_running: int = MAX_RUNNING
    max_waiting: int = MAX_WAITING
    cooldown_s: int = COOLDOWN_S
    max_line: int = MAX_LINE

    @property
    def max_unfinished(self) -> int:
        """How many generations may run and wait together."""
        return self.max_running + self.max_waiting

    def with_priority(self) -> "Allowance":
        """Raise the limits to those of a priority role, and lower none."""
        return replace(
            self,
            max_running=max(self.max_running, PRIORITY_MAX_RUNNING),
            max_waiting=max(self.max_waiting, PRIORITY_MAX_WAITING),
        )


DEFAULT_ALLOWANCE = Allowance()
PRIORITY_ALLOWANCE = DEFAULT_ALLOWANCE.with_priority()


@dataclass(frozen=True, slots=True)
class Usage:
    """What one person has used in one guild, and how long that guild's line is.

    `used_today` counts pictures since the guild's day began, reserved ones included.
    """

    used_today: int = 0
    running: int = 0
    waiting: int = 0
    waiting_in_guild: int = 0
    last_request_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Nothing is against it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """What is against it, in a sentence for the person. `facts` are JSON values for a face.

    `facts["retry_at"]` is when the same request would be accepted, where that is known.
    """

    kind: FailureKind
    sentence: str
    facts: dict[str, object] = field(default_factory=dict)


Decision = Accepted | Refused


@dataclass(frozen=True, slots=True)
class Question:
    """May this person, who has used that much, make `cost` more pictures now?"""

    allowance: Allowance
    usage: Usage
    cost: int
    now: datetime
    timezone: tzinfo


class Rule(Protocol):
    """One reason why a request may be refused."""

    def check(self, question: Question) -> Refused | None:
        """Say what is against it, or None."""


class DailyPictures:
    """A day's pictures, by the guild's clock."""

    def check(self, question: Question) -> Refused | None:
        """Refuse what does not fit into the rest of the day."""
        limit, used = question.allowance.daily_pictures, question.usage.used_today
        left = max(limit - used, 0)
        if question.cost <= left:
            return None
        facts: dict[str, object] = {
            "limit": limit,
            "used": used,
            "left": left,
            "cost": question.cost,
        }
        if question.cost > limit:
            return Refused(FailureKind.DAILY_LIMIT, _more_than_a_day(question.cost, limit), facts)
        _, next_day = day_bounds(question.now, question.timezone)
        facts["retry_at"] = next_day.isoformat()
        return Refused(FailureKind.DAILY_LIMIT, _not_enough_left(question.cost, left, limit), facts)


class OwnGenerations:
    """What one person may have running and waiting."""

    def check(self, question: Question) -> Refused | None:
        """Refuse another one while all places are taken."""
        allowance, usage = question.allowance, question.usage
        unfinished = usage.running + usage.waiting
        if unfinished < allowance.max_unfinished:
            return None
        return Refused(
            FailureKind.QUEUE_FULL,
            f"You have {_count(unfinished, 'unfinished generation')}, and no more than "
            f"{allowance.max_unfinished} are allowed at a time: wait for one to end, or cancel "
            "one.",
            {
                "running": usage.running,
                "waiting": usage.waiting,
                "max_running": allowance.max_running,
                "max_waiting": allowance.max_waiting,
            },
        )


class GuildLine:
    """How many generations may wait in one guild."""

    def check(self, question: Question) -> Refused | None:
        """Refuse another one while the line is full."""
        length, limit = question.usage.waiting_in_guild, question.allowance.max_line
        if length < limit:
            return None
        return Refused(
            FailureKind.QUEUE_FULL,
            f"{_count(length, 'generation')} {'waits' if length == 1 else 'wait'} here already, "
            "which is as many as may: try again in a few minutes.",
            {"waiting_in_guild": length, "max_line": limit},
        )


class Cooldown:
    """The time between two requests of one person."""

    def check(self, question: Question) -> Refused | None:
        """Refuse a request that comes too soon after the last one."""
        free_at = next_request_at(question.allowance, question.usage, question.now)
        if free_at is None:
            return None
        return Refused(
            FailureKind.SLOW_DOWN,
            f"There must be {_count(question.allowance.cooldown_s, 'second')} between two "
            "requests: try again in a moment.",
            {"retry_at": free_at.isoformat(), "cooldown_s": question.allowance.cooldown_s},
        )


RULES: tuple[Rule, ...] = (DailyPictures(), OwnGenerations(), GuildLine(), Cooldown())
"""In this order, because the one that lasts longest is the one worth telling."""


def decide(
    allowance: Allowance, usage: Usage, cost: int, now: datetime, timezone: tzinfo = UTC
) -> Decision:
    """Apply the rules in order; the first that is against it is the answer."""
    question = Question(allowance, usage, cost, now, timezone)
    for rule in RULES:
        refused = rule.check(question)
        if refused is not None:
            return refused
    return Accepted()


def next_request_at(allowance: Allowance, usage: Usage, now: datetime) -> datetime | None:
    """When the cooldown ends, or None when it is over."""
    if usage.last_request_at is None:
        return None
    free_at = usage.last_request_at + timedelta(seconds=allowance.cooldown_s)
    return free_at if now < free_at else None


def day_bounds(now: datetime, timezone: tzinfo) -> tuple[datetime, datetime]:
    """Find when the day of `now` begins and the next one does, by that clock, both in UTC.

    Days are 23 or 25 hours long where clocks change. Where midnight itself is skipped, the day
    begins with its first moment; where it comes twice, with the first of them.
    """
    today = now.astimezone(timezone).date()
    return _midnight(today, timezone), _midnight(today + timedelta(days=1), timezone)


def _midnight(day: date, timezone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone).astimezone(UTC)


def _more_than_a_day(cost: int, limit: int) -> str:
    if not limit:
        return "No pictures may be made here: the daily limit is 0."
    return (
        f"This makes {_count(cost, 'picture')}, but only {limit} a day may be made: ask for fewer."
    )


def _not_enough_left(cost: int, left: int, limit: int) -> str:
    if not left:
        return (
            f"You have made your {_count(limit, 'picture')} of today: more come with the next day."
        )
    return (
        f"This makes {_count(cost, 'picture')}, and you have {left} of {limit} left today: ask for "
        "fewer, or come back the next day."
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
