"""Which workflows get a slash command of their own, beside the built-in ones."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from bot.commands.workflow_options import has_valid_value
from bot.ui.limits import COMMAND_OPTIONS
from bot.ui.options import DESCRIPTIONS
from generation.library.kind_commands import KIND_COMMAND_NAMES
from generation.library.summaries import InputKind, InputSummary, WorkflowSummary

COMMAND_NAMES = frozenset(
    {
        "imagine",
        "queue",
        "cancel",
        "history",
        "show",
        "quota",
        "settings",
        "presets",
        "workflows",
        "help",
        "limner",
        "mydata",
        "mod",
    }
)
"""Names of the built-in commands, which no workflow's command can take."""

COMMANDS = 100
"""Discord's limit for slash commands in one place."""

HOW_SHOWN = tuple(
    InputSummary(name, InputKind.BOOLEAN, DESCRIPTIONS[name]) for name in ("private", "spoiler")
)
"""Options of every such command, after the workflow's inputs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The workflows that get a command, and a sentence for each that is refused one."""

    accepted: tuple[WorkflowSummary, ...] = ()
    refusals: tuple[str, ...] = ()


def plan_commands(workflows: Iterable[WorkflowSummary], built_in: Collection[str]) -> Plan:
    """Decide which workflows get a command.

    The names in `built_in` and those of commands by kind are reserved.
    """
    built_in = {*built_in, *KIND_COMMAND_NAMES}
    accepted: dict[str, WorkflowSummary] = {}
    refusals = []
    for workflow in workflows:
        if workflow.command is None:
            continue
        obstacle = _find_obstacle(workflow, workflow.command, built_in, accepted)
        if obstacle is None:
            accepted[workflow.command] = workflow
        else:
            refusals.append(
                f"The workflow {workflow.name} does not get the command /{workflow.command}: "
                f"{obstacle}. People can still choose it in /imagine."
            )
    return Plan(tuple(accepted.values()), tuple(refusals))


def _find_obstacle(
    workflow: WorkflowSummary,
    command: str,
    built_in: Collection[str],
    accepted: Mapping[str, WorkflowSummary],
) -> str | None:
    if command in built_in:
        return "Limner has a command of that name itself"
    if command in accepted:
        return f"the workflow {accepted[command].name} has it already"
    if len(built_in) + len(accepted) >= COMMANDS:
        return f"Discord takes no more than {COMMANDS} commands"
    most = COMMAND_OPTIONS - len(HOW_SHOWN)
    if len(workflow.inputs) > most:
        return f"it has {len(workflow.inputs)} inputs, and a command has room for {most}"
    for input_ in workflow.inputs:
        if not has_valid_value(input_):
            return f"Discord has no value within the bounds of {input_.name}"
    return None
