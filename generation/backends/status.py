"""Status of a backend, as operators see it."""

from dataclasses import dataclass
from enum import StrEnum

from comfy.protocol.responses import Device


class BackendState(StrEnum):
    """Whether a backend takes new work, and if not, why.

    A sleeping backend is started when work waits for it.
    """

    READY = "ready"
    DRAINED = "drained"
    RESTING = "resting"
    UNREACHABLE = "unreachable"
    ASLEEP = "asleep"
    STARTING = "starting"

    @property
    def is_usable(self) -> bool:
        """Whether waiting work is given to it, possibly after it was started."""
        return self in (BackendState.READY, BackendState.ASLEEP, BackendState.STARTING)


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """Status of one backend; what it did not answer in time is None or empty.

    `running` counts our generations that run or wait there; `load` counts those of all clients.
    `surface` names a hosted service. `problem` is its last problem in one sentence.
    """

    name: str
    state: BackendState
    running: int
    concurrency: int
    tags: frozenset[str] = frozenset()
    load: int | None = None
    version: str | None = None
    surface: str | None = None
    devices: tuple[Device, ...] = ()
    problem: str | None = None
