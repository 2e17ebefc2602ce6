"""Parsers of ComfyUI's HTTP responses: records, queue, descriptions. They never raise."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from comfy.errors import RunFailed, RunInterrupted
from comfy.protocol.events import Output
from comfy.protocol.failures import build_node_failure
from comfy.protocol.messages import parse_execution_error
from comfy.protocol.outputs import parse_outputs


class QueueState(StrEnum):
    """State of an unfinished prompt id."""

    WAITING = "waiting"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """ComfyUI's record of an ended run; `failure` None means that it succeeded."""

    outputs: tuple[Output, ...]
    cached: frozenset[str]
    failure: RunFailed | None


@dataclass(frozen=True, slots=True)
class Device:
    """One compute device; memory in bytes."""

    name: str
    memory_total: int
    memory_free: int


@dataclass(frozen=True, slots=True)
class BackendDescription:
    """A backend's description of itself.

    `surface` names a hosted service, and `lacks` what it does not support.
    """

    version: str
    devices: tuple[Device, ...]
    surface: str | None = None
    lacks: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The program with its version."""
        if self.surface is None:
            return f"ComfyUI {self.version}"
        return f"{self.surface} (Comfy API {self.version})"


Whereabouts = QueueState | RunRecord | None
"""State or record of a prompt id; None if the backend does not know it."""


def parse_record(prompt_id: str, answer: object) -> RunRecord | None:
    """Parse /history/{id}, which is an empty object until the run has ended."""
    entry = answer.get(prompt_id) if isinstance(answer, dict) else None
    if not isinstance(entry, dict):
        return None
    status = entry.get("status")
    status = status if isinstance(status, dict) else {}
    messages = dict(_messages(status.get("messages")))
    failure = _parse_failure(messages)
    if failure is None and status.get("status_str") == "error":
        failure = RunFailed("The run ended with an error that the backend does not explain.")
    cached = messages.get("execution_cached", {}).get("nodes")
    return RunRecord(
        _parse_record_outputs(entry),
        frozenset(map(str, cached if isinstance(cached, list) else ())),
        failure,
    )


def parse_queue(answer: object) -> dict[str, QueueState] | None:
    """Parse /queue, whose items are [number, prompt id, ...]; None if it is something else."""
    if not isinstance(answer, dict):
        return None
    running, waiting = answer.get("queue_running"), answer.get("queue_pending")
    if not isinstance(running, list) or not isinstance(waiting, list):
        return None
    ids = dict.fromkeys(_queued_ids(waiting), QueueState.WAITING)
    return ids | dict.fromkeys(_queued_ids(running), QueueState.RUNNING)


def parse_jobs(answer: object) -> dict[str, QueueState] | None:
    """Parse /api/jobs; None if it is something else."""
    jobs = answer.get("jobs") if isinstance(answer, dict) else None
    if not isinstance(jobs, list):
        return None
    states = {"pending": QueueState.WAITING, "in_progress": QueueState.RUNNING}
    return {
        str(job.get("id")): states[str(job.get("status"))]
        for job in jobs
        if isinstance(job, dict) and str(job.get("status")) in states
    }


def parse_description(answer: object) -> BackendDescription | None:
    """Parse /system_stats; None if it is something else."""
    if not isinstance(answer, dict):
        return None
    system, devices = answer.get("system"), answer.get("devices")
    if not isinstance(system, dict) or not isinstance(devices, list):
        return None
    return BackendDescription(
        str(system.get("comfyui_version") or "unknown"),
        tuple(_parse_device(device) for device in devices if isinstance(device, dict)),
    )


def parse_load(answer: object) -> int | None:
    """Parse GET /prompt; None if it is something else."""
    exec_info = answer.get("exec_info") if isinstance(answer, dict) else None
    remaining = exec_info.get("queue_remaining") if isinstance(exec_info, dict) else None
    return remaining if isinstance(remaining, int) else None


def parse_uploaded_name(answer: object) -> str | None:
    """Return the name of an upload in graphs: the server may have renamed it."""
    name = answer.get("name") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(name, str) or not name:
        return None
    subfolder = answer.get("subfolder")
    return f"{subfolder}/{name}" if isinstance(subfolder, str) and subfolder else name


def _messages(messages: object) -> list[tuple[str, dict[str, Any]]]:
    return [
        (str(message[0]), message[1])
        for message in (messages if isinstance(messages, list) else ())
        if isinstance(message, list) and len(message) > 1 and isinstance(message[1], dict)
    ]


def _parse_failure(messages: Mapping[str, Mapping[str, Any]]) -> RunFailed | None:
    if "execution_error" in messages:
        error = parse_execution_error(messages["execution_error"])
        return build_node_failure(error) if error else None
    if "execution_interrupted" in messages:
        return RunInterrupted("The run was interrupted.")
    return None


def _parse_record_outputs(entry: Mapping[str, Any]) -> tuple[Output, ...]:
    """Parse outputs, listed by executed node; `meta` maps these to the submitted graph's."""
    outputs, meta = entry.get("outputs"), entry.get("meta")
    if not isinstance(outputs, dict):
        return ()
    return tuple(
        output
        for node_id, shown in outputs.items()
        for output in parse_outputs(_shown_as(str(node_id), meta), shown)
    )


def _shown_as(node_id: str, meta: object) -> str:
    entry = meta.get(node_id) if isinstance(meta, dict) else None
    shown = entry.get("display_node") if isinstance(entry, dict) else None
    return shown if isinstance(shown, str) and shown else node_id


def _queued_ids(items: list[Any]) -> list[str]:
    return [str(item[1]) for item in items if isinstance(item, list) and len(item) > 1]


def _parse_device(device: Mapping[str, Any]) -> Device:
    total, free = device.get("vram_total"), device.get("vram_free")
    return Device(
        str(device.get("name") or "unknown"),
        total if isinstance(total, int) else 0,
        free if isinstance(free, int) else 0,
    )
