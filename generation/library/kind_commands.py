"""Commands by kind of workflow, and the options that their workflows share."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from generation.library.summaries import InputKind, InputSummary, WorkflowSummary, summarise
from generation.requests.values import MAX_PROMPT_CHARACTERS, PROMPT
from workflows.folders.catalog import Catalog
from workflows.manifest import Kind, Number
from workflows.workflow import Workflow


@dataclass(frozen=True, slots=True)
class KindCommand:
    """A command that accepts any workflow of some kinds.

    `required` are the inputs it always asks for, `optional` those that a workflow may require in
    addition. Other inputs of the default workflows of these kinds are offered as options.
    """

    name: str
    kinds: tuple[Kind, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    def takes(self, workflow: Workflow) -> bool:
        """Return whether the workflow requires nothing else and has every required input."""
        needed = {one.name for one in workflow.manifest.inputs if one.required and not one.hidden}
        has_place = workflow.manifest.options.issuperset(self.required)
        return has_place and needed.issubset((*self.required, *self.optional))


WORKFLOW = "workflow"
"""Name of the option that selects a workflow of the command's kinds."""

KIND_COMMANDS = (
    KindCommand("edit", (Kind.EDIT,), (PROMPT, "image"), ("image_2", "image_3")),
    KindCommand("upscale", (Kind.UPSCALE,), ("image",)),
    KindCommand("video", (Kind.TXT2VID, Kind.IMG2VID), (PROMPT,), ("image", "last_image")),
    KindCommand("audio", (Kind.AUDIO,), (PROMPT,)),
    KindCommand("3d", (Kind.THREE_D,), ("image",)),
    KindCommand("describe", (Kind.DESCRIBE,), ("image",)),
)

KIND_COMMAND_NAMES = frozenset(command.name for command in KIND_COMMANDS)
"""Names reserved for commands by kind, which no workflow's own command can have."""


def summarise_kinds(
    catalog: Catalog, is_usable: Callable[[Workflow], bool]
) -> tuple[WorkflowSummary, ...]:
    """Summarize each command by kind that has a usable workflow, with its options.

    A summary's `kinds` are those from which a workflow is selected.
    """
    summaries = (_summarise(command, catalog, is_usable) for command in KIND_COMMANDS)
    return tuple(summary for summary in summaries if summary is not None)


def _summarise(
    command: KindCommand, catalog: Catalog, is_usable: Callable[[Workflow], bool]
) -> WorkflowSummary | None:
    usable = [one for one in catalog.of_kind(*command.kinds) if command.takes(one)]
    defaults = {one.manifest.kind: one for one in reversed(usable) if is_usable(one)}
    if not defaults:
        return None
    has_place = {name for one in defaults.values() for name in one.manifest.options}
    first = (*command.required, *(name for name in command.optional if name in has_place))
    inputs = (
        *_find_first(first, command.required, defaults.values()),
        InputSummary(WORKFLOW, InputKind.WORKFLOW),
        *_find_further(defaults.values(), usable, first),
    )
    return WorkflowSummary(
        name=command.name,
        title="",
        description="",
        kind=command.kinds[0].value,
        options=frozenset(has_place),
        command=command.name,
        inputs=inputs,
        kinds=tuple(kind.value for kind in command.kinds),
        defaults=tuple(one.name for one in defaults.values()),
    )


def _find_further(
    defaults: Iterable[Workflow], usable: Iterable[Workflow], known: Collection[str]
) -> Iterator[InputSummary]:
    """Return the other inputs of the default workflows, with bounds as wide as any workflow's."""
    offered = [input_ for one in usable for input_ in summarise(one).inputs]
    own: dict[str, InputSummary] = {}
    for one in defaults:
        for input_ in summarise(one).inputs:
            own.setdefault(input_.name, input_)
    for input_ in own.values():
        if input_.name not in known:
            alike = [one for one in offered if (one.name, one.kind) == (input_.name, input_.kind)]
            yield _widen(input_, alike)


def _widen(input_: InputSummary, alike: Sequence[InputSummary]) -> InputSummary:
    """Return the input with the widest bounds and all choices of those of the same name."""
    return replace(
        input_,
        minimum=_outermost(min, [one.minimum for one in alike]),
        maximum=_outermost(max, [one.maximum for one in alike]),
        choices=tuple(dict.fromkeys(choice for one in alike for choice in one.choices)),
    )


def _outermost(
    choose: Callable[[Iterable[Number]], Number], bounds: Sequence[Number | None]
) -> Number | None:
    """Return the smallest or largest of these bounds; None if one is open."""
    known = [bound for bound in bounds if bound is not None]
    return choose(known) if len(known) == len(bounds) else None


def _find_first(
    names: Iterable[str], required: Collection[str], defaults: Iterable[Workflow]
) -> Iterator[InputSummary]:
    """Return the command's inputs as the first default workflow that has each describes it."""
    described = {
        input_.name: input_.description
        for one in reversed(tuple(defaults))
        for input_ in summarise(one).inputs
    }
    for name in names:
        is_text = name == PROMPT
        yield InputSummary(
            name,
            InputKind.TEXT if is_text else InputKind.PICTURE,
            described.get(name, ""),
            required=name in required,
            maximum=MAX_PROMPT_CHARACTERS if is_text else None,
        )
