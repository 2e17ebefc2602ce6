"""Injected faults: refusals, delays and lost responses."""

import asyncio
import re
from dataclasses import dataclass, field
from enum import Enum, auto

from sandbox.discord_api.errors import ApiError


class FaultKind(Enum):
    """Kind of a fault."""

    REFUSE = auto()
    DELAY = auto()
    HOLD = auto()
    LOSE_REQUEST = auto()
    LOSE_ANSWER = auto()


@dataclass(frozen=True, slots=True)
class Hold:
    """A request held back by a test: events for its arrival and its release."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        """Note the arrival and wait for the release."""
        self.arrived.set()
        await self.released.wait()


@dataclass(slots=True)
class Fault:
    """A fault for the next `times` matching requests."""

    kind: FaultKind
    method: str
    path: re.Pattern[str]
    times: int = 1
    seconds: float = 0.0
    error: ApiError | None = None
    hold: Hold | None = None


class Faults:
    """The faults that are still pending."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Plan a fault."""
        self._waiting.append(fault)

    async def strike(self, method: str, path: str) -> bool:
        """Apply the faults of a request; return whether its response is to be dropped.

        Raises ConnectionAbortedError when the request itself is.
        """
        is_lost = False
        for fault in [entry for entry in self._waiting if _matches(entry, method, path)]:
            if fault.times <= 0:  # another request took it while this one was delayed
                continue
            fault.times -= 1
            if fault.times <= 0:
                self._waiting.remove(fault)
            if fault.kind is FaultKind.DELAY:
                await asyncio.sleep(fault.seconds)
            elif fault.hold is not None:
                await fault.hold.wait()
            elif fault.kind is FaultKind.LOSE_REQUEST:
                raise ConnectionAbortedError
            elif fault.kind is FaultKind.LOSE_ANSWER:
                is_lost = True
            elif fault.error is not None:
                raise fault.error
        return is_lost


def _matches(fault: Fault, method: str, path: str) -> bool:
    return fault.method in ("*", method) and fault.path.search(path) is not None
