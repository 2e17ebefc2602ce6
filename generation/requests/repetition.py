"""Repetition of a recorded generation as a new request."""

from collections.abc import Callable, Collection

from generation.errors import InvalidOption
from generation.history.records import Order
from generation.record import Generation
from generation.request import Derivation, FetchFile, GenerationRequest, Requester, Value
from generation.requests.selection import seed_names
from generation.requests.values import NEGATIVE, PROMPT, SIZE
from workflows.folders.catalog import Catalog
from workflows.workflow import Workflow

NOT_LISTED = frozenset({PROMPT, NEGATIVE, SIZE})
"""Inputs for which a remix has fields of their own."""


def listed_values(generation: Generation, offered: Collection[str]) -> dict[str, Value]:
    """Return the values that a remix offers as lines of `name=value`."""
    return {
        name: value
        for name, value in generation.values.items()
        if name in offered and name not in NOT_LISTED and len(str(value).splitlines()) == 1
    }


def find_workflow(generation: Generation, catalog: Catalog) -> Workflow:
    """Return the workflow that made it. Raises RequestRefused if it is gone."""
    workflow = catalog.find(generation.workflow)
    if workflow is None:
        raise InvalidOption(
            "The workflow is no longer in the library. Choose another one with /imagine."
        )
    return workflow


def repeat(
    order: Order,
    fetch_input: Callable[[str], FetchFile],
    workflow: Workflow,
    requester: Requester,
    derivation: Derivation,
    *,
    keeps_seed: bool,
) -> GenerationRequest:
    """Build the request again for a new requester, without values whose input is gone.

    Privacy and spoiler are kept. Attachments are fetched by input name.
    """
    before = order.generation
    names = [image.name for image in order.images if image.name in workflow.manifest.options]
    dropped = {PROMPT} if keeps_seed else {PROMPT, *seed_names(workflow)}
    offered = workflow.manifest.options - dropped
    return GenerationRequest(
        requester,
        before.typed_prompt or before.prompt,
        workflow=before.workflow,
        values={name: value for name, value in before.values.items() if name in offered},
        images={name: fetch_input(name) for name in names},
        results=frozenset() if before.edited else frozenset(names),
        is_edit=before.edited,
        private=before.private,
        spoiler=before.spoiler,
        layout=before.layout,
        keeps_metadata=before.keeps_metadata,
        parent_id=before.id,
        derivation=derivation,
        follow_up=before.follow_up or {},
    )
