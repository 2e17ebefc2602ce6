"""The server without its routes: start and stop, the worker, and control by tests."""

import asyncio
import contextlib
import logging
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self

from aiohttp import web

from sandbox.comfyui import unusual_frames
from sandbox.comfyui.cache import ResultCache
from sandbox.comfyui.execution import Run, SharedState
from sandbox.comfyui.folders import Folders
from sandbox.comfyui.hub import Hub
from sandbox.comfyui.jobs import Job, JobStore, now_ms
from sandbox.comfyui.models import DEFAULT_MODELS, FOLDERS, Installation, ModelFolders
from sandbox.comfyui.transcript import Execution, Transcript
from sandbox.scenarios import (
    BigFrame,
    ClearQueue,
    FaultPlan,
    GarbagePreview,
    HistoryDelayed,
    KillSockets,
    OutputDeleted,
    Restart,
    SilenceSockets,
    StepFault,
    Stop,
    StrangeFrames,
    StrangerInterrupts,
)

logger = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"
UPLOAD_LIMIT: Final = 104857600
"""Bytes a request may have, a real server's default."""
SIDE_TASK_SECONDS: Final = 5
"""Seconds that closing waits for a restart in progress."""


class Engine(ABC):
    """A server without routes; ComfyUIStandIn documents the parameters."""

    def __init__(
        self,
        port: int = 0,
        *,
        version: str = "0.33.0",
        step_seconds: float = 0.12,
        load_seconds: float = 0.3,
        models: ModelFolders = DEFAULT_MODELS,
        missing: Iterable[str] = (),
        largest_drawing: int | None = None,
        root: Path | None = None,
    ) -> None:
        if version not in FOLDERS:
            raise ValueError(f"The stand-in knows versions {', '.join(FOLDERS)}, not {version}.")
        self.version = version
        self.step_seconds = step_seconds
        self.load_seconds = load_seconds
        self.largest_drawing = largest_drawing
        self.installation = Installation(version, models, frozenset(missing))
        self.faults = FaultPlan()
        self.log = Transcript()
        self.hub = Hub()
        self.jobs = JobStore()
        self.interrupted = False
        self.port = port
        self._temporary = tempfile.TemporaryDirectory(prefix="comfyui-") if root is None else None
        self.folders = Folders(root or Path(self._temporary.name if self._temporary else ""))
        self._shared: SharedState | None = None
        self._runner: web.AppRunner | None = None
        self._worker: asyncio.Task[None] | None = None
        self._side_tasks: set[asyncio.Task[None]] = set()
        self._transports: set[asyncio.Transport] = set()
        self._loaded: set[str] = set()
        self._up = asyncio.Event()
        self._wake = asyncio.Event()
        self._released = asyncio.Event()
        self._released.set()
        self._held = asyncio.Event()
        self._interrupt_seen = asyncio.Event()
        self._over: dict[str, asyncio.Event] = {}

    async def __aenter__(self) -> Self:
        """Start it."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop it and remove its files."""
        await self.close()

    @abstractmethod
    def build_application(self) -> web.Application:
        """Build the web application for one start of the server."""

    @property
    def url(self) -> str:
        """Its address, once started."""
        return f"http://{HOST}:{self.port}"

    @property
    def last_node(self) -> tuple[str | None, str] | None:
        """The client and the node of the last `executing` message of the run in progress."""
        return self._shared.last_node if self._shared else None

    async def start(self) -> None:
        """Open the port; the same one again after a stop."""
        self.jobs = JobStore()
        self.interrupted = False
        self._wake = asyncio.Event()
        self._loaded.clear()
        self.folders.empty_temp()
        self.hub.start()
        self._shared = SharedState(
            hub=self.hub,
            folders=self.folders,
            cache=ResultCache(),
            faults=self.faults,
            pool=ThreadPoolExecutor(max_workers=1, thread_name_prefix="stand-in-comfyui"),
            version=self.version,
            largest_drawing=self.largest_drawing,
            classes=self.installation.classes,
            control=self,
        )
        self._runner = web.AppRunner(
            self.build_application(),
            access_log=None,
            shutdown_timeout=0.0,
            handler_cancellation=True,
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._worker = asyncio.create_task(
            self._work(self._shared), name="stand-in ComfyUI: worker"
        )
        self._worker.add_done_callback(_report_crash)
        self._up.set()

    async def stop(self) -> None:
        """Stop as a killed process does: no close frames, no responses, queue and history lost."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        self._up.clear()
        for site in list(runner.sites):
            await site.stop()
        for transport in list(self._transports):
            transport.abort()
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
        await self.hub.stop()
        await runner.cleanup()
        self._transports.clear()
        self._held.clear()
        if self._shared is not None:
            pool, self._shared = self._shared.pool, None
            # In a thread, because a drawing in progress would block the event loop.
            await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)

    async def restart(self) -> None:
        """Stop and start again on the same port."""
        await self.stop()
        await self.start()

    async def close(self) -> None:
        """Stop for good and remove its own directory."""
        if self._side_tasks:
            _, late = await asyncio.wait(set(self._side_tasks), timeout=SIDE_TASK_SECONDS)
            for task in late:
                task.cancel()
        await self.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    async def wait_until_up(self) -> None:
        """Wait until the port is open, for example during a restart by a fault."""
        await self._up.wait()

    def hold(self) -> None:
        """Pause execution at the next sampler step."""
        self._held.clear()
        self._released.clear()

    def release(self) -> None:
        """Resume execution after `hold`."""
        self._released.set()

    async def wait_until_held(self) -> None:
        """Wait until a run has paused after `hold`."""
        await self._held.wait()

    async def wait_until_over(self, prompt_id: str) -> None:
        """Wait until a run of this prompt has ended and is in the history."""
        await self._over.setdefault(prompt_id, asyncio.Event()).wait()

    def kill_sockets(self) -> None:
        """Cut every web socket without a close frame."""
        self.hub.cut_all()

    def add_transport(self, transport: asyncio.Transport) -> None:
        """Remember a connection so that stopping can cut it."""
        self._transports = {known for known in self._transports if not known.is_closing()}
        self._transports.add(transport)

    def enqueue(
        self,
        graph: dict[str, Any],
        outputs: list[str],
        *,
        prompt_id: str | None = None,
        extra_data: dict[str, Any] | None = None,
        number: float | None = None,
    ) -> Job:
        """Queue a validated graph and broadcast the queue's length."""
        if number is None:
            number = self.jobs.next_number
            self.jobs.next_number += 1
        job = Job(
            number=number,
            prompt_id=prompt_id or str(uuid.uuid4()),
            graph=graph,
            extra_data=extra_data or {},
            outputs_to_execute=outputs,
            create_time=now_ms(),
        )
        if self.version != "0.3.64":
            job.extra_data["create_time"] = job.create_time
        self._over.setdefault(job.prompt_id, asyncio.Event()).clear()
        self.jobs.put(job)
        self.tell_queue()
        self._wake.set()
        return job

    def enqueue_anonymous(self, steps: int = 4, number: float | None = None) -> Job:
        """Queue a prompt without a client id, whose previews are broadcast to all clients."""
        graph = unusual_frames.anonymous_graph(self.installation, steps)
        return self.enqueue(graph, ["9"], number=number)

    def tell_queue(self) -> None:
        """Broadcast the number of remaining prompts."""
        facts = {"status": {"exec_info": {"queue_remaining": self.jobs.remaining}}}
        self.hub.send("status", facts, None)

    def clear_queue(self) -> None:
        """Drop all waiting prompts, as any client of the server can."""
        self.jobs.pending.clear()
        self.tell_queue()

    def interrupt(self) -> None:
        """Set the global flag that stops whatever runs at its next step."""
        self.interrupted = True
        self._wake_held()

    def features(self) -> dict[str, Any]:
        """Return what the server announces on request, over HTTP and over a socket."""
        features: dict[str, Any] = {"supports_preview_metadata": True}
        if self.version == "0.3.64":
            return features | {"max_upload_size": UPLOAD_LIMIT}
        return features | {
            "supports_model_type_tags": True,
            "max_upload_size": UPLOAD_LIMIT,
            "extension": {"manager": {"supports_v4": True}},
            "node_replacements": True,
            "assets": False,
        }

    def free(self) -> None:
        """Drop cached results."""
        if self._shared is not None:
            self._shared.cache.results.clear()
        self._loaded.clear()

    async def load(self, name: str) -> None:
        """Wait as long as loading this model takes."""
        if name not in self._loaded:
            await asyncio.sleep(self.load_seconds)
            self._loaded.add(name)

    async def pass_step(self, job: Job, step: int) -> bytes | None:
        """Wait for the step's duration, pause while held, and apply the faults due at this step."""
        await asyncio.sleep(self.step_seconds)
        instead = None
        for fault in self.faults.take_at_step(job.prompt_id, step):
            instead = self._play(fault) or instead
        if not self._released.is_set() and not self.interrupted:
            self._held.set()
            await self._released_or_interrupted()
        return instead

    def _play(self, fault: StepFault) -> bytes | None:
        match fault:
            case KillSockets():
                self._later(self._kill_after_flush())
            case SilenceSockets():
                self.hub.silence_all(answers_pings=fault.answers_pings)
            case Restart():
                self._later(self.restart())
            case Stop():
                self._later(self.stop())
            case GarbagePreview():
                return unusual_frames.GARBAGE
            case StrangeFrames():
                for frame in unusual_frames.FRAMES:
                    self.hub.send_raw(frame, None)
            case BigFrame():
                return unusual_frames.big_picture(fault.size)
            case ClearQueue():
                self.clear_queue()
            case StrangerInterrupts():
                self.interrupt()
            case _:
                raise NotImplementedError(type(fault).__name__)
        return None

    async def _kill_after_flush(self) -> None:
        await self.hub.flushed()
        self.hub.cut_all()

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work outside the worker task, because it may cancel that task."""
        task = asyncio.get_running_loop().create_task(work)
        self._side_tasks.add(task)
        task.add_done_callback(self._side_tasks.discard)
        task.add_done_callback(_report_crash)

    def _wake_held(self) -> None:
        self._held.clear()
        self._interrupt_seen.set()

    async def _released_or_interrupted(self) -> None:
        self._interrupt_seen = asyncio.Event()
        released = asyncio.ensure_future(self._released.wait())
        interrupted = asyncio.ensure_future(self._interrupt_seen.wait())
        try:
            await asyncio.wait({released, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            released.cancel()
            interrupted.cancel()

    async def _work(self, shared: SharedState) -> None:
        """Execute one prompt after the other until the server stops."""
        while True:
            job = self.jobs.take()
            if job is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            self.tell_queue()
            await asyncio.sleep(0)
            self.interrupted = False
            record = Execution(job.prompt_id, job.client_id)
            self.log.executions.append(record)
            await Run(shared, job, record).execute()
            record.ending = job.ending
            await self._finish(shared, job)

    async def _finish(self, shared: SharedState, job: Job) -> None:
        """Write the history entry, then send the message that ends the run."""
        shared.last_node = None
        if self.faults.take(OutputDeleted, job.prompt_id) is not None:
            self._delete_outputs(job)
        delayed = self.faults.take(HistoryDelayed, job.prompt_id)
        if delayed is not None:
            await asyncio.sleep(delayed.seconds)
        self.jobs.finish(job)
        self.tell_queue()
        if job.client_id is not None:
            facts = {"node": None, "prompt_id": job.prompt_id}
            self.hub.send("executing", facts, job.client_id)
        self._over[job.prompt_id].set()

    def _delete_outputs(self, job: Job) -> None:
        for shown in job.outputs.values():
            for item in shown.get("images", ()):
                path = self.folders.inside(item["type"], item["subfolder"], item["filename"])
                path.unlink(missing_ok=True)


def _report_crash(task: asyncio.Task[None]) -> None:
    """Log a crash of the stand-in itself."""
    if not task.cancelled() and task.exception() is not None:
        logger.error("%s crashed.", task.get_name(), exc_info=task.exception())
