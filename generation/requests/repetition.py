"""Repetition of a recorded generation as a new request."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from generation.errors import InvalidOption
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


def derive_from(
    source: Generation, requester: Requester, prompt: str, derivation: Derivation
) -> GenerationRequest:
    """Build a request that is derived from a generation, and is shown as that one is."""
    return GenerationRequest(
        requester,
        prompt,
        private=source.private,
        spoiler=source.spoiler,
        layout=source.layout,
        keeps_metadata=source.keeps_metadata,
        parent_id=source.id,
        derivation=derivation,
    )


def repeat(
    source: Generation,
    attachments: Mapping[str, FetchFile],
    workflow: Workflow,
    requester: Requester,
    derivation: Derivation,
) -> GenerationRequest:
    """Build the request again for a new requester, without values whose input is gone.

    Only Derivation.AGAIN drops the seed.
    """
    offered = workflow.manifest.options
    files = {name: fetch for name, fetch in attachments.items() if name in offered}
    is_again = derivation is Derivation.AGAIN
    kept = offered - {PROMPT, *(seed_names(workflow) if is_again else ())}
    prompt = source.typed_prompt or source.prompt
    return replace(
        derive_from(source, requester, prompt, derivation),
        workflow=source.workflow,
        values={name: value for name, value in source.values.items() if name in kept},
        files=files,
        results=frozenset() if source.edited else frozenset(files),
        is_edit=source.edited,
        follow_up=source.follow_up or {},
    )
