"""Follow-up actions on a result for which a backend can run a workflow."""

from collections.abc import Collection
from dataclasses import dataclass

from generation.backends.capability import find_classes
from generation.backends.pool import BackendPool
from generation.quota.costs import COUNT
from generation.record import Generation, GenerationState, Output
from generation.request import Requester, Value
from generation.requests.access import may_use
from generation.requests.checkpoints import offered_models
from generation.requests.enhancement import find_text
from generation.requests.selection import seed_names
from generation.requests.values import LORA, NEGATIVE, PROMPT, fits
from workflows.folders.catalog import Catalog
from workflows.manifest import Input, InputType, Kind
from workflows.workflow import Workflow

WRITERS = frozenset({Kind.DESCRIBE, Kind.ENHANCE})
"""Kinds of workflows that write prompts."""

PICTURE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp"})
"""Media types that a workflow accepts as a picture."""

MODEL, STRENGTH = "model", "strength"

_TIED_TO_MODEL = ("steps", "cfg", LORA)
"""Options that are kept only together with the model they were chosen for."""


@dataclass(frozen=True, slots=True)
class AvailableActions:
    """Follow-up actions on one generation's results; pictures are given by position.

    `words` says that its text can be used as a prompt.
    """

    upscale: tuple[int, ...] = ()
    vary: tuple[int, ...] = ()
    use: tuple[int, ...] = ()
    edit: tuple[int, ...] = ()
    animate: tuple[int, ...] = ()
    again: bool = False
    remix: bool = False
    words: bool = False


class ActionFinder:
    """Determines actions from the catalog and the pool, without requests or queries."""

    def __init__(self, catalog: Catalog, pool: BackendPool) -> None:
        self._catalog = catalog
        self._pool = pool

    def of(self, generation: Generation, requester: Requester | None = None) -> AvailableActions:
        """Return the current actions; none if it has not succeeded or was removed.

        With a requester, only actions whose workflow they may use here.
        """
        if generation.state is not GenerationState.SUCCEEDED or generation.removed_at is not None:
            return AvailableActions()
        pictures = [output for output in generation.outputs if is_picture(output)]
        positions = tuple(output.position for output in pictures)
        upscaler = self.find_upscaler(requester)
        small = [output for output in pictures if upscaler and _has_room(output, upscaler)]
        repainter = self.find_starter(generation, Kind.IMG2IMG, requester)
        own = self.find_own(generation)
        return AvailableActions(
            upscale=tuple(output.position for output in small),
            vary=positions if repainter and generation.prompt else (),
            use=positions if repainter else (),
            edit=positions if self.starters(Kind.EDIT, requester) else (),
            animate=positions if self.starters(Kind.IMG2VID, requester) else (),
            again=own is not None and bool(seed_names(own)),
            remix=own is not None and PROMPT in own.manifest.options,
            words=own is not None
            and own.manifest.kind in WRITERS
            and find_text(generation) is not None,
        )

    def title_of(self, workflow: str) -> str:
        """Return a workflow's title, or its name if the library no longer has it."""
        known = self._catalog.find(workflow)
        return known.manifest.title if known is not None else workflow

    def find_own(self, generation: Generation) -> Workflow | None:
        """Return the workflow that made it, if that can still be used, or tried."""
        workflow = self._catalog.find(generation.workflow)
        return workflow if workflow is not None and self._can_run(workflow) else None

    def find_upscaler(self, requester: Requester | None = None) -> Workflow | None:
        """Return a workflow that enlarges a picture and requires nothing else.

        With a requester, one that they may use here.
        """
        return next(iter(self.starters(Kind.UPSCALE, requester)), None)

    def find_starter(
        self,
        generation: Generation,
        kind: Kind,
        requester: Requester | None = None,
        given: Collection[str] = (),
    ) -> Workflow | None:
        """Return a workflow of a kind that starts from a picture and takes what else is given.

        The same workflow is preferred, then one for its model.
        """
        candidates = self.starters(kind, requester, given)
        if not candidates:
            return None
        model = generation.values.get(MODEL)

        def rank(workflow: Workflow) -> tuple[bool, bool]:
            has_model = model in offered_models(workflow, self._pool).get(MODEL, ())
            return workflow.name != generation.workflow, not has_model

        # min() keeps the library's order among equals.
        return min(candidates, key=rank)

    def carry(self, generation: Generation, workflow: Workflow) -> dict[str, Value]:
        """Return the values that mean the same to another workflow; never the seed."""
        offered = offered_models(workflow, self._pool)
        names = [NEGATIVE, COUNT]
        model = generation.values.get(MODEL)
        if model is not None and model in offered.get(MODEL, ()):
            names += [MODEL, *_TIED_TO_MODEL]
        values = {name: generation.values.get(name) for name in names}
        return {
            name: value
            for name, value in values.items()
            if value is not None and fits(workflow, name, value, offered)
        }

    def starters(
        self, kind: Kind, requester: Requester | None = None, given: Collection[str] = ()
    ) -> list[Workflow]:
        """Return the workflows of a kind that start from one picture and can run now.

        They require nothing but a prompt and the inputs in `given`, and have all of these.
        """
        return [
            workflow
            for workflow in self._catalog.of_kind(kind)
            if find_picture_input(workflow, given)
            and workflow.manifest.options.issuperset(given)
            and self._can_run(workflow)
            and (requester is None or may_use(workflow, requester))
        ]

    def _can_run(self, workflow: Workflow) -> bool:
        tags, classes = workflow.manifest.tags, find_classes(workflow.graph)
        return self._pool.has_tags(tags) and self._pool.inventory.can_run(classes)


def is_picture(output: Output) -> bool:
    """Return whether a workflow can start from this result."""
    return output.media_type in PICTURE_TYPES and output.width is not None


def find_picture_input(workflow: Workflow, given: Collection[str] = ()) -> Input | None:
    """Return the input for the picture; None if it requires more than what is given."""
    pictures = [input_ for input_ in workflow.manifest.inputs if input_.type is InputType.IMAGE]
    needed = [
        input_
        for input_ in workflow.manifest.inputs
        if input_.required
        and not input_.hidden
        and input_.name not in (PROMPT, *given)
        and input_ not in pictures[:1]
    ]
    return pictures[0] if pictures and not needed and not pictures[0].hidden else None


def _has_room(output: Output, workflow: Workflow) -> bool:
    """Return whether upscaling enlarges it: the input is scaled down to its area first."""
    wanted = find_picture_input(workflow)
    if wanted is None or wanted.max_pixels is None:
        return True
    return (output.width or 0) * (output.height or 0) <= wanted.max_pixels
