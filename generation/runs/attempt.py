"""One generation's run on one backend: submitted or re-attached, and followed to its results."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from time import monotonic

from comfy.backend import Backend, Graph
from comfy.errors import RunLost
from comfy.protocol.events import OutputsReady, Preview, RunEvent, Submitted, Succeeded
from db.repositories.outputs import NewOutput
from generation.events import Running
from generation.history.records import Order
from generation.moderation.preview_filter import PreviewFilter
from generation.record import GenerationState
from generation.requests.attachments import EXTENSIONS
from generation.requests.values import bind_generation
from generation.runs.broadcast import Broadcast
from generation.runs.outputs import OutputFetcher
from generation.runs.progress import RunProgress
from generation.runs.run_records import NotWanted, RunRecords
from workflows.workflow import Workflow


class RunAttempt:
    """One generation on one backend under one prompt id. Its run takes at most `limit_s` seconds.

    `on_started` is called when its run began, `on_gpu_free` with its id when that is over.
    """

    def __init__(
        self,
        order: Order,
        workflow: Workflow,
        backend: Backend,
        prompt_id: str,
        *,
        records: RunRecords,
        broadcast: Broadcast,
        clock: Callable[[], datetime],
        limit_s: float,
        on_started: Callable[[], None],
        on_gpu_free: Callable[[str], None],
    ) -> None:
        generation = order.generation
        self.generation = replace(generation, backend=backend.name)
        self.backend = backend
        self.prompt_id = prompt_id
        self.graph: Graph = workflow.graph
        self.wanted_nodes = workflow.manifest.output.nodes
        self.last_sign_at = 0.0
        self.preview_filter: PreviewFilter | None = None
        self.gpu_ms: int | None = None
        self._order = order
        self._workflow = workflow
        self._records = records
        self._broadcast = broadcast
        self._clock = clock
        self._on_started = on_started
        self._on_gpu_free = on_gpu_free
        self._progress: RunProgress | None = None
        self._is_sampled = generation.sampled_at is not None
        # After a re-attach the start of the run is not known.
        self._began_at: float | None = None
        if generation.started_at is not None and generation.backend == backend.name:
            gone_s = (clock() - generation.started_at).total_seconds()
            # The bot may have been off for longer than any run takes.
            self._began_at = monotonic() - min(max(gone_s, 0.0), limit_s)

    def use(self, graph: Graph) -> RunProgress:
        """Set the graph to run, with the names of uploaded files; return its progress."""
        self.graph = graph
        self._progress = RunProgress(graph)
        return self._progress

    async def follow(self, fetcher: OutputFetcher) -> tuple[NewOutput, ...]:
        """Submit the run or re-attach to it, and follow it to its results."""
        progress = self._progress or self.use(
            await build_graph(self._order, self._workflow, self.backend)
        )
        is_new = await self._records.assign(self.generation.id, self.backend.name, self.prompt_id)
        run = self.backend.run(self.graph, self.prompt_id, is_new=is_new)
        async with aclosing(run) as events:
            async for event in events:
                self.last_sign_at = asyncio.get_running_loop().time()
                if isinstance(event, Succeeded):
                    # The backend can take another while the results are fetched.
                    self._on_gpu_free(self.generation.id)
                await self._take(event, progress, fetcher)
                if isinstance(event, Succeeded):
                    return await fetcher.finish(event.outputs)
        raise RunLost("The run ended without saying how.")

    async def _take(self, event: RunEvent, progress: RunProgress, fetcher: OutputFetcher) -> None:
        newest = progress.fold(event, self._clock())
        if isinstance(event, Submitted):
            return
        if isinstance(event, Preview) and self.preview_filter is not None:
            self.preview_filter.take(event.image)
        if isinstance(event, OutputsReady):
            fetcher.collect(event.outputs)
        if self._began_at is None:
            self._began_at = monotonic()
        if self.generation.state is not GenerationState.RUNNING:
            await self._begin()
        if progress.is_sampling and not self._is_sampled:
            self._is_sampled = True
            await self._records.note_sampling(self.generation.id, self._clock())
        if isinstance(event, Succeeded):
            self.gpu_ms = round((monotonic() - self._began_at) * 1000)
            return
        preview = self.preview_filter.shown if self.preview_filter is not None else None
        self._broadcast.publish(Running(self.generation, newest, preview))

    async def _begin(self) -> None:
        """Record the start of its run, once. Raises NotWanted."""
        now = self._clock()
        if await self._records.begin(self.generation.id, now):
            self._on_started()
            self.generation = replace(
                self.generation, state=GenerationState.RUNNING, started_at=now
            )
            return
        recorded = await self._records.find(self.generation.id)
        if recorded is None or recorded.state.is_final:
            raise NotWanted
        self.generation = recorded


async def build_graph(order: Order, workflow: Workflow, backend: Backend) -> Graph:
    """Upload input files and bind all values. Raises ComfyError, WorkflowError."""
    names = {}
    for file in order.files:
        extension = EXTENSIONS.get(file.media_type) or file.media_type.rpartition("/")[2]
        names[file.name] = await backend.upload_image(file.content, extension=extension)
    return bind_generation(workflow, order.generation, names)
