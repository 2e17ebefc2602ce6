"""Execution of a graph, reported by messages in the recorded order."""

import asyncio
import io
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

from PIL import Image

from sandbox.comfyui.cache import ResultCache, cached_nodes, signatures
from sandbox.comfyui.folders import Folders
from sandbox.comfyui.hub import JPEG, PNG, Hub
from sandbox.comfyui.jobs import Job, now_ms
from sandbox.comfyui.nodes.registry import run_node
from sandbox.comfyui.nodes.running import NodeError, Result
from sandbox.comfyui.order import ExecutionList
from sandbox.comfyui.transcript import Execution
from sandbox.scenarios import FaultPlan, NodeFails, OutOfMemory

Produced = TypeVar("Produced")

JPEG_QUALITY: Final = 95
"""JPEG quality of a real server's previews."""
TRACEBACK: Final = (
    '  File "/opt/comfyui/execution.py", line 545, in execute\n    output_data, output_ui = get_output_data(prompt_id, unique_id, obj)\n',  # noqa: E501 - a server's own words
    '  File "/opt/comfyui/execution.py", line 306, in process_inputs\n    result = f(**inputs)\n',
)
OUT_OF_MEMORY: Final = "Allocation on device "
OUT_OF_MEMORY_TIPS: Final = (
    "This error means you ran out of memory on your GPU.\n\nTIPS: If the workflow worked before you"
    " might have accidentally set the batch_size to a large number."
)
SAMPLER_TIPS: Final = (
    'TIPS: If you have any "Load CLIP" or "*CLIP Loader" nodes in your workflow connected to this'
    " sampler node make sure the correct file(s) and type is selected."
)


class InterruptedRunError(Exception):
    """The run was interrupted."""


class RunControl(Protocol):
    """Waiting points of a run that the server controls."""

    interrupted: bool

    async def pass_step(self, job: Job, step: int) -> bytes | None:
        """Wait for the next step; return bytes to send instead of the preview, if any."""

    async def load(self, name: str) -> None:
        """Wait as long as loading this model takes."""


@dataclass
class SharedState:
    """State shared by all runs of one server."""

    hub: Hub
    folders: Folders
    cache: ResultCache
    faults: FaultPlan
    pool: ThreadPoolExecutor
    version: str
    largest_drawing: int | None
    classes: Mapping[str, Any]
    control: RunControl
    last_node: tuple[str | None, str] | None = None


@dataclass
class Run:
    """Execution of one job."""

    shared: SharedState
    job: Job
    record: Execution
    results: dict[str, Result] = field(default_factory=dict)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    async def execute(self) -> None:
        """Run the graph up to its final message; the engine writes the history."""
        self._tell("execution_start", {"prompt_id": self.job.prompt_id, "timestamp": now_ms()})
        keys = signatures(self.job.graph, self.shared.folders)
        cached = cached_nodes(self.job.graph, keys, self.shared.cache, self.shared.classes)
        self._tell(
            "execution_cached",
            {"nodes": cached, "prompt_id": self.job.prompt_id, "timestamp": now_ms()},
        )
        for node_id in cached:
            self.results[node_id] = self.shared.cache.results[keys[node_id]]
        waiting = ExecutionList(self.job.graph, self.shared.classes, frozenset(cached))
        for output in self.job.outputs_to_execute:
            waiting.add(output)
        while (current := waiting.next()) is not None:
            if not await self._run_node(current, cached, keys):
                return
            waiting.complete(current)
        await asyncio.sleep(0)
        self._tell("execution_success", {"prompt_id": self.job.prompt_id, "timestamp": now_ms()})

    async def _run_node(self, node_id: str, cached: list[str], keys: Mapping[str, str]) -> bool:
        """Run a node or report its cached result; False when the run has ended."""
        if node_id in cached:
            self._report(node_id, self.results[node_id])
            self._progress(node_id, 1.0, 1.0, "finished")
            return True
        try:
            result = await self._result_of(node_id)
        except InterruptedRunError:
            self._end_interrupted(node_id)
            return False
        except Exception as error:  # noqa: BLE001 - any error of a node is reported to the client
            self._end_failed(node_id, error)
            return False
        self.results[node_id] = result
        if self.job.graph[node_id]["class_type"] != "SaveImageWebsocket":
            self.shared.cache.keep(keys[node_id], result)
        self._report(node_id, result)
        state = self.states[node_id]
        self._progress(node_id, state["max"], state["max"], "finished")
        self.done.append(node_id)
        return True

    async def _result_of(self, node_id: str) -> Result:
        node = self.job.graph[node_id]
        class_type = node["class_type"]
        self._check_interrupt()
        self._progress(node_id, 0.0, 1.0, "running")
        if self.job.client_id is not None:
            self.shared.last_node = (self.job.client_id, node_id)
            facts = {"node": node_id, "display_node": node_id, "prompt_id": self.job.prompt_id}
            self.shared.hub.send("executing", facts, self.job.client_id)
        self.record.nodes.append(node_id)
        self._play_node_fault(class_type)
        context = NodeRun(self, node_id)
        result = await run_node(class_type, context, self._inputs_of(node))
        await asyncio.sleep(0)
        return result

    def _inputs_of(self, node: Mapping[str, Any]) -> dict[str, Any]:
        described = self.shared.classes[node["class_type"]]["input"]
        inputs = {}
        for name, spec in described.get("optional", {}).items():
            if len(spec) > 1 and "default" in spec[1]:
                inputs[name] = spec[1]["default"]
        for name, value in node["inputs"].items():
            if isinstance(value, list):
                inputs[name] = self.results[value[0]].outputs[value[1]]
            else:
                inputs[name] = value
        return inputs

    def _play_node_fault(self, class_type: str) -> None:
        prompt_id = self.job.prompt_id
        failing = self.shared.faults.take_for_node(NodeFails, prompt_id, class_type)
        if failing is not None:
            raise NodeError(failing.message, failing.exception_type)
        if self.shared.faults.take_for_node(OutOfMemory, prompt_id, class_type) is not None:
            raise NodeError(OUT_OF_MEMORY, "torch.OutOfMemoryError")

    def _check_interrupt(self) -> None:
        if self.shared.control.interrupted:
            self.shared.control.interrupted = False
            raise InterruptedRunError

    def _report(self, node_id: str, result: Result) -> None:
        """Report a node's outputs, if any, and keep them for the history."""
        if result.ui is None:
            return
        self.job.outputs[node_id] = result.ui
        self.job.meta[node_id] = {
            "node_id": node_id,
            "display_node": node_id,
            "parent_node": None,
            "real_node_id": node_id,
        }
        if self.job.client_id is not None:
            facts = {
                "node": node_id,
                "display_node": node_id,
                "output": result.ui,
                "prompt_id": self.job.prompt_id,
            }
            self.shared.hub.send("executed", facts, self.job.client_id)

    def _progress(self, node_id: str, value: float, maximum: float, state: str) -> None:
        """Send the state of every node so far."""
        self.states[node_id] = {
            "value": value,
            "max": maximum,
            "state": state,
            "node_id": node_id,
            "prompt_id": self.job.prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
        }
        facts = {"prompt_id": self.job.prompt_id, "nodes": self.states}
        self.shared.hub.send("progress_state", facts, self.job.client_id)

    def _tell(self, kind: str, facts: dict[str, Any], *, everybody: bool = False) -> None:
        """Record a message for the history and send it to the prompt's client."""
        self.job.messages.append((kind, facts))
        if self.job.client_id is not None or everybody:
            self.shared.hub.send(kind, facts, self.job.client_id)

    def _end_interrupted(self, node_id: str) -> None:
        facts = {
            "prompt_id": self.job.prompt_id,
            "node_id": node_id,
            "node_type": self.job.graph[node_id]["class_type"],
            "executed": list(self.done),
            "timestamp": now_ms(),
        }
        self._tell("execution_interrupted", facts, everybody=True)

    def _end_failed(self, node_id: str, error: Exception) -> None:
        node = self.job.graph[node_id]
        kind = error.exception_type if isinstance(error, NodeError) else type(error).__name__
        facts = {
            "prompt_id": self.job.prompt_id,
            "node_id": node_id,
            "node_type": node["class_type"],
            "executed": list(self.done),
            "exception_message": self._message_of(error, kind, node["class_type"]),
            "exception_type": kind,
            "traceback": list(TRACEBACK),
            "current_inputs": {
                name: [str(value)] for name, value in self._shown_inputs(node).items()
            },
            "current_outputs": list(self.job.graph),
            "timestamp": now_ms(),
        }
        self._tell("execution_error", facts)

    def _message_of(self, error: Exception, kind: str, class_type: str) -> str:
        message = f"{error}\n"
        if kind == "torch.OutOfMemoryError":
            return message + OUT_OF_MEMORY_TIPS
        if (
            "mat1 and mat2" in message
            and "Sampler" in class_type
            and self.shared.version != "0.3.64"
        ):
            return f"{message}\n\n{SAMPLER_TIPS}"
        return message

    def _shown_inputs(self, node: Mapping[str, Any]) -> dict[str, Any]:
        shown = {}
        for name, value in node["inputs"].items():
            if isinstance(value, list):
                result = self.results.get(value[0])
                shown[name] = "<unknown>" if result is None else result.outputs[value[1]]
            else:
                shown[name] = value
        return shown


class NodeRun:
    """The RunContext of the running node."""

    def __init__(self, run: Run, node_id: str) -> None:
        self._run = run
        self._node_id = node_id
        self.version: str = run.shared.version
        self.largest_drawing: int | None = run.shared.largest_drawing
        self.folders: Folders = run.shared.folders
        self.graph: Mapping[str, Any] = run.job.graph
        self.extra_data: Mapping[str, Any] = run.job.extra_data

    async def load(self, name: str) -> None:
        """Wait as long as loading this model takes."""
        await self._run.shared.control.load(name)

    async def in_thread(self, function: Callable[..., Produced], *arguments: object) -> Produced:
        """Run something slow in the server's worker thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._run.shared.pool, function, *arguments)

    async def show_text(self, text: str) -> None:
        """Send a text frame about this node."""
        self._run.shared.hub.send_text(self._node_id, text)

    async def show_picture(self, value: int, maximum: int, picture: Image.Image) -> None:
        """Send a picture as a result over the socket."""
        self._run._progress(self._node_id, value, maximum, "running")  # noqa: SLF001 - its own run
        content = await self.in_thread(_encoded, picture, "PNG")
        self._send_picture(content, PNG)
        await self._progress_message(value, maximum)

    async def step(
        self, value: int, maximum: int, preview: Callable[[], Image.Image] | None
    ) -> None:
        """Report one finished step; raises when the run was interrupted."""
        run, hub, job = self._run, self._run.shared.hub, self._run.job
        instead = await run.shared.control.pass_step(job, value)
        run._check_interrupt()  # noqa: SLF001 - its own run
        run.record.steps += 1
        content = instead
        if content is None and preview is not None and self._previews_wanted():
            content = await self.in_thread(_rendered, preview)
        run._progress(self._node_id, value, maximum, "running")  # noqa: SLF001 - its own run
        if hub.wants_metadata(job.client_id):
            if content is not None:
                self._send_picture(content, JPEG)
            await self._progress_message(value, maximum)
        else:
            await self._progress_message(value, maximum)
            if content is not None:
                self._send_picture(content, JPEG)

    def _previews_wanted(self) -> bool:
        if self._run.shared.version == "0.3.64":
            return True
        return self._run.job.extra_data.get("preview_method") != "none"

    async def _progress_message(self, value: int, maximum: int) -> None:
        job = self._run.job
        facts = {"value": value, "max": maximum, "prompt_id": job.prompt_id, "node": self._node_id}
        self._run.shared.hub.send("progress", facts, job.client_id)

    def _send_picture(self, content: bytes, image_type: int) -> None:
        job, hub = self._run.job, self._run.shared.hub
        if not hub.wants_metadata(job.client_id):
            hub.send_picture(image_type, content, job.client_id)
            return
        metadata = {
            "node_id": self._node_id,
            "prompt_id": job.prompt_id,
            "display_node_id": self._node_id,
            "parent_node_id": None,
            "real_node_id": self._node_id,
            "image_type": "image/jpeg" if image_type == JPEG else "image/png",
        }
        hub.send_picture_with_metadata(metadata, content, job.client_id)


def _rendered(preview: Callable[[], Image.Image]) -> bytes:
    return _encoded(preview(), "JPEG")


def _encoded(picture: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    if kind == "JPEG":
        picture.convert("RGB").save(stream, kind, quality=JPEG_QUALITY)
    else:
        picture.save(stream, kind, compress_level=1)
    return stream.getvalue()
