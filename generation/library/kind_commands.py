"""The commands by kind: which of them there are, and which options their workflows have."""

from collections.abc import Callable
from dataclasses import dataclass

from generation.library.summaries import InputKind, InputSummary, WorkflowSummary
from generation.requests.values import MAX_PROMPT_CHARACTERS, PROMPT
from workflows.catalog import Catalog
from workflows.manifest import Kind
from workflows.workflow import Workflow


@dataclass(frozen=True, slots=True)
class KindCommand:
    """A command that takes any workflow of some kinds.

    `required` are the inputs that it always asks for, `optional` those that it has while a default
    workflow of these kinds has a place for them.
    """

    name: str
    kinds: tuple[Kind, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    def takes(self, workflow: Workflow) -> bool:
        """Whether nothing else is required, and everything that it asks for has a place."""
        needed = {one.name for one in workflow.manifest.inputs if one.required and not one.hidden}
        has_place = workflow.manifest.options.issuperset(self.required)
        return has_place and needed.issubset((*self.required, *self.optional))


WORKFLOW = "workflow"
"""The option that chooses a workflow of the command's kinds."""

KIND_COMMANDS = (
    KindCommand("edit", (Kind.EDIT,), (PROMPT, "image"), ("image_2", "image_3")),
    KindCommand("upscale", (Kind.UPSCALE,), ("image",)),
    KindCommand("video", (Kind.TXT2VID, Kind.IMG2VID), (PROMPT,), ("image", "last_image")),
    KindCommand("audio", (Kind.AUDIO,), (PROMPT,)),
    KindCommand("3d", (Kind.THREE_D,), ("image",)),
    KindCommand("describe", (Kind.DESCRIBE,), ("image",)),
)

KIND_COMMAND_NAMES = frozenset(command.name for command in KIND_COMMANDS)
"""Names that no workflow's own command can have, whether there is a command by kind or not."""


def summarise_kinds(
    catalog: Catalog, is_usable: Callable[[Workflow], bool]
) -> tuple[WorkflowSummary, ...]:
    """Summarize the commands by kind that have a usable workflow, with its options.

    A summary's `kinds` are what a workflow is selected from.
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
    names = (*command.required, *(name for name in command.optional if name in has_place))
    inputs = (
        *(_summarise_input(name, is_required=name in command.required) for name in names),
        InputSummary(WORKFLOW, InputKind.WORKFLOW),
    )
    return WorkflowSummary(
        name=command.name,
        title="",
        description="",
        kind=command.kinds[0].value,
        options=frozenset(names),
        command=command.name,
        inputs=inputs,
        kinds=tuple(kind.value for kind in command.kinds),
    )


def _summarise_input(name: str, *, is_required: bool) -> InputSummary:
    if name == PROMPT:
        return InputSummary(
            name, InputKind.TEXT, required=is_required, maximum=MAX_PROMPT_CHARACTERS
        )
    return InputSummary(name, InputKind.PICTURE, required=is_required)
