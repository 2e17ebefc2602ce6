"""The generations that a generation was made from."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import takewhile, zip_longest

from generation.record import Generation, Output
from generation.request import Requester
from generation.requests.access import check_age
from workflows.folders.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Picture:
    """One result of a generation from which another one starts."""

    generation: Generation
    output: Output


class Lineage:
    """Looks ancestors up by `find_ancestors`, which returns those of a generation's id."""

    def __init__(
        self,
        find_ancestors: Callable[[str], Awaitable[tuple[Generation, ...]]],
        catalog: Catalog,
    ) -> None:
        self._find_ancestors = find_ancestors
        self._catalog = catalog

    async def check_age(self, generation: Generation, requester: Requester) -> None:
        """Raise RequestRefused if it, or what it was made from, must not be shown in this channel.

        What is made from results of an age-restricted workflow is age-restricted, too.
        """
        if requester.is_channel_age_restricted or not self._catalog.has_age_restricted:
            return
        for one in (generation, *await self.ancestors(generation)):
            workflow = self._catalog.find(one.workflow) or self._catalog.disabled.get(one.workflow)
            if workflow is not None:
                check_age(workflow, requester)

    async def visible(self, generation: Generation, requester: Requester) -> tuple[Generation, ...]:
        """Return its visible ancestors, the nearest first, up to the first invisible one."""
        ancestors = await self.ancestors(generation)
        return tuple(takewhile(lambda one: one.is_visible_to(requester), ancestors))

    async def ancestors(self, generation: Generation) -> tuple[Generation, ...]:
        """Return all ancestors, the nearest first, up to the root or to a deleted one."""
        if generation.parent_id is None:
            return ()
        return await self._find_ancestors(generation.id)

    async def owns_attachments(self, generation: Generation, requester: Requester) -> bool:
        """Return whether all its inputs are this person's, or results it started from.

        Repetitions reuse the attachments of the first of them. If that one was deleted, the owner
        is unknown.
        """
        ancestors = await self.ancestors(generation)
        for child, parent in zip_longest((generation, *ancestors), ancestors):
            if child.user_id != requester.user_id:
                return False
            if child.parent_position is not None or child.parent_id is None:
                return True
            if parent is None:
                return False
        return True

    async def find_start(self, generation: Generation, requester: Requester) -> Picture | None:
        """Return the result it started from, skipping generations that merely repeated it.

        None if this person cannot see it, or if it was deleted.
        """
        for child, parent in zip(
            chain := (generation, *await self.ancestors(generation)), chain[1:], strict=False
        ):
            if child.parent_position is not None:
                if parent.removed_at is not None or not parent.is_visible_to(requester):
                    return None
                found = [
                    output for output in parent.outputs if output.position == child.parent_position
                ]
                return Picture(parent, found[0]) if found else None
        return None
