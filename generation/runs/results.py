"""Results of a run, and the recorded end of a generation."""

from dataclasses import dataclass, field

from db.repositories.outputs import NewOutput
from generation.moderation.image_filter import Ruling
from generation.record import Generation, Output, OutputContent, copy_row
from generation.runs.outcome import Outcome


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """An outcome, and what is recorded together with it.

    `ruling` is the image filter's on the `outputs`, None if there was nothing to rule on. `gpu_ms`
    is the duration of the run, and `generation` the generation as it ran, if it succeeded.
    """

    outcome: Outcome
    outputs: tuple[NewOutput, ...] = ()
    ruling: Ruling | None = None
    gpu_ms: int | None = None
    generation: Generation | None = None

    @property
    def contents(self) -> tuple[OutputContent, ...]:
        """The results with their bytes, as they are when they have been recorded."""
        return tuple(
            OutputContent(copy_row(Output, made, byte_count=len(made.content)), made.content)
            for made in self.outputs
        )


@dataclass(frozen=True, slots=True)
class RecordedEnd:
    """A recorded end. `review_state` is None if nobody reviews it.

    `contents` are the results that may be shown.
    """

    generation: Generation
    review_state: str | None
    contents: tuple[OutputContent, ...] = field(default=(), repr=False)
