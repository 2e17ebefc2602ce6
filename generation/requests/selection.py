"""Selection of a request's workflow, which must have an input for every given value."""

from collections.abc import Collection, Iterable

from generation.backends.capability import find_classes
from generation.backends.pool import BackendPool
from generation.errors import FailureKind, InvalidOption, RequestRefused
from generation.quota.policy import Access
from generation.request import GenerationRequest
from generation.requests.access import NOTHING_NAMED, check_access, may_use
from generation.requests.checkpoints import resolve_models
from generation.requests.values import PROMPT, SIZE
from generation.text import is_visible
from workflows.folders.catalog import Catalog
from workflows.manifest import InputType, Kind
from workflows.workflow import Workflow

ASPECT = "aspect"
"""Option for an aspect ratio, which sets a workflow's size input."""


DEFAULT_KINDS = frozenset({Kind.TXT2IMG, Kind.IMG2IMG, Kind.EDIT, Kind.INPAINT})
"""Kinds selected for a request without a workflow."""


def select_workflow(
    request: GenerationRequest,
    catalog: Catalog,
    pool: BackendPool,
    access: Access = NOTHING_NAMED,
) -> Workflow:
    """Return the requested workflow, or the default with an input for everything given.

    Raises RequestRefused if there is none, or if an input is missing.
    """
    options = _given_options(request)
    if request.workflow is None:
        return _select_default(request, options, catalog, pool, access)
    find = catalog.find if request.is_trial else catalog.workflows.get
    workflow = find(request.workflow)
    if workflow is None:
        raise unknown_workflow(catalog.workflows)
    if request.kinds and workflow.manifest.kind not in request.kinds:
        raise InvalidOption(
            "The workflow {workflow} makes something else. Choose one from the list.",
            {"option": "workflow", "workflow": workflow.name},
        )
    check_access(workflow, request.requester)
    missing = without_place(workflow, options, takes_hidden=request.requester.is_operator)
    if missing:
        raise no_place(workflow, missing)
    if not pool.has_tags(workflow.manifest.tags):
        raise RequestRefused(
            FailureKind.WORKFLOW_ERROR,
            "No GPU has the tags that {workflow} needs: {tags}. Tell the people who run this bot.",
            {"workflow": workflow.name, "tags": ", ".join(sorted(workflow.manifest.tags))},
        )
    return workflow


def _given_options(request: GenerationRequest) -> tuple[str, ...]:
    given = [name for name, value in request.values.items() if value is not None]
    given.extend(request.files)
    # Members cannot omit the prompt, even for workflows without one.
    if request.requester.is_operator and is_visible(request.prompt):
        given.append(PROMPT)
    if request.aspect is not None:
        given.append(ASPECT)
    return tuple(given)


def without_place(
    workflow: Workflow, options: Iterable[str], *, takes_hidden: bool = False
) -> tuple[str, ...]:
    """Return the given options, as people name them, that the workflow lacks.

    Hidden inputs count only with `takes_hidden`, except for the prompt.
    """
    offered = workflow.manifest.options
    if takes_hidden:
        offered |= workflow.manifest.input_names - {PROMPT}
    return tuple(name for name in options if (SIZE if name == ASPECT else name) not in offered)


def unknown_workflow(names: Iterable[str]) -> RequestRefused:
    """Build the refusal for an unknown workflow."""
    return InvalidOption(
        "There is no workflow of that name. Choose one from the list.",
        {"option": "workflow", "choices": sorted(names)},
    )


def no_place(workflow: Workflow, missing: Iterable[str]) -> RequestRefused:
    """Build the refusal for options that the workflow does not have."""
    return InvalidOption(
        "The workflow {workflow} has no place for: {missing}. "
        "Leave that out, or choose another workflow.",
        {"workflow": workflow.name, "missing": ", ".join(missing)},
    )


def _select_default(
    request: GenerationRequest,
    options: Collection[str],
    catalog: Catalog,
    pool: BackendPool,
    access: Access,
) -> Workflow:
    kinds = _default_kinds(request)
    candidates = [
        workflow
        for kind in kinds
        for workflow in catalog.of_kind(kind)
        if may_use(workflow, request.requester, access)
    ]
    if not candidates:
        raise InvalidOption(
            "There is no workflow for that ({kind}). Choose one by name.",
            {"option": "workflow", "kind": kinds[0].value},
        )
    takes_hidden = request.requester.is_operator
    missing = [without_place(one, options, takes_hidden=takes_hidden) for one in candidates]
    fitting = [one for one, lacking in zip(candidates, missing, strict=True) if not lacking]
    if not fitting:
        raise no_place(candidates[0], missing[0])
    # Where all lack one, the refusal that follows names it.
    complete = [one for one in fitting if not _lacks_input(one, request)] or fitting
    runnable = (one for one in complete if _can_run(one, request, pool))
    return next(runnable, complete[0])


def _default_kinds(request: GenerationRequest) -> tuple[Kind, ...]:
    """Return the kinds that fit the given pictures, the most likely first."""
    if request.kinds:
        return tuple(Kind(kind) for kind in request.kinds)
    if "mask" in request.files:
        return (Kind.INPAINT,)
    if len(request.files) > 1:
        return (Kind.EDIT,)
    return (Kind.IMG2IMG, Kind.EDIT) if request.files else (Kind.TXT2IMG,)


def _lacks_input(workflow: Workflow, request: GenerationRequest) -> bool:
    given = {*request.values, *request.files}
    if is_visible(request.prompt):
        given.add(PROMPT)
    return any(
        wanted.required and not wanted.hidden and wanted.name not in given
        for wanted in workflow.manifest.inputs
    )


def _can_run(workflow: Workflow, request: GenerationRequest, pool: BackendPool) -> bool:
    tags, classes = workflow.manifest.tags, find_classes(workflow.graph)
    if not (pool.has_tags(tags) and pool.inventory.can_run(classes)):
        return False
    try:
        resolve_models(workflow, request.values, pool)
    except RequestRefused:
        return False
    return True


def settle_prompt(prompt: str, workflow: Workflow) -> str:
    """Return the prompt to use: the typed one, or the workflow's default.

    Raises RequestRefused if the workflow requires one.
    """
    wanted = workflow.manifest.find(PROMPT)
    if is_visible(prompt) or wanted is None or wanted.hidden:
        return prompt
    if wanted.required:
        raise InvalidOption("The prompt is empty. Say what the picture shows.", {"option": PROMPT})
    return wanted.default if isinstance(wanted.default, str) else ""


def seed_names(workflow: Workflow) -> tuple[str, ...]:
    """Return the names of inputs that take a seed."""
    return tuple(one.name for one in workflow.manifest.inputs if one.type is InputType.SEED)
