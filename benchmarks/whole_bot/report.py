"""The figures of all rounds as one table, or as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, TypeAlias

from benchmarks.whole_bot.cells import Figures
from benchmarks.whole_bot.programs import Program

Rounds: TypeAlias = Mapping[Program, Sequence[Figures]]
"""For each program, its figures in each round."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: figures that belong together; the first is compared with the floor's."""

    title: str
    figures: tuple[str, ...]
    goal: str
    is_compared: bool = True


ROWS: Final = (
    Row(
        "from the slash command to the start on the GPU, p50 / p95 ms",
        ("start_p50_ms", "start_p95_ms"),
        "p50 ≤ 30, p95 ≤ 60",
    ),
    Row(
        "from success on the GPU to the picture in Discord, p50 / p95 ms",
        ("picture_p50_ms", "picture_p95_ms"),
        "p50 ≤ 40 (≤ 3x)",
    ),
    # The floor has ComfyUI's own queue in between: there is nothing to compare with.
    Row(
        "the GPU's rest between two of one person's own, ms",
        ("rest_ms",),
        "≤ 40",
        is_compared=False,
    ),
    Row(
        "CPU a generation, alone / 24 at once, ms",
        ("cpu_alone_ms", "cpu_together_ms"),
        "≤ 65 (5x), at most 105",
    ),
    Row(
        "idle, one / four backends, % of a core",
        ("idle_percent", "idle_four_percent"),
        "≤ 1 / ≤ 1.5",
        is_compared=False,
    ),
    Row("memory after 50 generations, MB", ("memory_mb",), "≤ 150", is_compared=False),
    Row(
        "24 people at once: slowest acknowledgement, ms / over 3 s",
        ("together_worst_ms", "together_late"),
        "≤ 300 / 0",
    ),
    Row(
        "100 people in one second: acknowledgement p95, ms / over 3 s",
        ("many_p95_ms", "many_late"),
        "≤ 300 / 0",
    ),
    Row(
        "200 running: acknowledgement of others p95 / event loop late p99, ms",
        ("running_ack_p95_ms", "loop_p99_ms"),
        "≤ 300 / ≤ 50",
    ),
    Row(
        "200 running: 429s / age of shown progress, p50 / worst, s",
        ("running_429", "progress_age_p50_s", "progress_age_worst_s"),
        "0 / ≤ 3 / ≤ 3",
        is_compared=False,
    ),
    Row(
        "SQL statements at rest, a second / for one generation beyond that",
        ("statements_at_rest", "statements"),
        "≤ 10 / ≤ 60",
        is_compared=False,
    ),
)


def build_table(rounds: Rounds) -> Iterator[str]:
    """One line a row that something was measured for: medians, and the ratio to the floor."""
    measured = {name for figures in rounds.values() for figure in figures for name in figure}
    names = ["", *(program.label for program in rounds), "to reach"]
    yield f"| {' | '.join(names)} |"
    yield f"|{' --- |' * len(names)}"
    for row in ROWS:
        if measured & set(row.figures):
            cells = [_cell(row, rounds, program) for program in rounds]
            yield f"| {' | '.join([row.title, *cells, row.goal])} |"


def summarize(rounds: Rounds) -> dict[str, dict[str, dict[str, object]]]:
    """Every figure of each program: its median, its values and its ratio to the floor."""
    return {
        program: {
            name: {
                "median": _median(rounds[program], name),
                "rounds": [figures[name] for figures in rounds[program] if name in figures],
                "ratio": _ratio(rounds, program, name),
            }
            for name in sorted({name for figures in rounds[program] for name in figures})
        }
        for program in rounds
    }


def _cell(row: Row, rounds: Rounds, program: Program) -> str:
    values = [_median(rounds[program], name) for name in row.figures]
    text = " / ".join("-" if value is None else _number(value) for value in values)
    ratio = _ratio(rounds, program, row.figures[0]) if row.is_compared else None
    if program is Program.FLOOR or ratio is None:
        return text
    return f"{text} ({_number(ratio)}x)"


def _median(figures: Sequence[Figures], name: str) -> float | None:
    values = [figure[name] for figure in figures if name in figure]
    return median(values) if values else None


def _ratio(rounds: Rounds, program: Program, name: str) -> float | None:
    """The median of the ratios round by round: both sides of each had the same machine load."""
    pairs = zip(rounds[program], rounds.get(Program.FLOOR, ()), strict=False)
    ratios = [
        mine[name] / theirs[name] for mine, theirs in pairs if mine.get(name) and theirs.get(name)
    ]
    return median(ratios) if ratios else None


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"  # noqa: PLR2004 - two digits say it
