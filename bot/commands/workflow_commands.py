"""Slash commands built from workflows whose manifests name one, and from kinds of workflows."""

import inspect
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain

import discord
from discord import app_commands

from bot.commands.choices import access_of, chosen_workflow
from bot.commands.command_plan import COMMANDS, HOW_SHOWN, plan_commands
from bot.commands.workflow_options import (
    build_option,
    describe,
    has_valid_value,
    is_aspect,
    one_line,
    option_names,
)
from bot.i18n.language import languages, mark, translate
from bot.replies.inputs import given_flag
from bot.replies.submission import CommandInput, submit
from bot.requester import requester_of
from bot.services import Services, services_of
from bot.tree import CONTEXTS, INSTALLS, SlashCommand
from bot.ui.limits import COMMAND_OPTIONS
from generation.library.summaries import InputKind, InputSummary, WorkflowSummary
from generation.request import Value

COMMAND_CHARACTERS = 8000
"""Discord's limit for all names, descriptions and choices of one command."""

_PROMPT = "prompt"
_WORKFLOW = "workflow"
_MEDIA = frozenset({InputKind.VIDEO, InputKind.AUDIO})

_KIND_DESCRIPTIONS = {
    "edit": mark("Change a picture"),
    "upscale": mark("Make a picture larger"),
    "video": mark("Make a video"),
    "audio": mark("Make music or sound"),
    "3d": mark("Make a 3D model from a picture"),
    "describe": mark("Describe a picture in words"),
}
"""Descriptions of the commands by kind."""

_log = logging.getLogger(__name__)


@lru_cache(maxsize=2 * COMMANDS)
def build_command(workflow: WorkflowSummary) -> SlashCommand:
    """Build the command of a workflow that `plan_commands` accepted.

    The same workflow gives the same command: few change when folders or backends do.
    """
    command = _build(workflow, has_fixed_choices=True)
    if _count_characters(command) <= COMMAND_CHARACTERS:
        return command
    return _build(workflow, has_fixed_choices=False)


class WorkflowCommands:
    """Keeps the commands of workflows and kinds in a tree, for these guilds or globally."""

    def __init__(
        self,
        tree: app_commands.CommandTree[discord.Client],
        services: Services,
        guilds: Sequence[discord.Object] = (),
    ) -> None:
        self._tree = tree
        self._services = services
        self._library = services.library
        self._places: Sequence[discord.Object | None] = guilds or (None,)
        self._shapes: Mapping[str, object] = {}
        self._refusals: tuple[str, ...] = ()

    def refresh(self) -> bool:
        """Rebuild the commands from the current workflows; return whether they visibly changed."""
        self._take_out(self._shapes)
        slash = discord.AppCommandType.chat_input
        built_in = [
            command.name for command in self._tree.get_commands(guild=self._places[0], type=slash)
        ]
        unusable = self._library.unusable()
        workflows = [
            one for one in self._services.generations.workflows() if one.name not in unusable
        ]
        plan = plan_commands(workflows, built_in)
        self._tell(plan.refusals)
        entries = (*self._library.kind_commands(), *plan.accepted)
        commands = [build_command(entry) for entry in entries]
        for place in self._places:
            for command in commands:
                self._tree.add_command(command, guild=place)
        before = self._shapes
        self._shapes = {command.name: command.to_dict(self._tree) for command in commands}
        return self._shapes != before

    def _take_out(self, names: Iterable[str]) -> None:
        for place in self._places:
            for name in names:
                self._tree.remove_command(name, guild=place)

    def _tell(self, refusals: tuple[str, ...]) -> None:
        for refusal in refusals:
            if refusal not in self._refusals:
                _log.warning("%s", refusal)
        self._refusals = refusals


def _build(workflow: WorkflowSummary, *, has_fixed_choices: bool) -> SlashCommand:
    # Numbered parameters: an input's name need not be a valid Python identifier.
    asked = {f"option_{i}": input_ for i, input_ in enumerate(_in_order(workflow.inputs))}
    names = option_names(asked.values())
    known = set(names.values())

    async def run(interaction: discord.Interaction, **given: object) -> None:
        if not vars(interaction.namespace).keys() <= known:
            # The client sent options of an older command; they must not be ignored silently.
            raise app_commands.CommandSignatureMismatch(command)
        command_input = _fill(workflow, {option: given[name] for name, option in asked.items()})
        await submit(interaction, command_input)

    def parameter(name: str, input_: InputSummary) -> inspect.Parameter:
        return inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if input_.required else None,
            annotation=build_option(
                input_,
                partial(_find_choices, workflow, input_),
                has_fixed_choices=has_fixed_choices,
            ),
        )

    first = inspect.Parameter("interaction", inspect.Parameter.POSITIONAL_ONLY)
    parameters = [parameter(name, input_) for name, input_ in asked.items()]
    # discord.py reads the options from the signature.
    run.__signature__ = inspect.Signature([first, *parameters])  # type: ignore[attr-defined] # PEP 362 foresees it
    app_commands.describe(**{name: describe(input_) for name, input_ in asked.items()})(run)
    app_commands.rename(**{name: names[input_.name] for name, input_ in asked.items()})(run)
    command: SlashCommand = app_commands.Command(
        name=workflow.command or workflow.name,
        description=_describe_command(workflow),
        callback=run,
        allowed_contexts=CONTEXTS,
        allowed_installs=INSTALLS,
        nsfw=workflow.is_age_restricted,
    )
    return command


def _describe_command(workflow: WorkflowSummary) -> str:
    if workflow.kinds:
        return _KIND_DESCRIPTIONS[workflow.name]
    return one_line(workflow.description) or one_line(workflow.title) or workflow.name


async def _find_choices(
    workflow: WorkflowSummary, input_: InputSummary, interaction: discord.Interaction
) -> Iterable[tuple[str, str]]:
    services, access = services_of(interaction), await access_of(interaction)
    if input_.kind is InputKind.WORKFLOW:
        offered = services.library.offered_to(requester_of(interaction), access)
        return [(one.title, one.name) for one in offered if one.kind in workflow.kinds]
    names: Sequence[str] = (workflow.name,)
    if workflow.kinds:
        chosen = chosen_workflow(interaction)
        names = (chosen,) if chosen else workflow.defaults
    choices = (services.generations.choices(name, input_.name, access) for name in names)
    return [(choice, choice) for choice in dict.fromkeys(chain.from_iterable(choices))]


def _in_order(inputs: Iterable[InputSummary]) -> list[InputSummary]:
    """Sort inputs: required ones first, as Discord demands; then prompt, pictures, the rest.

    Inputs beyond a command's limit, and those without a valid value, are left out.
    """

    def rank(input_: InputSummary) -> tuple[bool, bool, bool]:
        is_attached = input_.kind is InputKind.PICTURE or input_.kind in _MEDIA
        return not input_.required, input_.name != _PROMPT, not is_attached

    settable = sorted(filter(has_valid_value, inputs), key=rank)
    return [*settable[: COMMAND_OPTIONS - len(HOW_SHOWN)], *HOW_SHOWN]


def _fill(workflow: WorkflowSummary, given: Mapping[InputSummary, object]) -> CommandInput:
    """Sort the given options into the fields of a CommandInput."""
    by_name = {input_.name: value for input_, value in given.items()}
    chosen = by_name.get(_WORKFLOW) if workflow.kinds else workflow.name
    attachments: dict[str, discord.Attachment | None] = {}
    values: dict[str, Value | None] = {}
    aspect = None
    for input_, value in given.items():
        if input_.name in (_PROMPT, _WORKFLOW) or input_ in HOW_SHOWN:
            continue
        if isinstance(value, discord.Attachment):
            attachments[input_.name] = value
        elif isinstance(value, Value):
            if is_aspect(input_):
                aspect = str(value)
            else:
                values[input_.name] = value
    return CommandInput(
        prompt=str(by_name.get(_PROMPT) or ""),
        workflow=None if chosen is None else str(chosen),
        kinds=workflow.kinds,
        values=values,
        attachments=attachments,
        media={input_.name: input_.kind.value for input_ in given if input_.kind in _MEDIA},
        aspect=aspect,
        private=given_flag(by_name["private"]),
        spoiler=given_flag(by_name["spoiler"]),
    )


def _count_characters(command: SlashCommand) -> int:
    """Count characters as Discord does: of translated texts only the longest."""
    total = len(command.name) + _longest(command.description)
    for option in command.parameters:
        total += len(option.display_name) + _longest(str(option.description))
        total += sum(
            _longest(choice.name) + len(str(choice.value)) for choice in option.choices or ()
        )
    return total


@lru_cache(maxsize=1024)
def _longest(said: str) -> int:
    # Workflows share most of their texts, and a command has hundreds.
    return max(len(said), *(len(translate(said, language)) for language in languages()))
