"""Derived requests: upscale, variation, repetition, remix, and use as an input."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Self

from generation.errors import (
    GenerationRemoved,
    InvalidAttachment,
    InvalidOption,
    NotYours,
    RequestRefused,
    UnknownGeneration,
)
from generation.history.records import ServiceRecords
from generation.ids import normalise_id
from generation.media.decoding import decode
from generation.media.inputs import fit_input
from generation.record import Generation, Output
from generation.request import (
    Derivation,
    FetchFile,
    GenerationRequest,
    Requester,
    Value,
)
from generation.requests.available_actions import (
    STRENGTH,
    ActionFinder,
    find_picture_input,
    is_picture,
)
from generation.requests.enhancement import use_text
from generation.requests.lineage import Lineage, Picture
from generation.requests.repetition import derive_from, find_workflow, listed_values, repeat
from generation.requests.selection import no_place
from generation.requests.values import SIZE, find_lora_input, follows_picture, picture_inputs
from workflows.folders.catalog import Catalog
from workflows.lora_tags import split_tags
from workflows.manifest import InputType, Kind
from workflows.workflow import Workflow

IMAGE, MASK = "image", "mask"

FetchCopy = Callable[[Generation, Output], Awaitable[bytes | None]]
"""Downloads a result as a front end posted it, after its stored contents were pruned."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes to a repeated request; a value of None removes the old one."""

    prompt: str
    values: Mapping[str, Value | None]
    aspect: str | None = None
    picture: FetchFile | None = None
    """Replaces the picture from which it started."""
    listed: Mapping[str, Value] | None = None
    """All values that `listed_values` returns; None changes none of them."""


@dataclass(frozen=True, slots=True)
class Start:
    """How to continue from a picture; `files` are further attachments, by input.

    Without a `workflow`, one of the kind that takes the files is selected.
    """

    prompt: str
    kind: str = Kind.IMG2IMG.value
    strength: float | None = None
    files: Mapping[str, FetchFile] = field(default_factory=dict)
    workflow: str | None = None


class Derivations:
    """Builds derived requests, from the records of what they derive from.

    With `fetch_copy`, results that are no longer stored can be used, too.
    """

    def __init__(
        self,
        records: ServiceRecords,
        action_finder: ActionFinder,
        catalog: Catalog,
        fetch_copy: FetchCopy | None = None,
    ) -> None:
        self._records = records
        self._action_finder = action_finder
        self._catalog = catalog
        self._fetch_copy = fetch_copy
        self.lineage = Lineage(records.find_ancestors, catalog)

    def with_copies(self, fetch_copy: FetchCopy) -> Self:
        """Return an instance that fetches results with `fetch_copy`."""
        return type(self)(self._records, self._action_finder, self._catalog, fetch_copy)

    async def find_visible(self, generation_id: str, requester: Requester) -> Generation:
        """Return a generation that the requester may see.

        Raises UnknownGeneration, NotYours, GenerationRemoved.
        """
        generation = await self._records.find(normalise_id(generation_id))
        if generation is None:
            raise UnknownGeneration(generation_id)
        if not generation.is_visible_to(requester):
            raise NotYours(generation.id)
        if generation.removed_at is not None:
            raise GenerationRemoved(generation.id)
        return generation

    async def upscale(
        self, generation_id: str, position: int, requester: Requester
    ) -> GenerationRequest:
        """Upscale one of its pictures. Raises RequestRefused and as `find_visible` does."""
        source = await self._find_source(generation_id, requester)
        workflow = self._action_finder.find_upscaler(requester)
        return self._build_from_picture(source, position, requester, workflow, Derivation.UPSCALE)

    async def vary(
        self, generation_id: str, position: int, requester: Requester
    ) -> GenerationRequest:
        """Vary one of its pictures with the same prompt. Raises as `upscale` does."""
        source = await self._find_source(generation_id, requester)
        workflow = self._action_finder.find_starter(source, Kind.IMG2IMG, requester)
        values = self._action_finder.carry(source, workflow) if workflow else {}
        return self._build_from_picture(
            source, position, requester, workflow, Derivation.VARY, values=values
        )

    async def use(
        self, generation_id: str, position: int, requester: Requester, start: Start
    ) -> GenerationRequest:
        """Start from one of its pictures with another prompt. Raises as `upscale` does."""
        source = await self._find_source(generation_id, requester)
        workflow = self._find_starter(source, requester, start)
        changes = {
            "prompt": start.prompt,
            "values": {} if start.strength is None else {STRENGTH: start.strength},
        }
        return self._build_from_picture(
            source, position, requester, workflow, Derivation.INPUT, files=start.files, **changes
        )

    async def use_text(
        self, generation_id: str, requester: Requester, prompt: str
    ) -> GenerationRequest:
        """Use the text of a result as the prompt, with the options it was requested with.

        `prompt` is that text as edited. Raises as `find_visible` does.
        """
        source = await self._find_source(generation_id, requester)
        return use_text(source, requester, prompt)

    async def again(self, generation_id: str, requester: Requester) -> GenerationRequest:
        """Repeat it with a new seed. Raises as `upscale` does."""
        source = await self._find_source(generation_id, requester)
        return await self._repeat(source, requester, Derivation.AGAIN)

    async def retry(self, generation_id: str, requester: Requester) -> GenerationRequest:
        """Repeat it with the same seed. Raises as `upscale` does."""
        source = await self._find_source(generation_id, requester)
        return await self._repeat(source, requester, Derivation.RETRY)

    async def remix(
        self, generation_id: str, requester: Requester, changes: Changes
    ) -> GenerationRequest:
        """Repeat it with changes. Raises as `upscale` does."""
        source = await self._find_source(generation_id, requester)
        replaced = self._replace_picture(source, changes.picture)
        request = await self._repeat(source, requester, Derivation.REMIX, replaced)
        values = dict(request.values)
        if changes.listed is not None:
            for name in listed_values(source, values):
                del values[name]
            values.update(changes.listed)
        for name, value in changes.values.items():
            values.pop(name, None)
            if value is not None:
                values[name] = value
        if changes.aspect is not None or (
            replaced and follows_picture(find_workflow(source, self._catalog))
        ):
            values.pop(SIZE, None)
        return replace(
            request,
            prompt=changes.prompt,
            values=values,
            aspect=changes.aspect,
            files={**request.files, **replaced},
        )

    async def _find_source(self, generation_id: str, requester: Requester) -> Generation:
        """Return a generation from which something may be made here.

        Raises RequestRefused and as `find_visible` does.
        """
        source = await self.find_visible(generation_id, requester)
        await self.lineage.check_age(source, requester)
        return source

    def _find_starter(
        self, source: Generation, requester: Requester, start: Start
    ) -> Workflow | None:
        """Return the workflow for a picture, taking a mask or further pictures if given."""
        kind = Kind(start.kind)
        if start.files and kind is Kind.IMG2IMG:
            kind = Kind.INPAINT if MASK in start.files else Kind.EDIT
        if start.workflow is None:
            return self._action_finder.find_starter(source, kind, requester, start.files)
        offered = self._action_finder.starters(kind, requester, start.files)
        return next((workflow for workflow in offered if workflow.name == start.workflow), None)

    def _replace_picture(
        self, source: Generation, picture: FetchFile | None
    ) -> Mapping[str, FetchFile]:
        """Return the replacement by its input, empty without one. Raises RequestRefused."""
        if picture is None:
            return {}
        workflow = find_workflow(source, self._catalog)
        for name, kind in picture_inputs(workflow).items():
            if kind is InputType.IMAGE and name in workflow.manifest.options:
                return {name: picture}
        raise no_place(workflow, [IMAGE])

    def _build_from_picture(
        self,
        source: Generation,
        position: int,
        requester: Requester,
        workflow: Workflow | None,
        derivation: Derivation,
        files: Mapping[str, FetchFile] = MappingProxyType({}),
        **changes: Any,  # noqa: ANN401 - fields of the request
    ) -> GenerationRequest:
        """Build a request of this workflow with one of the source's pictures as its input.

        Raises RequestRefused if there is no workflow, or if none of its inputs takes a picture.
        """
        picture_input = find_picture_input(workflow, files) if workflow else None
        if workflow is None or picture_input is None:
            raise InvalidOption(
                "No workflow can do that right now. Ask the people who run this bot to add one."
            )
        output = _find_picture(source, position)
        takes_loras = find_lora_input(workflow) is not None
        prompt = source.prompt if takes_loras else split_tags(source.prompt)[0]
        request = replace(
            derive_from(source, requester, prompt, derivation),
            workflow=workflow.name,
            files={
                picture_input.name: partial(self._fetch_start, Picture(source, output)),
                **files,
            },
            results=frozenset({picture_input.name}),
            is_edit=source.edited,
            parent_position=position,
        )
        return replace(request, **changes)

    async def _repeat(
        self,
        source: Generation,
        requester: Requester,
        derivation: Derivation,
        replaced: Collection[str] = (),
    ) -> GenerationRequest:
        """Build the repeated request, without the pictures that are `replaced`."""
        workflow = find_workflow(source, self._catalog)
        names = await self._records.find_input_names(source.id)
        given = [name for name in names if name not in replaced]
        if not await self.lineage.owns_attachments(source, requester):
            request = repeat(source, {}, workflow, requester, derivation)
            return await self._build_from_result(source, workflow, request, given, replaced)
        attachments = {name: partial(self._fetch_input, source.id, name) for name in given}
        request = repeat(source, attachments, workflow, requester, derivation)
        missing = [
            name
            for name, kind in picture_inputs(workflow).items()
            if kind is InputType.IMAGE and name not in (*request.files, *replaced)
        ]
        if not missing or not _needs(workflow, missing[0]):
            return request
        # Inputs are pruned after a while; the result that they came from may still exist.
        start = await self.lineage.find_start(source, requester)
        if start is None or len(missing) > 1:
            raise _input_gone()
        return self._start_from(request, start, missing[0])

    async def _build_from_result(
        self,
        source: Generation,
        workflow: Workflow,
        request: GenerationRequest,
        given: Collection[str],
        replaced: Collection[str],
    ) -> GenerationRequest:
        """Start it from the posted result: other people's attachments stay private.

        At a low strength a workflow returns nearly what it was given, so attachments are not
        reused.
        """
        attached = [
            input_
            for input_ in workflow.manifest.inputs
            if input_.type.is_attached
            and input_.name not in replaced
            and (input_.required or input_.name in given)
        ]
        if not attached:
            return request
        start = await self.lineage.find_start(source, request.requester) or _find_result(source)
        first = next((input_ for input_ in attached if input_.type is InputType.IMAGE), None)
        lacking = [input_.name for input_ in attached if input_ is not first or start is None]
        if lacking or first is None or start is None:
            raise InvalidAttachment(
                "Only the person who attached it can reuse it. Attach your own with the command: "
                "{missing}.",
                {"missing": ", ".join(lacking)},
            )
        return self._start_from(request, start, first.name)

    def _start_from(
        self, request: GenerationRequest, start: Picture, name: str
    ) -> GenerationRequest:
        is_parent = start.generation.id == request.parent_id
        return replace(
            request,
            files={**request.files, name: partial(self._fetch_start, start)},
            results=request.results | {name},
            parent_position=start.output.position if is_parent else None,
        )

    async def _fetch_start(self, start: Picture) -> bytes:
        """Load a result from storage, or as it was posted. Raises RequestRefused."""
        generation, output = start.generation, start.output
        kept = await self._records.contents(generation.id)
        content = next(
            (one.content for one in kept if one.output.position == output.position), None
        )
        if content is None and self._fetch_copy is not None:
            content = await self._fetch_copy(generation, output)
        if content is None:
            raise InvalidAttachment(
                "This picture is no longer stored. Make it again with the same seed."
            )
        # Results may be larger than attachments.
        return await decode(fit_input, content)

    async def _fetch_input(self, generation_id: str, name: str) -> bytes:
        """Read an input file again: requests that wait for admission hold no pictures."""
        order = await self._records.find_order(generation_id)
        for file in order.files if order else ():
            if file.name == name:
                return file.content
        raise _input_gone()


def _find_result(generation: Generation) -> Picture | None:
    """Return the first result that a workflow can start from."""
    output = next(filter(is_picture, generation.outputs), None)
    return Picture(generation, output) if output is not None else None


def _needs(workflow: Workflow, name: str) -> bool:
    input_ = workflow.manifest.find(name)
    return input_ is not None and input_.required


def _find_picture(generation: Generation, position: int) -> Output:
    for output in generation.outputs:
        if output.position == position and is_picture(output):
            return output
    raise InvalidOption("There is no such picture among these results: choose another one.")


def _input_gone() -> RequestRefused:
    return InvalidAttachment("The picture it started from is no longer stored. Attach it again.")
