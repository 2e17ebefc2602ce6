"""Measurements as a Markdown table."""

import math
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.measurement import COLUMNS, Measurement, ratio, summarize

FLOOR = "floor"
"""The client that the others' ratios refer to."""


def build_table(rounds: Mapping[str, Sequence[Measurement]]) -> Iterator[str]:
    """One line a client: for each figure the ratio to the floor, and the figure itself."""
    names = ("client", "right", *COLUMNS.values(), "steps/job", "previews/job")
    yield f"| {' | '.join(names)} |"
    yield f"|{' --- |' * len(names)}"
    for client, measured in rounds.items():
        yield f"| {' | '.join(_cells(client, measured, rounds[FLOOR]))} |"


def _cells(
    client: str, measured: Sequence[Measurement], floor: Sequence[Measurement]
) -> Iterator[str]:
    total = summarize(measured)
    yield client
    yield f"{total.right}/{total.jobs}"
    for column in COLUMNS:
        yield f"{_number(ratio(measured, floor, column))}x ({_number(getattr(total, column))})"
    yield _number(total.steps)
    yield _number(total.previews)


def _number(value: float) -> str:
    """Format with three significant digits."""
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits
