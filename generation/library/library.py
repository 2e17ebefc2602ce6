"""Administration of workflows: adding, inspecting, enabling and disabling.

Callers must have checked that the actor may do it. Each action is recorded in the audit log.
"""

import asyncio
import logging
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime

from comfy.protocol.object_info import ObjectInfo
from db.database import Database, Session
from db.repositories.line import LineRepository
from generation.backends.common_classes import CommonClasses
from generation.backends.object_info_cache import KnownNodes
from generation.backends.pool import BackendPool
from generation.errors import FailureKind, InvalidAttachment, InvalidOption, RequestRefused
from generation.library.inspection import (
    Inspection,
    find_fitness,
    inspect_file,
    inspect_workflow,
    template_of,
)
from generation.library.kind_commands import summarise_kinds
from generation.library.models import WantedModel, find_wanted_models
from generation.library.summaries import WorkflowSummary, summarise
from generation.quota.policy import Access as RoleAccess
from generation.request import Actor, Requester
from generation.requests.access import may_use
from generation.requests.selection import unknown_workflow
from generation.text import clean_text
from generation.transactions import Service, reads, writes
from workflows.errors import InvalidManifest, NothingCarried, WorkflowUnusable
from workflows.folders.catalog import Catalog
from workflows.folders.managed_folder import ManagedFolder
from workflows.manifest import Access
from workflows.workflow import Workflow

RECENT_RUNS = 20
"""Recent runs whose median is the reported duration."""

MAX_TITLE_CHARACTERS = 100
"""As many as a manifest may have."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """One workflow as administrators see it; `state` is a word or two."""

    name: str
    title: str
    kind: str
    command: str | None
    state: str


class Library(Service):
    """Manages the workflows in the data folder, and passes node classes to the catalog."""

    def __init__(
        self,
        *,
        catalog: Catalog,
        pool: BackendPool,
        managed: ManagedFolder,
        known: KnownNodes,
        database: Database,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(database, clock)
        self._catalog = catalog
        self._pool = pool
        self._managed = managed
        self._known = known
        self._infos: dict[str, ObjectInfo] = {}
        self._on_change: Callable[[], None] = lambda: None

    async def open(self) -> None:
        """Load workflows with the stored descriptions; reload them when backends change."""
        kept = await asyncio.to_thread(self._known.load)
        self._infos = {name: info for name, info in kept.items() if name in self._pool.names}
        if self._infos:
            await self._catalog.learn(self._classes())
        else:
            await asyncio.to_thread(self._catalog.load)
        self._pool.inventory.listen(self._learn)

    def listen(self, on_change: Callable[[], None]) -> None:
        """Register a callback for changes of workflows or of what backends can run."""
        self._on_change = on_change

    def offered_to(self, requester: Requester, access: RoleAccess) -> tuple[WorkflowSummary, ...]:
        """Return the workflows that this person may use here and some backend can run."""
        found = self._catalog.workflows.values()
        return tuple(
            summarise(workflow)
            for workflow in found
            if may_use(workflow, requester, access) and self._is_usable(workflow)
        )

    def unusable(self) -> frozenset[str]:
        """Return the names of workflows that no backend can run, as last determined."""
        workflows = self._catalog.workflows
        return frozenset(name for name, one in workflows.items() if not self._is_usable(one))

    def missing_models(self) -> tuple[WantedModel, ...]:
        """Return the model files that workflows load and no backend has."""
        wanted = find_wanted_models(self._catalog.workflows.values(), self._offers())
        return tuple(model for model in wanted if model.is_missing)

    def require(self, name: str) -> None:
        """Raise RequestRefused unless a usable workflow has this name."""
        if name not in self._catalog.workflows:
            raise unknown_workflow(self._catalog.workflows)

    def kind_commands(self) -> tuple[WorkflowSummary, ...]:
        """Return the commands by kind that a workflow serves, as last determined."""
        return summarise_kinds(self._catalog, self._is_usable)

    def entries(self) -> tuple[LibraryEntry, ...]:
        """Return every workflow by name, including those that cannot be used yet."""
        entries = {name: _entry(name, "broken") for name in self._managed.names()}
        entries |= {name: _entry(name, "to be enabled") for name in self._managed.staged()}
        entries |= {name: _entry(name, "waiting for a GPU") for name in self._catalog.waiting}
        for state, found in (("off", self._catalog.disabled), ("on", self._catalog.workflows)):
            for name, workflow in found.items():
                manifest = workflow.manifest
                entries[name] = LibraryEntry(
                    name,
                    manifest.title,
                    manifest.kind.value,
                    manifest.command,
                    state,
                )
        return tuple(entries[name] for name in sorted(entries))

    def problems(self) -> tuple[str, ...]:
        """Return one sentence per faulty file, with its name but not its folder."""
        return tuple(
            f"{one.path.parent.name}/{one.path.name}: {one.sentence}"
            for one in self._catalog.problems
        )

    async def inspect(self, name: str) -> Inspection:
        """Report on an existing workflow. Raises RequestRefused."""
        workflow = self._catalog.workflows.get(name) or self._catalog.disabled.get(name)
        if workflow is None:
            content = await asyncio.to_thread(self._managed.load_staged, name)
            if content is None:
                raise unknown_workflow(self._catalog.workflows)
            manifest = await asyncio.to_thread(self._managed.load_staged_manifest, name)
            return await self._inspect_file(content, name, manifest)
        defaults = self._pool.default_models
        return inspect_workflow(workflow, self._offers(), default_models=defaults)

    @reads
    def seconds(self, session: Session, name: str) -> float | None:
        """Return the median duration of its recent runs; None if there were none."""
        runs = LineRepository(session).measured(name, RECENT_RUNS)
        return statistics.median(run.gpu_ms / 1000 for run in runs) if runs else None

    async def stage(self, actor: Actor, content: bytes, wanted: str) -> Inspection:
        """Store a file and report on it; before `enable`, only trials can use it.

        `wanted` is a name, or a file name from which one is derived. Raises RequestRefused with the
        reason if the file contains no workflow.
        """
        chosen = self._managed.choose_name(wanted)
        if chosen in self._catalog.workflows or chosen in self._catalog.disabled:
            raise InvalidOption(
                "There is a workflow {workflow} already. Give this one another name.",
                {"workflow": chosen},
            )
        report = await self._inspect_file(content, chosen)
        with _writing():
            await asyncio.to_thread(self._managed.stage, chosen, content)
        await asyncio.to_thread(self._catalog.load)
        await self._note(actor, "stage-workflow", chosen)
        return report

    async def enable(
        self, actor: Actor, name: str, *, cost: int | None = None, role_id: int | None = None
    ) -> Inspection:
        """Enable a workflow for everybody or for one role. Raises RequestRefused.

        `cost` is in pictures of the quota; it is required for workflows that call a paid service.
        """
        if name in self._managed.staged():
            report = _with_cost_and_role(await self.inspect(name), cost, role_id)
            if report.problems:
                raise InvalidOption(*template_of(report.problems[0]))
            with _writing():
                await asyncio.to_thread(self._managed.publish, name, report.manifest_text())
                await asyncio.to_thread(self._managed.switch_on, name)
        elif cost is not None or role_id is not None:
            raise InvalidOption(
                "{workflow} was added before: set cost and roles in its workflow.toml.",
                {"option": "cost", "workflow": name},
            )
        elif name in self._catalog.disabled:
            with _writing():
                await asyncio.to_thread(self._managed.switch_on, name)
        elif name not in self._catalog.workflows:
            raise unknown_workflow(self._catalog.workflows)
        await self.reload()
        await self._note(actor, "enable-workflow", name)
        return await self.inspect(name)

    async def disable(self, actor: Actor, name: str) -> None:
        """Disable a workflow; running generations finish. Raises RequestRefused."""
        if name not in self._catalog.workflows:
            raise unknown_workflow(self._catalog.workflows)
        with _writing():
            await asyncio.to_thread(self._managed.switch_off, name)
        await self.reload()
        await self._note(actor, "disable-workflow", name)

    async def remove(self, actor: Actor, name: str) -> None:
        """Remove a workflow; its files are kept in a hidden folder. Raises RequestRefused."""
        with _writing():
            was_there = await asyncio.to_thread(self._managed.remove, name)
        if not was_there:
            self._require_entry(name)
            raise InvalidOption(
                "The workflow {workflow} is not one that was added here. Disable it instead.",
                {"workflow": name},
            )
        await self.reload()
        await self._note(actor, "remove-workflow", name)

    async def rename(self, actor: Actor, name: str, title: str) -> Inspection:
        """Give one that was added here another title; its command and name stay.

        The title is kept in its manifest. Raises RequestRefused.
        """
        kept = clean_text(title).strip()[:MAX_TITLE_CHARACTERS]
        if not kept:
            raise InvalidOption("Type a title.")
        is_written = False
        with _writing(), suppress(InvalidManifest):
            is_written = await asyncio.to_thread(self._managed.set_title, name, kept)
        if not is_written:
            self._require_entry(name)
            raise InvalidOption(
                "The title of {workflow} can't be changed here. Change it in its workflow.toml.",
                {"workflow": name},
            )
        await self.reload()
        await self._note(actor, "rename-workflow", name, title=kept)
        return await self.inspect(name)

    def _require_entry(self, name: str) -> None:
        if name not in {one.name for one in self.entries()}:
            raise unknown_workflow(self._catalog.workflows)

    async def reload(self) -> None:
        """Read every file again."""
        await asyncio.to_thread(self._catalog.load)
        self._on_change()

    async def _inspect_file(
        self, content: bytes, name: str, manifest: str | None = None
    ) -> Inspection:
        try:
            return await asyncio.to_thread(
                inspect_file,
                content,
                name,
                self._offers(),
                manifest=manifest,
                default_models=self._pool.default_models,
            )
        except NothingCarried as error:
            raise InvalidAttachment(
                "There is no ComfyUI workflow in this file. Export it from ComfyUI's menu, or use "
                "a picture just as ComfyUI saved it: many sites take the workflow out."
            ) from error
        except WorkflowUnusable as error:
            raise InvalidAttachment(*template_of(error.sentences[0])) from error

    def _is_usable(self, workflow: Workflow) -> bool:
        """Return whether a backend has its nodes and models; True while none has answered."""
        infos, defaults = self._offers(), self._pool.default_models
        return self._pool.has_tags(workflow.manifest.tags) and (
            not infos or any(find_fitness(workflow, n, infos[n], defaults).can_run for n in infos)
        )

    def _offers(self) -> dict[str, ObjectInfo]:
        return {**self._infos, **self._pool.inventory.infos}

    def _classes(self) -> CommonClasses:
        return CommonClasses(tuple(self._offers().values()))

    async def _learn(self) -> None:
        """Handle changed descriptions: reload the catalog, and store them for the next start."""
        before, self._infos = self._infos, self._offers()
        await self._catalog.learn(self._classes())
        # Even if no workflow changed: commands by kind depend on the backends' models.
        self._on_change()
        if self._infos == before:
            return
        try:
            await asyncio.to_thread(self._known.save, self._infos)
        except OSError as error:
            _log.warning("What backends have could not be kept: %s", error)

    @writes
    def _note(
        self, session: Session, /, actor: Actor, action: str, name: str, **detail: str
    ) -> None:
        self._audit(session, actor, action, name, **detail)


def _with_cost_and_role(report: Inspection, cost: int | None, role_id: int | None) -> Inspection:
    """Return the report with this cost and role. Raises RequestRefused if a cost is needed."""
    if report.is_paid and cost is None:
        raise InvalidOption(
            "{workflow} calls a paid service. Enable it with a cost in pictures: "
            "/limner workflows enable.",
            {"option": "cost", "workflow": report.name},
        )
    if report.workflow is None:
        return report
    manifest = report.workflow.manifest
    terms = {
        "cost": manifest.cost if cost is None else cost,
        "access": manifest.access if role_id is None else Access(roles=(role_id,)),
    }
    manifest = manifest.model_copy(update=terms)
    return replace(report, workflow=replace(report.workflow, manifest=manifest))


def _entry(name: str, state: str) -> LibraryEntry:
    return LibraryEntry(name, name, "", None, state)


@contextmanager
def _writing() -> Iterator[None]:
    """Translate OSError into RequestRefused with a sentence."""
    try:
        yield
    except OSError as error:
        _log.error("A workflow's files cannot be written: %s", error)
        raise RequestRefused(
            FailureKind.WORKFLOW_ERROR,
            "The folder of the workflows cannot be written to: {reason}. "
            "Tell the people who run this bot.",
            {"reason": error.strerror or type(error).__name__},
        ) from error
