"""Prompt enhancement: the request for a better prompt, and the one that uses its text."""

from collections.abc import Mapping
from dataclasses import replace

from generation.errors import InvalidOption
from generation.record import Generation
from generation.request import Derivation, GenerationRequest, Requester, Value
from generation.requests.repetition import derive_from
from workflows.manifest import Kind

WORKFLOW, ASPECT = "workflow", "aspect"


def enhance_first(request: GenerationRequest) -> GenerationRequest:
    """Return the request for a better prompt, which keeps the options for the second one.

    Raises RequestRefused for a request with pictures, which are not kept.
    """
    if request.files:
        raise InvalidOption(
            "Leave pictures out to enhance a prompt. Attach them when you use it.",
            {"option": "enhance"},
        )
    given = {WORKFLOW: request.workflow, ASPECT: request.aspect}
    kept = {name: value for name, value in given.items() if value is not None}
    return replace(
        request,
        kinds=(Kind.ENHANCE,),
        workflow=None,
        values={},
        aspect=None,
        follow_up={**request.values, **kept},
    )


def find_text(generation: Generation) -> str | None:
    """Return the text that a generation produced, if any."""
    return next((output.text for output in generation.outputs if output.text), None)


def use_text(source: Generation, requester: Requester, prompt: str) -> GenerationRequest:
    """Return the request for what the text of a result describes, with the kept options."""
    kept: Mapping[str, Value] = source.follow_up or {}
    workflow, aspect = kept.get(WORKFLOW), kept.get(ASPECT)
    return replace(
        derive_from(source, requester, prompt, Derivation.REMIX),
        workflow=None if workflow is None else str(workflow),
        values={name: value for name, value in kept.items() if name not in (WORKFLOW, ASPECT)},
        aspect=None if aspect is None else str(aspect),
    )
