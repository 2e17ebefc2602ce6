"""What a run made, and what is recorded of its end."""

from dataclasses import dataclass, field

from db.repositories.outputs import NewOutput
from generation.moderation.image_filter import Ruling
from generation.record import Generation, OutputContent
from generation.runs.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Results:
    """What a run made, and what the image filter says of it. `gpu_ms` is how long it took."""

    outputs: tuple[NewOutput, ...]
    ruling: Ruling
    gpu_ms: int | None


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """An outcome with the results that are to be recorded together with it."""

    outcome: Outcome
    results: Results | None = None


@dataclass(frozen=True, slots=True)
class RecordedEnd:
    """What is recorded of an end. `review_state` is None where nobody reviews it.

    `contents` are those that may be shown.
    """

    generation: Generation
    review_state: str | None
    contents: tuple[OutputContent, ...] = field(default=(), repr=False)
