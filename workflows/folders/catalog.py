"""The catalog: finds workflows in folders, loads them, and watches for changes."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

import watchfiles

from workflows.errors import WorkflowUnusable
from workflows.folders.loading import NeedsClasses, load_workflow
from workflows.folders.managed_folder import STAGED, SWITCHED_OFF, SWITCHED_ON, ManagedFolder
from workflows.folders.sources import MANIFEST_FILE, Source, find_source
from workflows.manifest import Kind
from workflows.nodes import NodeClasses
from workflows.workflow import Workflow

LIBRARY = Path(__file__).parents[1] / "library"
"""Folder of the workflows that ship with Limner."""

LOOK_AGAIN_MS = 2_000
"""Milliseconds between checks for folders that appeared or were replaced."""

STEP_MS = 250
"""Milliseconds between two reads of the system's reports. Each wakes a thread: watchfiles' default
of 50 ms is a fifth of the CPU time of an idle bot."""

_OnChange = Callable[[], object]
_Folders = Mapping[Path, int]
"""Existing folders with their inode numbers, by which a replaced folder is detected."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkflowProblem:
    """Why a file is not used, or only in an earlier version: one sentence for operators."""

    path: Path
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}: {self.sentence}"


@dataclass(frozen=True)
class _Snapshot:
    """Result of one reading of the folders, with each workflow also by its source."""

    workflows: Mapping[str, Workflow] = field(default_factory=dict)
    problems: tuple[WorkflowProblem, ...] = ()
    waiting: tuple[str, ...] = ()
    disabled: Mapping[str, Workflow] = field(default_factory=dict)
    by_path: Mapping[Path, Workflow] = field(default_factory=dict)
    staged: Mapping[str, Workflow] = field(default_factory=dict)


class Catalog:
    """The workflows of some folders; of two with the same name, the later folder's is used.

    Workflows that call paid services are disabled until they are enabled explicitly. `preferred`
    are names of workflows, best first, that precede others of their kind.

    A workflow that becomes invalid stays available in its last valid version and is listed in
    `problems`; it does not affect others. Returned values never change: `load` replaces them.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        classes: NodeClasses | None = None,
        preferred: Sequence[str] = (),
    ) -> None:
        self._folders = tuple(folders)
        self._preferred = tuple(preferred)
        self._classes = classes
        self._snapshot = _Snapshot()

    @property
    def workflows(self) -> Mapping[str, Workflow]:
        """Usable workflows by name, in alphabetical order."""
        return MappingProxyType(self._snapshot.workflows)

    def of_kind(self, *kinds: Kind) -> list[Workflow]:
        """Return the usable workflows of these kinds, the default first.

        The operator's preferred ones come first, then those named like their kind, then the rest by
        name.
        """

        def rank(workflow: Workflow) -> tuple[int, bool]:
            kind, is_preferred = workflow.manifest.kind, workflow.name in self._preferred
            place = self._preferred.index(workflow.name) if is_preferred else len(self._preferred)
            return place, workflow.name not in (kind.value, f"{kind}-sd")

        return sorted(
            (one for one in self.workflows.values() if one.manifest.kind in kinds), key=rank
        )

    @property
    def problems(self) -> tuple[WorkflowProblem, ...]:
        """Problems, in the order of the folders and their files."""
        return self._snapshot.problems

    @property
    def waiting(self) -> tuple[str, ...]:
        """Names of workflows that cannot be read before a backend has described its nodes."""
        return self._snapshot.waiting

    @property
    def disabled(self) -> Mapping[str, Workflow]:
        """Disabled workflows, by name."""
        return MappingProxyType(self._snapshot.disabled)

    def find(self, name: str) -> Workflow | None:
        """Return a usable workflow, or else an upload of that name that is not enabled yet."""
        return self._snapshot.workflows.get(name) or self._snapshot.staged.get(name)

    @property
    def has_age_restricted(self) -> bool:
        """Whether any workflow is age-restricted, usable or not."""
        known = self._snapshot
        return any(
            workflow.manifest.access.age_restricted
            for group in (known.workflows, known.staged, known.disabled)
            for workflow in group.values()
        )

    def load(self) -> None:
        """Read the folders again. A missing folder counts as empty."""
        reading = _Reading(self._folders, self._snapshot, self._classes)
        self._snapshot = reading.finish()

    async def learn(self, classes: NodeClasses) -> bool:
        """Set the node classes and load again; return whether anything changed."""
        before, self._classes = self._snapshot, classes
        await asyncio.to_thread(self.load)
        self._report_new(before)
        return self._snapshot != before

    async def watch(self, on_change: _OnChange) -> NoReturn:
        """Load again whenever a file changes, until cancelled.

        `on_change` is called after every load that changed a workflow or problem. Its exceptions
        end the watch and are raised to the caller.
        """
        while True:
            existing = self._existing_folders()
            await self._reload(on_change)
            if existing:
                await self._watch_folders(existing, on_change)
            else:
                await asyncio.sleep(LOOK_AGAIN_MS / 1000)

    async def _watch_folders(self, folders: _Folders, on_change: _OnChange) -> None:
        """Return when a folder itself is created, deleted or replaced.

        Watchers of files do not report that.
        """
        async with contextlib.aclosing(_follow_changes(folders)) as batches:
            is_first = True
            async for batch in batches:
                # The first also covers what changed before the watcher was in place.
                if batch or is_first:
                    await self._reload(on_change)
                is_first = False
                if self._existing_folders() != folders:
                    return

    async def _reload(self, on_change: _OnChange) -> None:
        before = self._snapshot
        await asyncio.to_thread(self.load)
        if self._snapshot == before:
            return
        self._report_new(before)
        on_change()

    def _report_new(self, before: _Snapshot) -> None:
        for problem in self.problems:
            if problem not in before.problems:
                logger.warning("A workflow cannot be used as it is: %s", problem)

    def _existing_folders(self) -> _Folders:
        found = {}
        for folder in self._folders:
            with contextlib.suppress(OSError):  # absent or unreadable: nothing to watch
                found[folder] = folder.stat().st_ino
        return found


class _Reading:
    """One reading of the folders; unreadable entries are taken from the reading `before`."""

    def __init__(
        self,
        folders: Sequence[Path],
        before: _Snapshot,
        classes: NodeClasses | None,
    ) -> None:
        self._folders = folders
        self._before = before
        self._classes = classes
        self._problems: list[WorkflowProblem] = []
        self._waiting: list[str] = []
        self._by_path: dict[Path, Workflow] = {}
        self._by_name: dict[str, Workflow] = {}
        for folder in folders:
            for path in self._list_entries(folder):
                self._read_entry(path)

    def finish(self) -> _Snapshot:
        """Return the snapshot; of several workflows with one command, the first keeps it."""
        by_command: dict[str, Workflow] = {}
        paths = {workflow.name: path for path, workflow in self._by_path.items()}
        for name in sorted(self._by_name):
            command = self._by_name[name].manifest.command
            if command is None:
                continue
            first = by_command.setdefault(command, self._by_name[name])
            if first.name != name:
                sentence = f'The workflow "{first.name}" already has the command "{command}".'
                self._report(paths[name] / MANIFEST_FILE, sentence)
                del self._by_name[name]
        found = dict(sorted(self._by_name.items()))
        off = self._read_names(ManagedFolder.switched_off, SWITCHED_OFF, self._before.disabled)
        on = self._read_names(ManagedFolder.switched_on, SWITCHED_ON, self._before.workflows)
        # Paid workflows are off until they are enabled, others are on until they are disabled.
        off |= {name for name, one in found.items() if name not in on and self._is_paid(one)}
        workflows = {name: one for name, one in found.items() if name not in off}
        disabled = {name: one for name, one in found.items() if name in off}
        waiting = tuple(dict.fromkeys(name for name in self._waiting if name not in found))
        problems, staged = tuple(self._problems), dict(self._read_staged())
        return _Snapshot(workflows, problems, waiting, disabled, self._by_path, staged)

    def _read_staged(self) -> Iterator[tuple[str, Workflow]]:
        """Load the uploads that are not enabled; their problems are not reported."""
        for folder in self._folders:
            for name in ManagedFolder(folder).staged():
                with contextlib.suppress(WorkflowUnusable, OSError):
                    source = find_source(folder / STAGED / name)
                    workflow = source and load_workflow(source, self._classes, lambda *_: None)
                    if workflow:
                        yield name, workflow

    def _read_names(
        self,
        read: Callable[[ManagedFolder], frozenset[str]],
        file: str,
        before: Mapping[str, Workflow],
    ) -> set[str]:
        names: set[str] = set()
        for folder in self._folders:
            try:
                names |= read(ManagedFolder(folder))
            except OSError as error:
                self._report(folder / file, f"This cannot be read: {error.strerror}.")
                names |= before.keys()
        return names

    def _is_paid(self, workflow: Workflow) -> bool:
        """Return whether a node calls a paid service, as far as backends have said."""
        if self._classes is None:
            return False
        return any(self._classes.is_partner(node["class_type"]) for node in workflow.graph.values())

    def _list_entries(self, folder: Path) -> Iterator[Path]:
        try:
            entries = sorted(folder.iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            self._report(folder, f"This folder cannot be read: {error.strerror}.")
            return
        yield from (path for path in entries if not path.name.startswith((".", "__")))

    def _read_entry(self, path: Path) -> None:
        workflow, source = None, None
        try:
            source = find_source(path)
            if source is None:
                return
            workflow = self._load(source)
        except WorkflowUnusable as error:
            self._report(path, *error.sentences)
        except OSError as error:
            self._report(path, f"This cannot be read: {error.strerror}.")
        workflow = workflow or self._before.by_path.get(path)
        if workflow is None:
            return
        same_name = (other for other, one in self._by_path.items() if one.name == workflow.name)
        taken = next((other for other in same_name if other.parent == path.parent), None)
        if taken is not None:
            sentence = f"{taken.name} already is the workflow {workflow.name}: rename one of them."
            self._report(path, sentence)
            return
        self._by_path[path] = workflow
        self._by_name[workflow.name] = workflow

    def _load(self, source: Source) -> Workflow | None:
        try:
            return load_workflow(source, self._classes, self._report)
        except NeedsClasses as error:
            self._waiting.append(source.name)
            self._report(source.graph, *error.sentences)
            return None

    def _report(self, path: Path, *sentences: str) -> None:
        self._problems.extend(WorkflowProblem(path, sentence) for sentence in sentences)


async def _follow_changes(folders: _Folders) -> AsyncGenerator[AbstractSet[object], None]:
    """Yield batches of changes, sometimes empty; stop at once when a folder is gone."""
    watcher = watchfiles.awatch(
        *folders, step=STEP_MS, rust_timeout=LOOK_AGAIN_MS, yield_on_timeout=True
    )
    async with contextlib.aclosing(watcher) as batches:
        try:
            async for batch in batches:
                yield batch
        except FileNotFoundError:
            return
