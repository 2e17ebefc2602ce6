"""The workflows that people may use, and the choices of their inputs."""

from collections.abc import Iterator

from generation.backends.pool import BackendPool
from generation.library.summaries import WorkflowSummary, summarise
from generation.quota.policy import Access
from generation.record import Generation
from generation.request import Requester
from generation.requests.access import NOTHING_NAMED, may_choose, may_use
from generation.requests.checkpoints import offered_models
from generation.requests.repetition import find_workflow
from generation.requests.selection import DEFAULT_KINDS
from workflows.folders.catalog import Catalog
from workflows.workflow import Workflow


class WorkflowOffers:
    """Reads the catalog and the pool, without requests or queries."""

    def __init__(self, catalog: Catalog, pool: BackendPool) -> None:
        self._catalog = catalog
        self._pool = pool

    def workflows(
        self, requester: Requester | None = None, access: Access = NOTHING_NAMED
    ) -> tuple[WorkflowSummary, ...]:
        """Return every usable workflow, or those that this person may use here."""
        return tuple(summarise(workflow) for workflow in self._usable(requester, access))

    def workflow_of(self, generation: Generation) -> WorkflowSummary:
        """Return the workflow that made it. Raises RequestRefused if it is gone."""
        return summarise(find_workflow(generation, self._catalog))

    def files(
        self,
        kind: str,
        workflow: str | None = None,
        requester: Requester | None = None,
        access: Access = NOTHING_NAMED,
    ) -> tuple[str, ...]:
        """Return backends' files for one workflow's inputs of this type, or for the default ones'.

        Types are "checkpoint" and "lora". What this person may not use is left out.
        """
        found: dict[str, None] = {}
        for one in self._usable(requester, access):
            if one.manifest.kind in DEFAULT_KINDS if workflow is None else one.name == workflow:
                for wanted in one.manifest.inputs:
                    if wanted.type == kind:
                        found.update(dict.fromkeys(self.choices(one.name, wanted.name, access)))
        return tuple(found)

    def choices(
        self, workflow: str, option: str, access: Access = NOTHING_NAMED
    ) -> tuple[str, ...]:
        """Return the choices of an input; empty if unknown, or if it is not a list.

        Models that are not in `access` are left out.
        """
        found = self._catalog.workflows.get(workflow)
        wanted = found.manifest.find(option) if found else None
        if found is None or wanted is None or wanted.hidden:
            return ()
        choices = offered_models(found, self._pool).get(option, wanted.choices)
        return tuple(choice for choice in choices if may_choose(access, wanted, choice))

    def _usable(self, requester: Requester | None, access: Access) -> Iterator[Workflow]:
        for workflow in self._catalog.workflows.values():
            if requester is None or may_use(workflow, requester, access):
                yield workflow
