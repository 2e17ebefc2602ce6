"""The members of the pool: a backend each, with the operator's preferences and its state."""

from dataclasses import dataclass, field

from comfy.backend import Backend
from generation.backends.breaker import Breaker
from generation.backends.power_calls import PowerSettings
from generation.backends.status import BackendState


@dataclass(frozen=True, slots=True)
class PoolMember:
    """A backend with its concurrency, tags, and preferences.

    `cost` is the price of a GPU second in any unit that all members share; at equal cost the higher
    `weight` wins. While cheaper backends are busy, this one is used only if the wait for them
    exceeds `max_wait_s`. `has_key` says that it has a key for partner nodes.
    """

    backend: Backend
    concurrency: int = 2
    tags: frozenset[str] = frozenset()
    weight: float = 1.0
    cost: float = 0.0
    max_wait_s: float = 0.0
    power: PowerSettings = field(default_factory=PowerSettings)
    has_key: bool = False


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Whether the last request was answered, and how many of our generations the backend holds."""

    is_reachable: bool
    generations: int


@dataclass
class MemberState:
    """Mutable state of one member."""

    member: PoolMember
    breaker: Breaker = field(default_factory=Breaker)
    is_drained: bool = False
    is_stopping: bool = False
    loaded: frozenset[str] = frozenset()
    problem: str | None = None
    refusal: str | None = None

    @property
    def backend(self) -> Backend:
        """The backend itself."""
        return self.member.backend

    def takes_work(self, now: float) -> bool:
        """Return whether it is in service; `now` is monotonic, in seconds."""
        is_on = self.backend.is_reachable and not self.is_stopping
        return is_on and not self.is_drained and not self.breaker.is_open(now)

    @property
    def can_be_woken(self) -> bool:
        """Whether it is off and can be started."""
        is_off = not self.backend.is_reachable and not self.is_stopping
        return is_off and not self.is_drained and self.member.power.wake is not None

    def state(self, now: float) -> BackendState:
        """Return its state as operators see it."""
        if self.is_drained:
            return BackendState.DRAINED
        if self.can_be_woken or self.is_stopping:
            return BackendState.ASLEEP
        if not self.backend.is_reachable:
            return BackendState.UNREACHABLE
        return BackendState.RESTING if self.breaker.is_open(now) else BackendState.READY
