"""Resolution of model files to those that some backend has."""

from collections.abc import Mapping, Sequence

from generation.backends.pool import BackendPool
from generation.errors import FailureKind, RequestRefused
from generation.prompts.lora_files import read_option
from generation.record import Failure
from generation.text import list_names
from workflows.manifest import Input, InputType
from workflows.model_files import MODEL_SUFFIXES
from workflows.values import find_choice
from workflows.workflow import Workflow

MAX_INSTALLED = 50
"""Names in a failure's facts; a backend may have thousands of models."""


def offered_models(workflow: Workflow, pool: BackendPool) -> dict[str, tuple[str, ...]]:
    """Return the known choices of each input that names a model file."""
    found = {name: pool.inventory.choices(*slot) for name, slot in workflow.model_slots.items()}
    return {name: choices for name, choices in found.items() if choices is not None}


def resolve_models(
    workflow: Workflow, given: Mapping[str, object], pool: BackendPool
) -> dict[str, str]:
    """Return a model for every checkpoint input.

    In this order: the person's choice, the operator's default, the workflow's own, the only
    installed one. Raises RequestRefused, with what is installed, if none applies. While no backend
    has listed its models nothing is replaced, and the run fails if a model is missing.
    """
    offered = offered_models(workflow, pool)
    resolved = {}
    for wanted in workflow.manifest.inputs:
        if wanted.type not in (InputType.CHECKPOINT, InputType.LORA):
            continue
        choices, chosen = offered.get(wanted.name), given.get(wanted.name)
        if choices is None:
            continue
        if chosen is not None:
            resolve = read_option if wanted.type is InputType.LORA else _installed
            resolved[wanted.name] = resolve(str(chosen), choices)
        elif wanted.type is InputType.CHECKPOINT or wanted.targets:
            is_exact = workflow.manifest.is_exact(wanted)
            defaults = pool.default_models
            default = find_default(wanted, choices, defaults, is_exact=is_exact)
            if default is None:
                raise _refusal(missing_model(_own(wanted), tuple(choices)))
            resolved[wanted.name] = default
    return resolved


def find_default(
    wanted: Input,
    choices: Sequence[str],
    operator_defaults: Sequence[str],
    *,
    is_exact: bool = False,
) -> str | None:
    """Return the model used when a person chooses none; None if there is no clear one.

    A single installed model is used, unless the input `is_exact`.
    """
    for name in (*operator_defaults, _own(wanted)):
        if name is not None and name in choices:
            return name
    if is_exact:
        return None
    # Lists of VAEs include built-in ones, which are not files.
    files = [name for name in choices if name.lower().endswith(MODEL_SUFFIXES)]
    return (files or choices)[0] if len(files or choices) == 1 else None


def _installed(name: str, choices: Sequence[str]) -> str:
    """Return the installed model of this name: exact, or the only match ignoring case."""
    found = find_choice(name, choices)
    if found is None:
        raise _refusal(missing_model(name, tuple(choices)))
    return found


def _own(wanted: Input) -> str | None:
    """Return the model that the workflow itself names."""
    return wanted.default if isinstance(wanted.default, str) else None


def _refusal(failure: Failure) -> RequestRefused:
    return RequestRefused(failure.kind, failure.template, failure.facts)


def missing_model(name: str | None, installed: tuple[str, ...]) -> Failure:
    """Build the failure for a model file that no backend has, with the installed ones."""
    kind = FailureKind.MISSING_MODEL
    facts: dict[str, object] = {"model": name, "installed": list(installed[:MAX_INSTALLED])}
    if not installed and name is None:
        return Failure(
            kind,
            "No usable model is installed. Tell the people who run this bot.",
            facts,
        )
    if not installed:
        return Failure(
            kind,
            "The model {model} is not installed, and no other is. "
            "Tell the people who run this bot.",
            facts,
        )
    facts["listed"] = list_names(installed)
    if name is None:
        return Failure(kind, "No model was chosen. Installed: {listed}.", facts)
    return Failure(kind, "The model {model} is not installed. Installed: {listed}.", facts)
