"""How much is done in one measurement."""

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

JOBS = (1, 24, 100)
STEPS = (20, 200)
PREVIEW_KB = (0.0, 60.0)
RESULT_MB = (0.1, 1.5, 20.0)
BACKENDS = (1, 4)


@dataclass(frozen=True, slots=True)
class Scale:
    """One cell of the grid: `jobs` at once, shared out evenly among the backends.

    A preview of 0 KB is none at all. `step_ms` is what the server waits at each step, and
    `runs_at_a_time` is how many graphs each backend runs beside each other: a real one runs one.
    """

    jobs: int = 24
    steps: int = 20
    preview_kb: float = 60.0
    result_mb: float = 1.5
    backends: int = 1
    step_ms: float = 2.0
    runs_at_a_time: int = 1

    @property
    def least_seconds(self) -> float:
        """What the backends wait in their steps, if they are kept busy."""
        return self.jobs * self.steps * self.step_ms / 1000 / (self.backends * self.runs_at_a_time)

    def describe(self) -> str:
        """Say it in one line."""
        previews = f"{self.preview_kb:g} KB previews" if self.preview_kb else "no previews"
        return (
            f"{self.jobs} jobs x {self.steps} steps, {previews}, "
            f"{self.result_mb:g} MB results, {self.backends} backends"
        )

    def to_arguments(self) -> list[str]:
        """Write it as command-line options, to hand to another process."""
        return [
            part
            for name, value in asdict(self).items()
            for part in (f"--{name.replace('_', '-')}", str(value))
        ]

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> Self:
        """Read what `add_options` declared."""
        return cls(**{field.name: getattr(arguments, field.name) for field in fields(cls)})


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare one option for each field, with its default."""
    for field in fields(Scale):
        default = field.default
        parser.add_argument(
            f"--{field.name.replace('_', '-')}", type=type(default), default=default
        )


def vary_each(base: Scale) -> Iterator[Scale]:
    """The base, then each dimension varied alone."""
    yield base
    axes: dict[str, tuple[Any, ...]] = {
        "jobs": JOBS,
        "steps": STEPS,
        "preview_kb": PREVIEW_KB,
        "result_mb": RESULT_MB,
        "backends": BACKENDS,
    }
    for name, values in axes.items():
        for value in values:
            if getattr(base, name) != value:
                yield replace(base, **{name: value})


def full_grid(base: Scale) -> Iterator[Scale]:
    """Every combination."""
    for jobs, steps, preview_kb, result_mb, backends in itertools.product(
        JOBS, STEPS, PREVIEW_KB, RESULT_MB, BACKENDS
    ):
        yield replace(
            base,
            jobs=jobs,
            steps=steps,
            preview_kb=preview_kb,
            result_mb=result_mb,
            backends=backends,
        )
