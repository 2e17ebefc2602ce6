"""Limner's own adapter with everything on: as `generation/` uses it."""

import asyncio
from contextlib import aclosing

from benchmarks.client import Job
from benchmarks.measurement import Delivery
from comfy.protocol.events import OutputFile, OutputsReady, Preview, StepDone, Succeeded
from comfy.server import ComfyServer
from comfy.settings import BackendSettings

_LARGEST = 2**28


class LimnerClient:
    """Downloads while the run may still go on, as the collector of a generation does."""

    def __init__(self, url: str) -> None:
        self._server = ComfyServer(BackendSettings(url=url))

    async def open(self) -> None:
        """Start listening."""
        await self._server.open()

    async def run(self, job: Job) -> Delivery:
        """Follow the run and download its picture."""
        steps = previews = 0
        fetch: asyncio.Task[bytes] | None = None
        async with aclosing(self._server.run(job.graph)) as events:
            async for event in events:
                match event:
                    case StepDone():
                        steps += 1
                    case Preview():
                        previews += 1
                    case OutputsReady(outputs=(OutputFile() as file, *_)):
                        fetch = asyncio.create_task(self._fetch(file))
                    case Succeeded(outputs=(OutputFile() as file, *_)) if fetch is None:
                        fetch = asyncio.create_task(self._fetch(file))
                    case _:
                        pass
        content = await fetch if fetch else b""
        return job.deliver(content, steps=steps, previews=previews)

    async def close(self) -> None:
        """Disconnect."""
        await self._server.close()

    async def _fetch(self, file: OutputFile) -> bytes:
        return await self._server.fetch_output(file, max_bytes=_LARGEST)
