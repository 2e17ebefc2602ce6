"""The least that a correct client on a good day can do: one socket, one POST, one download."""

import asyncio
import json
import uuid
from typing import Any

import aiohttp

from benchmarks.client import Job
from benchmarks.measurement import Delivery


class FloorClient:
    """No reconnecting, no errors, no time-outs: what is left is what ComfyUI itself costs."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client_id = str(uuid.uuid4())
        self._runs: dict[str, dict[str, Any]] = {}

    async def open(self) -> None:
        """Connect, and ask for previews that name their run."""
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit_per_host=8))
        self._socket = await self._http.ws_connect(
            f"{self._url}/ws?clientId={self._client_id}", max_msg_size=0
        )
        flags = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
        await self._socket.send_json(flags)
        self._reader = asyncio.create_task(self._read())

    async def run(self, job: Job) -> Delivery:
        """Post, wait for `executed`, download."""
        prompt_id = str(uuid.uuid4())
        content = await self.make(prompt_id, job.graph)
        run = self._runs[prompt_id]
        return job.deliver(content, steps=run["steps"], previews=run["previews"])

    async def make(self, prompt_id: str, graph: dict[str, Any]) -> bytes:
        """Run a graph and return its picture."""
        done = asyncio.get_running_loop().create_future()
        self._runs[prompt_id] = {"done": done, "steps": 0, "previews": 0}
        body = {"prompt": graph, "prompt_id": prompt_id, "client_id": self._client_id}
        async with self._http.post(f"{self._url}/prompt", json=body) as answer:
            await answer.read()
        async with self._http.get(f"{self._url}/view", params=await done) as answer:
            return await answer.read()

    def steps(self, prompt_id: str) -> int:
        """How many steps were taken so far."""
        return int(self._runs[prompt_id]["steps"])

    async def close(self) -> None:
        """Stop reading and disconnect."""
        self._reader.cancel()
        await asyncio.wait([self._reader])
        await self._socket.close()
        await self._http.close()

    async def _read(self) -> None:
        async for frame in self._socket:
            if frame.type is aiohttp.WSMsgType.BINARY:
                length = int.from_bytes(frame.data[4:8], "big")
                facts = json.loads(frame.data[8 : 8 + length])
                run = self._runs[facts["prompt_id"]]
                run["preview"] = frame.data[8 + length :]
                run["previews"] += 1
                continue
            message = json.loads(frame.data)
            run = self._runs.get(message["data"].get("prompt_id"), {})
            if message["type"] == "progress":
                run["steps"] += 1
            elif message["type"] == "executed":
                run["done"].set_result(message["data"]["output"]["images"][0])
