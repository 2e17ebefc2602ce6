"""comfy-sdk with its comfy-api-proxy, which it needs between itself and a ComfyUI."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys

import httpx
import psutil
from comfy_sdk import AsyncComfy, AsyncJob, ComfyError, OutputReady, Preview, Progress

from benchmarks.client import Job
from benchmarks.measurement import Delivery

_START_S = 20.0
_PAUSE_S = 0.05


class PollingClient:
    """Submits, then asks until it is done. The proxy's CPU time counts with the client's."""

    def __init__(self, url: str) -> None:
        self._comfyui = url
        self._port = _free_port()

    async def open(self) -> None:
        """Start a proxy for this backend and wait until it answers."""
        code = "import sys; from comfy_api_proxy.cli import main; sys.exit(main())"
        self._proxy = subprocess.Popen(  # noqa: S603, ASYNC220 - our own words; it returns at once
            [sys.executable, "-c", code, "--comfyui", self._comfyui, "--port", str(self._port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        url = f"http://127.0.0.1:{self._port}"
        async with httpx.AsyncClient() as http, asyncio.timeout(_START_S):
            while not await _answers(http, f"{url}/api/v2/health"):  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(_PAUSE_S)
        self._proxy_cpu_at = self._proxy_cpu()
        os.environ["COMFY_BASE_URL"] = url
        self._sdk = AsyncComfy()

    async def run(self, job: Job) -> Delivery:
        """Run it and download the output."""
        done = await self._sdk.run(self._sdk.workflows.from_json(job.graph))
        return job.deliver(await done.outputs[0].to_bytes())

    async def close(self) -> None:
        """Close the SDK and end the proxy."""
        await self._sdk.aclose()
        self._proxy.terminate()
        await asyncio.to_thread(self._proxy.wait)

    def helper_cpu_seconds(self) -> float:
        """CPU seconds of the proxy since it was ready."""
        return self._proxy_cpu() - self._proxy_cpu_at

    def _proxy_cpu(self) -> float:
        times = psutil.Process(self._proxy.pid).cpu_times()
        return float(times.user + times.system)


class EventsClient(PollingClient):
    """Follows the proxy's event stream; only eight at a time get one, the others poll."""

    async def run(self, job: Job) -> Delivery:
        """Download as soon as the stream says that the output is there."""
        counted = {"steps": 0, "previews": 0}
        submitted = await self._sdk.submit(self._sdk.workflows.from_json(job.graph))
        # The proxy refuses more streams than it likes, and says to poll instead.
        with contextlib.suppress(ComfyError):
            content = await _follow(submitted, counted)
            if content is not None:
                return job.deliver(content, **counted)
        done = await submitted.result()
        return job.deliver(await done.outputs[0].to_bytes(), **counted)


async def _follow(submitted: AsyncJob, counted: dict[str, int]) -> bytes | None:
    async for event in submitted.events():
        if isinstance(event, Progress):
            counted["steps"] += 1
        elif isinstance(event, Preview):
            counted["previews"] += 1
        elif isinstance(event, OutputReady):
            content: bytes = await event.output.to_bytes()
            return content
    return None


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return bool((await http.get(url)).is_success)
    return False


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
