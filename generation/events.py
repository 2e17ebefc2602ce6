"""Events of a generation, a closed union; the newest event supersedes older ones."""

from dataclasses import dataclass, field
from datetime import datetime

from generation.record import Generation


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a run. `fraction` is 0 to 1 and never falls; 1 only when the results are stored.

    `step` of `steps` are sampler steps, None while no sampler runs. `activity` is the title of
    what runs now, such as "KSampler". `done_at` is an estimate, None while it would be a guess.
    """

    fraction: float
    activity: str | None = None
    step: int | None = None
    steps: int | None = None
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Waiting in the line: `position` counts from 1, of `length` waiting generations.

    With `is_paused` the guild's line is paused and the position is meaningless. With `is_starting`
    it waits for a backend that is being started and expected at `starts_at`, if that is known.
    """

    generation: Generation
    position: int
    length: int
    starts_at: datetime | None
    is_paused: bool = False
    is_starting: bool = False


@dataclass(frozen=True, slots=True)
class Running:
    """Running on a backend. `preview` is the newest preview picture (JPEG, PNG or WebP), if any."""

    generation: Generation
    progress: Progress
    preview: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """The end: the record has the state, and the results are stored.

    The charges are what the end cost; both are 0 after a refund, and for watchers that subscribe
    after the end.
    """

    generation: Generation
    charged_pictures: int = 0
    charged_gpu_ms: int = 0


GenerationEvent = Waiting | Running | Ended
