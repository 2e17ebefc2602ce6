"""What the well-known tutorial arrives at: a socket, a thread and four requests for each job."""

import asyncio
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
import websocket

from benchmarks.client import Job
from benchmarks.measurement import Delivery

_THREADS = 128


class NaiveClient:
    """Waits for `executing` without a node, then asks the history and downloads."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def open(self) -> None:
        """Prepare threads: the tutorial's client is blocking."""
        self._threads = ThreadPoolExecutor(_THREADS)

    async def run(self, job: Job) -> Delivery:
        """Run it in a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, job)

    async def close(self) -> None:
        """End the threads, but for those of lost jobs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, job: Job) -> Delivery:
        client_id = str(uuid.uuid4())
        connection = websocket.WebSocket()
        connection.connect(f"{self._url.replace('http', 'ws')}/ws?clientId={client_id}")
        body: Any = {"prompt": job.graph, "client_id": client_id}
        prompt_id = requests.post(f"{self._url}/prompt", json=body, timeout=60).json()["prompt_id"]
        steps = previews = 0
        while True:
            frame = connection.recv()
            if isinstance(frame, bytes):
                previews += 1
                continue
            message = json.loads(frame)
            steps += message["type"] == "progress"
            if message["type"] == "executing" and message["data"]["node"] is None:
                break
        connection.close()
        history = requests.get(f"{self._url}/history/{prompt_id}", timeout=60).json()[prompt_id]
        images = [image for shown in history["outputs"].values() for image in shown["images"]]
        picture = requests.get(f"{self._url}/view", params=images[0], timeout=60).content
        return job.deliver(picture, steps=steps, previews=previews)
