"""History filters, and copies of rows for use outside of a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from db.repositories.generations import MAX_COUNTED, Cursor
from db.repositories.generations import GenerationFilter as HistoryFilter
from db.tables import GenerationRow, OutputRow
from generation.errors import FailureKind
from generation.record import Failure, Generation, GenerationState, Output, copy_row
from generation.request import Derivation, Layout
from generation.text import clean_text

__all__ = [
    "Cursor",
    "HistoryFilter",
    "HistoryPage",
    "clean_filter",
    "copy_generation",
    "copy_output",
]


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page, newest first, and the number of generations on all pages, up to `MAX_COUNTED`."""

    generations: tuple[Generation, ...]
    next_cursor: Cursor | None
    total: int

    @property
    def is_counted_in_part(self) -> bool:
        """Whether there may be more than `total`."""
        return self.total >= MAX_COUNTED


def clean_filter(asked: HistoryFilter) -> HistoryFilter:
    """Return the filter without characters that databases reject."""
    workflow, search = (text and clean_text(text) for text in (asked.workflow, asked.search))
    state = asked.state and GenerationState(asked.state).value
    return replace(asked, workflow=workflow, search=search, state=state)


def copy_generation(
    row: GenerationRow, outputs: Sequence[OutputRow] = (), *, include_withheld: bool = False
) -> Generation:
    """Copy a generation's rows; outputs of a withheld one only if `include_withheld`."""
    shown = outputs if include_withheld or not row.withheld else ()
    return copy_row(
        Generation,
        row,
        values=dict(row.values),
        state=GenerationState(row.state),
        failure=_copy_failure(row),
        outputs=tuple(map(copy_output, shown)),
        derivation=Derivation(row.derivation) if row.derivation else None,
        layout=Layout(row.layout),
        refusal="",
        tellings=0,
    )


def copy_output(row: OutputRow) -> Output:
    """Copy an output's row."""
    return copy_row(Output, row)


def _copy_failure(row: GenerationRow) -> Failure | None:
    if row.failure_kind is None:
        return None
    return Failure(
        FailureKind(row.failure_kind), row.failure_sentence or "", row.failure_facts or {}
    )
