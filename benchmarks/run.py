"""WebSocket messages of one run, as recorded from ComfyUI 0.33.

A chain of nodes of which one is a sampler and the last saves a picture. `progress_state` repeats
every node so far, at each step: that is most of the text a client has to read.
"""

import json
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

NODES = 20
"""As many as a workflow with a LoRA or two, an upscaler and a face detailer has."""

TEXT = "CLIPTextEncode"
SAMPLER = "KSampler"
SAVER = "SaveImage"

_TEXT = 2
_SAMPLER = 10
_PREVIEW = 1
_PREVIEW_WITH_METADATA = 4
_JPEG = 1


@dataclass(frozen=True, slots=True)
class Pace:
    """A pause in which a real server would compute; the server decides its length."""


Frame = tuple[str, str | bytes] | Pace
"""A text or binary frame led by its kind, or a pause."""


def build_graph(job: str, steps: int) -> dict[str, dict[str, Any]]:
    """A graph whose picture carries the name of the job."""
    graph: dict[str, dict[str, Any]] = {
        str(number): {
            "class_type": "CheckpointLoaderSimple" if number == 1 else "LoraLoader",
            "inputs": {"model": [str(number - 1), 0]} if number > 1 else {"ckpt_name": "a"},
        }
        for number in range(1, NODES)
    }
    graph[str(_TEXT)] = {"class_type": TEXT, "inputs": {"text": job, "clip": ["1", 0]}}
    graph[str(_SAMPLER)]["class_type"] = SAMPLER
    graph[str(_SAMPLER)]["inputs"] |= {"steps": steps, "seed": _build_seed(job)}
    graph[str(NODES)] = {
        "class_type": SAVER,
        "inputs": {"filename_prefix": job, "images": [str(NODES - 1), 0]},
        "_meta": {"title": "Save Image"},
    }
    return graph


def find_node(graph: Mapping[str, Mapping[str, Any]], class_type: str) -> str:
    """The first node of a class; raises ValueError where there is none."""
    for node_id, node in graph.items():
        if node.get("class_type") == class_type:
            return node_id
    raise ValueError(f"The graph has no {class_type}.")


def find_job(graph: Mapping[str, Mapping[str, Any]]) -> str:
    """The name of the job: the text that a picture is made from."""
    return str(graph[find_node(graph, TEXT)]["inputs"]["text"])


@dataclass
class RecordedRun:
    """Generates the messages of a run; `has_metadata` is what the client negotiated."""

    prompt_id: str
    graph: Mapping[str, Mapping[str, Any]]
    preview: bytes
    has_metadata: bool
    outputs: dict[str, Any] = field(default_factory=dict)
    messages: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _states: dict[str, dict[str, Any]] = field(default_factory=dict)

    def frames(self) -> Iterator[Frame]:
        """From execution_start to execution_success."""
        yield self._tell("execution_start", {})
        yield self._tell("execution_cached", {"nodes": []})
        saver, job = find_node(self.graph, SAVER), find_job(self.graph)
        for node_id, node in self.graph.items():
            yield self._state(node_id, 0.0, 1.0, "running")
            yield _text(
                "executing",
                {"node": node_id, "display_node": node_id, "prompt_id": self.prompt_id},
            )
            if node["class_type"] == SAMPLER:
                yield from self._sample(node_id, int(node["inputs"]["steps"]))
            if node_id == saver:
                yield self._show(node_id, job)
            maximum = self._states[node_id]["max"]
            yield self._state(node_id, maximum, maximum, "finished")
        yield self._tell("execution_success", {})

    def _sample(self, node_id: str, steps: int) -> Iterator[Frame]:
        for step in range(1, steps + 1):
            yield Pace()
            yield self._state(node_id, float(step), float(steps), "running")
            facts = {"value": step, "max": steps, "prompt_id": self.prompt_id, "node": node_id}
            progress = _text("progress", facts)
            pictures = [self._picture(node_id)] if self.preview else []
            yield from [*pictures, progress] if self.has_metadata else [progress, *pictures]

    def _show(self, node_id: str, job: str) -> Frame:
        image = {"filename": f"{job}_00001_.png", "subfolder": "", "type": "output"}
        self.outputs[node_id] = {"images": [image]}
        facts = {
            "node": node_id,
            "display_node": node_id,
            "output": self.outputs[node_id],
            "prompt_id": self.prompt_id,
        }
        return _text("executed", facts)

    def _picture(self, node_id: str) -> Frame:
        if not self.has_metadata:
            return "preview", struct.pack(">II", _PREVIEW, _JPEG) + self.preview
        metadata = {
            "node_id": node_id,
            "prompt_id": self.prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
            "image_type": "image/jpeg",
        }
        head = json.dumps(metadata).encode()
        event = struct.pack(">II", _PREVIEW_WITH_METADATA, len(head))
        return "preview", event + head + self.preview

    def _state(self, node_id: str, value: float, maximum: float, state: str) -> Frame:
        self._states[node_id] = {
            "value": value,
            "max": maximum,
            "state": state,
            "node_id": node_id,
            "prompt_id": self.prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
        }
        return _text("progress_state", {"prompt_id": self.prompt_id, "nodes": self._states})

    def _tell(self, kind: str, facts: dict[str, Any]) -> Frame:
        stamped = facts | {"prompt_id": self.prompt_id, "timestamp": int(time.time() * 1000)}
        self.messages.append((kind, stamped))
        return _text(kind, stamped)


def _build_seed(job: str) -> int:
    """Another seed for each job: a server would answer the same graph from its cache."""
    return int.from_bytes(job.encode()[-6:], "big")


def _text(kind: str, content: Mapping[str, Any]) -> tuple[str, str]:
    return kind, json.dumps({"type": kind, "data": content})
