"""Access checks of workflows by person, role, channel and age restriction."""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from generation.errors import NotAllowedHere, RequestRefused
from generation.quota.policy import Access, is_allowed
from generation.request import GenerationRequest, Requester, Value
from workflows.lora_tags import Lora, parse_value
from workflows.manifest import Input, InputType
from workflows.workflow import Workflow

NOTHING_NAMED: Access = MappingProxyType({})

_CATEGORIES: Mapping[str, str] = {InputType.CHECKPOINT: "models", InputType.LORA: "loras"}
"""Categories of inputs whose values need access of their own."""


def check_access(workflow: Workflow, requester: Requester) -> None:
    """Raise RequestRefused if the requester may not use the workflow here."""
    access, facts = workflow.manifest.access, {"workflow": workflow.name}
    if requester.is_operator:
        return
    if access.channels and not {
        requester.channel_id,
        requester.parent_channel_id,
    }.intersection(access.channels):
        raise NotAllowedHere("The workflow {workflow} can be used in other channels only.", facts)
    check_age(workflow, requester)
    if access.roles and requester.role_ids.isdisjoint(access.roles):
        raise NotAllowedHere(
            "The workflow {workflow} can be used by people with another role only.", facts
        )


def check_age(workflow: Workflow, requester: Requester) -> None:
    """Raise RequestRefused if its results must not be shown in this channel."""
    if workflow.manifest.access.age_restricted and not requester.is_channel_age_restricted:
        raise NotAllowedHere(
            "The workflow {workflow} can be used in age-restricted channels only.",
            {"workflow": workflow.name},
        )


def check_role_access(
    access: Access,
    workflow: Workflow,
    request: GenerationRequest,
    values: Mapping[str, Value],
    loras: Sequence[Lora],
) -> None:
    """Raise RequestRefused for values that the requester's roles do not allow.

    `values` are those written to the graph, `loras` those named in the prompt. An option with the
    workflow's own value needs no access.
    """
    chosen = (*_find_chosen(workflow, request, values), *(("loras", one.name) for one in loras))
    for category, name in chosen:
        if not is_allowed(access, category, name):
            raise NotAllowedHere("Your roles cannot use {option} here.", {"option": name})


def _find_chosen(
    workflow: Workflow, request: GenerationRequest, values: Mapping[str, Value]
) -> Iterator[tuple[str, str]]:
    yield "workflows", workflow.name
    for wanted in workflow.manifest.inputs:
        value = values.get(wanted.name)
        if wanted.hidden or value is None:
            continue
        if wanted.type is InputType.CHECKPOINT:
            yield "models", str(value)
        elif wanted.type is InputType.LORA and value != wanted.default:
            yield from (("loras", lora.name) for lora in parse_value(str(value)))
    for name, value in request.values.items():
        known = workflow.manifest.find(name)
        if known is not None and value != known.default:
            yield "options", name
    given = (*request.files, *(["size"] if request.aspect else []))
    yield from (("options", name) for name in given)


def may_choose(access: Access, wanted: Input, choice: str) -> bool:
    """Return whether roles with this access may set the input to this value."""
    category = _CATEGORIES.get(wanted.type)
    return category is None or is_allowed(access, category, choice)


def may_use(workflow: Workflow, requester: Requester, access: Access = NOTHING_NAMED) -> bool:
    """Return whether this person may use the workflow here."""
    if not is_allowed(access, "workflows", workflow.name):
        return False
    try:
        check_access(workflow, requester)
    except RequestRefused:
        return False
    return True
