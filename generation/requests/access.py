"""Access checks of workflows by person, channel and age restriction."""

from generation.errors import FailureKind, RequestRefused
from generation.request import Requester
from workflows.workflow import Workflow


def check_access(workflow: Workflow, requester: Requester) -> None:
    """Raise RequestRefused if the requester may not use the workflow here."""
    access, facts = workflow.manifest.access, {"workflow": workflow.name}
    if requester.is_operator:
        return
    if access.channels and not {
        requester.channel_id,
        requester.parent_channel_id,
    }.intersection(access.channels):
        raise RequestRefused(
            FailureKind.NOT_ALLOWED_HERE,
            "The workflow {workflow} can be used in other channels only.",
            facts,
        )
    check_age(workflow, requester)
    if access.roles and requester.role_ids.isdisjoint(access.roles):
        raise RequestRefused(
            FailureKind.NOT_ALLOWED_HERE,
            "The workflow {workflow} can be used by people with another role only.",
            facts,
        )


def check_age(workflow: Workflow, requester: Requester) -> None:
    """Raise RequestRefused if its results must not be shown in this channel."""
    if workflow.manifest.access.age_restricted and not requester.is_channel_age_restricted:
        raise RequestRefused(
            FailureKind.NOT_ALLOWED_HERE,
            "The workflow {workflow} can be used in age-restricted channels only.",
            {"workflow": workflow.name},
        )


def may_use(workflow: Workflow, requester: Requester) -> bool:
    """Whether this person may use it where they are."""
    try:
        check_access(workflow, requester)
    except RequestRefused:
        return False
    return True
