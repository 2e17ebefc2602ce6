"""comfy-script's runtime, given a finished graph instead of a script that builds one."""

import time
from typing import Any

from comfy_script import runtime
from comfy_script.runtime.data import IdManager

from benchmarks.client import Job
from benchmarks.measurement import Delivery


class _FinishedGraph(runtime.Workflow):  # type: ignore[misc] # its library is not typed
    """A workflow that is its graph already."""

    def __init__(self, graph: dict[str, Any]) -> None:
        super().__init__()
        self._graph = graph

    def _get_prompt_and_id(self) -> tuple[dict[str, Any], IdManager]:
        return self._graph, IdManager()


class ScriptClient:
    """One backend a process. Pictures come as Pillow's, opened but not decoded."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def open(self) -> None:
        """Load the node classes and start its watching thread, once in a process's life."""
        if runtime.queue._watch_thread is None:  # noqa: SLF001 - it has no other way to tell
            await runtime._load(self._url)  # noqa: SLF001 - the public one wants no running loop

    async def run(self, job: Job) -> Delivery:
        """Queue it, wait for its outputs, fetch the picture."""
        counted = {"steps": 0, "previews": 0}
        task = await runtime.queue._put(_FinishedGraph(job.graph), "")  # noqa: SLF001 - as above
        task.add_progress_callback(lambda _: _count(counted, "steps"))
        task.add_preview_callback(lambda *_: _count(counted, "previews"))
        results = await task
        pictures = await results[0]
        received_at = time.time()
        is_right = pictures[0].info.get("job") == job.name
        return Delivery(job.name, received_at, is_right, counted["steps"], counted["previews"])

    async def close(self) -> None:
        """Nothing: its watching thread cannot be stopped."""


def _count(counted: dict[str, int], name: str) -> None:
    counted[name] += 1
