"""comfyui-async-api-tool, its one public call."""

import uuid

import aiohttp
from comfyui_async_api_tool import ComfyClient

from benchmarks.client import Job
from benchmarks.measurement import Delivery


class AsyncApiToolClient:
    """A socket a job; each needs a client id of its own, else one takes the other's messages."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def open(self) -> None:
        """Open the session that it wants to be given."""
        self._http = aiohttp.ClientSession()
        self._api = ComfyClient(self._http, servers=[self._url])

    async def run(self, job: Job) -> Delivery:
        """Follow its events to the picture."""
        steps = 0
        events = self._api.run(job.graph, server=self._url, client_id=str(uuid.uuid4()))
        async for event in events:
            if event["type"] == "progress":
                steps += 1
            elif event["type"] == "image":
                return job.deliver(event["data"], steps=steps)
            elif event["type"] == "error":
                raise RuntimeError(event["msg"])
        raise RuntimeError("It ended without a picture.")

    async def close(self) -> None:
        """Close the session."""
        await self._http.close()
