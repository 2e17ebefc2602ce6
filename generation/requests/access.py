"""Who may use a workflow, and where; and what it costs."""

import math
from collections.abc import Mapping

from generation.errors import FailureKind, RequestRefused
from generation.request import Requester, Value
from workflows.manifest import Manifest
from workflows.sizes import parse_pair
from workflows.workflow import Workflow

COUNT = "count"


def check_access(workflow: Workflow, requester: Requester) -> None:
    """Refuse who may not use it, or not here. Raises RequestRefused."""
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
    """Refuse where its results must not be seen. Raises RequestRefused."""
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


def cost_of(manifest: Manifest, values: dict[str, Value]) -> int:
    """What a request takes from the daily allowance, in pictures."""
    return manifest.cost * count_of(values) * _units(manifest, values)


def count_of(values: Mapping[str, Value]) -> int:
    """How many pictures are asked for."""
    count = values.get(COUNT)
    return max(count, 1) if isinstance(count, int) and not isinstance(count, bool) else 1


def _units(manifest: Manifest, values: dict[str, Value]) -> int:
    """How many units of what the cost counts are begun; 1 where it counts nothing."""
    if manifest.cost_input is None or manifest.cost_unit is None:
        return 1
    value = values.get(manifest.cost_input)
    pair = parse_pair(value) if isinstance(value, str) else None
    amount = pair[0] * pair[1] if pair else value
    if not isinstance(amount, int | float):
        return 1
    return max(1, math.ceil(amount / manifest.cost_unit))
