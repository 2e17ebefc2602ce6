"""Checks of requests: the workflow, the prompt and all values, with what is drawn at random."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from generation.backends.pool import BackendPool
from generation.errors import InvalidOption
from generation.estimates import workload_of
from generation.moderation.image_filter import Ruling
from generation.moderation.word_filter import WordVerdict
from generation.prompts.lora_files import read_tags
from generation.prompts.wildcards import Lists, draw
from generation.quota.policy import Access
from generation.quota.rules import Cost
from generation.quota.usage import PersonRules
from generation.record import InputFile
from generation.request import GenerationRequest, Value
from generation.requests.checkpoints import offered_models, resolve_models
from generation.requests.selection import no_place, seed_names, select_workflow, settle_prompt
from generation.requests.values import (
    LORA,
    NEGATIVE,
    PROMPT,
    SIZE,
    clean_prompt,
    find_lora_input,
)
from generation.text import clean_text
from workflows import manifest
from workflows.binding import check
from workflows.errors import ValueRefused
from workflows.folders.catalog import Catalog
from workflows.lora_tags import Lora
from workflows.manifest import InputType
from workflows.values import coerce, largest_seed
from workflows.workflow import Workflow

MAX_DRAWN_SEED = 2**53
"""Upper bound of seeds that we draw: every JSON client represents them exactly."""

CHECK_LASTS = timedelta(seconds=5)
"""How long an acceptance relies on what a check read; changes by moderators and administrators in
between apply to the next request. Discord waits 3 seconds for the acknowledgement in between."""


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """A valid request before it is recorded; accepting the same request repeats no check."""

    request: GenerationRequest
    workflow: Workflow
    prompt: str
    typed_prompt: str
    loras: Sequence[Lora]
    values: dict[str, Value]
    files: Mapping[str, InputFile]
    seed: int | None
    workload: int
    cost: Cost = field(default_factory=Cost)
    words: WordVerdict = field(default_factory=WordVerdict)
    ruling: Ruling = field(default_factory=Ruling)
    rules: PersonRules | None = None
    checked_at: datetime | None = None

    def is_valid_for(self, request: GenerationRequest, now: datetime) -> bool:
        """Return whether the check was recent, and of an equal request.

        The pictures' bytes, and how the reply is shown, may differ.
        """
        checked = self.request
        comparable = replace(
            request,
            files=checked.files,
            private=checked.private,
            spoiler=checked.spoiler,
            layout=checked.layout,
            keeps_metadata=checked.keeps_metadata,
            reply=checked.reply,
        )
        is_same = comparable == checked and request.files.keys() == checked.files.keys()
        is_fresh = self.checked_at and timedelta() <= now - self.checked_at <= CHECK_LASTS
        return is_same and bool(is_fresh)


class RequestChecker:
    """Checks requests, and resolves everything that they leave open."""

    def __init__(self, catalog: Catalog, pool: BackendPool, random_source: random.Random) -> None:
        self._catalog = catalog
        self._pool = pool
        self._random = random_source

    def check(self, request: GenerationRequest, lists: Lists, access: Access) -> CheckedRequest:
        """Resolve workflow, prompt and values; everything but the pictures, which are slow."""
        typed = clean_prompt(request.prompt)
        workflow = select_workflow(request, self._catalog, self._pool, access)
        typed = settle_prompt(typed, workflow)
        seeds = self._draw_seeds(workflow, request.values)
        given_seed = _find_seed(workflow, {**seeds, **request.values})
        prompt, loras = self._draw_prompt(workflow, typed, lists, given_seed)
        given = dict(request.values)
        if negative := given.get(NEGATIVE):
            given[NEGATIVE] = draw(clean_text(str(negative)), lists, given_seed)
        values = self._check_values(workflow, request, given, prompt) | seeds
        checked_seed = _find_seed(workflow, values)
        seed = checked_seed if isinstance(checked_seed, int) else None
        return CheckedRequest(
            request, workflow, prompt, typed, loras, values, {}, seed, workload_of(values)
        )

    def _draw_prompt(
        self, workflow: Workflow, typed: str, lists: Lists, seed: object
    ) -> tuple[str, Sequence[Lora]]:
        """Return the prompt with alternatives drawn, and the LoRAs that it names."""
        if PROMPT not in workflow.manifest.options:
            return typed, ()
        wanted = find_lora_input(workflow)
        offered = offered_models(workflow, self._pool)
        choices = offered.get(wanted.name) if wanted else None
        prompt, loras = read_tags(draw(typed, lists, seed), choices)
        if loras and wanted is None:
            raise no_place(workflow, [LORA])
        return clean_prompt(prompt), loras

    def _check_values(
        self,
        workflow: Workflow,
        request: GenerationRequest,
        values: Mapping[str, Value],
        prompt: str,
    ) -> dict[str, Value]:
        given: dict[str, object] = {
            name: clean_text(value) if isinstance(value, str) else value
            for name, value in values.items()
            if value is not None
        }
        if request.aspect is not None:
            given[SIZE] = request.aspect
        models = resolve_models(workflow, given, self._pool)
        given.update({name: file for name, file in models.items() if name in given})
        if prompt and PROMPT in workflow.manifest.options:
            given[PROMPT] = prompt
        try:
            checked = check(
                workflow.manifest,
                given,
                attached=tuple(request.files),
                takes_hidden=request.requester.is_operator,
            )
        except ValueRefused as error:
            raise InvalidOption(error.template, {"option": error.name, **error.facts}) from error
        checked.update(models)
        checked.update(self._draw(workflow, given))
        checked.pop(PROMPT, None)
        return {name: _plain(value) for name, value in checked.items()}

    def _draw(self, workflow: Workflow, given: Mapping[str, object]) -> dict[str, manifest.Value]:
        """Draw a value for each omitted input whose manifest lists some."""
        offered = offered_models(workflow, self._pool)
        drawn: dict[str, manifest.Value] = {}
        for wanted in workflow.manifest.inputs:
            if wanted.draw and wanted.name not in given and wanted.name != PROMPT:
                known = offered.get(wanted.name)
                usable = [one for one in wanted.draw if known is None or one in known]
                drawn[wanted.name] = coerce(wanted, self._random.choice(usable or wanted.draw))
        return drawn

    def _draw_seeds(self, workflow: Workflow, given: Mapping[str, Value]) -> dict[str, Value]:
        """Draw each omitted seed."""
        return {
            wanted.name: self._random.randrange(min(MAX_DRAWN_SEED, largest_seed(wanted) + 1))
            for wanted in workflow.manifest.inputs
            if wanted.type is InputType.SEED
            and wanted.default is None
            and given.get(wanted.name) is None
        }


def _find_seed(workflow: Workflow, values: Mapping[str, Value]) -> Value | None:
    return next((values.get(name) for name in seed_names(workflow)), None)


def _plain(value: manifest.Value) -> Value:
    """Convert a value to its recorded form: a size becomes "1024x768"."""
    return f"{value[0]}x{value[1]}" if isinstance(value, tuple) else value
