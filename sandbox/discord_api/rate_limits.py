"""Rate limits: fixed windows by bucket, and their headers."""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sandbox.discord_api.errors import ApiError
from sandbox.discord_api.values import JsonObject


@dataclass(frozen=True, slots=True)
class Rule:
    """How many requests of one bucket fit in a window."""

    name: str
    limit: int
    seconds: float
    is_announced: bool = True


WEBHOOK_TOKEN: Final = Rule("webhook token", 5, 2.0)
WEBHOOK_POSTS: Final = Rule("webhook posts of a channel", 30, 60.0, is_announced=False)
"""Announced by no header: it shows as a 429 only."""
CHANNEL_MESSAGES: Final = Rule("channel messages", 5, 5.0)
CHANNEL_EDITS: Final = Rule("channel message edits", 5, 5.0)
ORDINARY: Final = Rule("ordinary", 50, 1.0)
GLOBAL: Final = Rule("global", 50, 1.0)


@dataclass(slots=True)
class _Window:
    started: float
    used: int = 0


@dataclass(frozen=True, slots=True)
class RateLimitState:
    """State of a bucket after a request."""

    rule: Rule
    key: str
    remaining: int
    reset_after: float

    def headers(self) -> dict[str, str]:
        """Return the X-RateLimit headers."""
        bucket = hashlib.sha256(self.rule.name.encode()).hexdigest()[:32]
        return {
            "X-RateLimit-Limit": str(self.rule.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": f"{time.time() + self.reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{self.reset_after:.3f}",
            "X-RateLimit-Bucket": bucket,
        }


class RateLimited(ApiError):
    """A request beyond the limit."""

    def __init__(self, state: RateLimitState) -> None:
        super().__init__(429, 0, "You are being rate limited.")
        self.state = state
        self.is_global = state.rule is GLOBAL

    def body(self) -> JsonObject:
        """Return what the client reads."""
        return {
            "message": self.message,
            "retry_after": round(self.state.reset_after, 3),
            "global": self.is_global,
        }

    def headers(self) -> dict[str, str]:
        """Return the headers of a 429; without `Via`, discord.py assumes a Cloudflare ban."""
        headers = {
            "Retry-After": str(math.ceil(self.state.reset_after)),
            "X-RateLimit-Scope": "global" if self.is_global else "user",
            "Via": "1.1 google",
        }
        if self.is_global:
            return {**headers, "X-RateLimit-Global": "true"}
        return (self.state.headers() if self.state.rule.is_announced else {}) | headers


class RateLimits:
    """Counts requests by rule and key."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        """Seconds since any moment: a faster clock makes every limit a wider one."""
        self._windows: dict[tuple[str, str], _Window] = {}
        self.hits: list[str] = []
        """Every request that was answered 429, as rule and key."""

    def take(self, rule: Rule, key: str) -> RateLimitState:
        """Count one request; raise `RateLimited` when the window is full."""
        now = self.now()
        window = self._windows.get((rule.name, key))
        if window is None or now - window.started >= rule.seconds:
            window = self._windows[rule.name, key] = _Window(now)
        reset_after = max(window.started + rule.seconds - now, 0.001)
        if window.used >= rule.limit:
            self.hits.append(f"{rule.name}: {key}")
            raise RateLimited(RateLimitState(rule, key, 0, reset_after))
        window.used += 1
        return RateLimitState(rule, key, rule.limit - window.used, reset_after)
