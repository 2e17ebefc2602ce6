"""Results of a run, and the recorded end of a generation."""

from dataclasses import dataclass, field

from db.repositories.outputs import NewOutput
from generation.moderation.image_filter import Ruling
from generation.record import Generation, OutputContent
from generation.runs.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Results:
    """Results of a run with the image filter's ruling. `gpu_ms` is the duration of the run."""

    outputs: tuple[NewOutput, ...]
    ruling: Ruling
    gpu_ms: int | None


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """An outcome with the results to record together with it, and the generation as it ran."""

    outcome: Outcome
    results: Results | None = None
    generation: Generation | None = None


@dataclass(frozen=True, slots=True)
class RecordedEnd:
    """A recorded end. `review_state` is None if nobody reviews it.

    `contents` are the results that may be shown.
    """

    generation: Generation
    review_state: str | None
    contents: tuple[OutputContent, ...] = field(default=(), repr=False)
