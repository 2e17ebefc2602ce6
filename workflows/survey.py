"""Survey of many workflow files: a table, and counts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workflows.manifest import InputType
from workflows.workflow import Workflow

MANY = 3
"""Numbers from here on are shown as one."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """One file; `problems` are why it cannot become a command."""

    name: str
    problems: tuple[str, ...]
    workflow: Workflow | None = None
    is_partner: bool = False

    @property
    def is_usable(self) -> bool:
        """Whether it can become a command that asks for or makes something."""
        return self.workflow is not None and not self.problems

    @property
    def prompts(self) -> int:
        """Number of required texts."""
        return self._count(InputType.TEXT, required=True)

    @property
    def seeds(self) -> int:
        """Number of seeds."""
        return self._count(InputType.SEED)

    @property
    def images(self) -> int:
        """Number of attached pictures."""
        return self._count(InputType.IMAGE)

    def _count(self, kind: InputType, *, required: bool = False) -> int:
        inputs = self.workflow.manifest.inputs if self.workflow else ()
        shown = (one for one in inputs if one.type is kind and not one.hidden)
        return sum(one.required or not required for one in shown)


def survey_lines(rows: Sequence[Surveyed]) -> Iterator[str]:
    """Yield one line for each file, then the counts by kind."""
    width = max((len(row.name) for row in rows), default=0)
    yield f"{'workflow':{width}} converts prompts seeds images command"
    for row in rows:
        yield (
            f"{row.name:{width}} {'yes' if row.workflow else 'no':8} {row.prompts:7}"
            f" {row.seeds:5} {row.images:6} {'yes' if row.is_usable else 'no':7}"
            f" {row.problems[0] if row.problems else ''}".rstrip()
        )
    yield ""
    yield f"{len(rows)} workflows, {sum(row.workflow is not None for row in rows)} convert,"
    yield f"{sum(row.is_usable for row in rows)} become a usable command."
    for title, counted in (
        ("prompts", Counter(row.prompts for row in rows if row.workflow)),
        ("seeds", Counter(row.seeds for row in rows if row.workflow)),
        ("images", Counter(row.images for row in rows if row.workflow)),
    ):
        yield f"{title:8} {_counts(counted)}"


def _counts(counted: Counter[int]) -> str:
    exact = [f"{number}: {counted[number]}" for number in range(MANY)]
    more = sum(count for number, count in counted.items() if number >= MANY)
    return ", ".join([*exact, f"{MANY} or more: {more}"])
