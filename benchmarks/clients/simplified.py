"""comfy_api_simplified, used as its own documentation shows: a blocking call in a thread.

As it ships it takes previews for results. This driver calls the parts that it consists of, so
that the right picture comes out and the rest of it can be compared.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from comfy_api_simplified import ComfyApiWrapper

from benchmarks.client import Job
from benchmarks.measurement import Delivery

_THREADS = 128


class SimplifiedClient:
    """A thread and a socket a job."""

    def __init__(self, url: str) -> None:
        self._api = ComfyApiWrapper(url + "/")

    async def open(self) -> None:
        """Prepare threads: its waiting call runs an event loop of its own."""
        self._threads = ThreadPoolExecutor(_THREADS)

    async def run(self, job: Job) -> Delivery:
        """Run it in a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, job)

    async def close(self) -> None:
        """End the threads, but for those of lost jobs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, job: Job) -> Delivery:
        prompt_id, previews = asyncio.run(self._api.queue_prompt_and_wait(job.graph))
        history = self._api.get_history(prompt_id)
        shown = next(iter(history[prompt_id]["outputs"].values()))["images"][0]
        content = self._api.get_image(shown["filename"], shown["subfolder"], shown["type"])
        return job.deliver(content, previews=len(previews))
