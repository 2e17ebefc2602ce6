"""A light ComfyUI for measuring clients: it replays a recorded run and counts what it is asked.

Pictures are made beforehand and every run is played by one task, so that the client is what is
measured. `python -m benchmarks.server --steps ...` prints its address and serves until stopped.
"""

import argparse
import asyncio
import contextlib
import json
import resource
import sys
import time
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from benchmarks.pictures import ResultPicture, build_preview
from benchmarks.run import SAMPLER, SAVER, TEXT, Pace, RecordedRun, find_job
from benchmarks.scale import Scale, add_options

HOST = "127.0.0.1"
REPORT_PATH = "/benchmark/report"
RESET_PATH = "/benchmark/reset"

_PIECE_BYTES = 2**18
_VERSION = "0.33.0"

_OBJECT_INFO = {
    "CheckpointLoaderSimple": (["MODEL"], False),
    "LoraLoader": (["MODEL"], False),
    TEXT: (["MODEL"], False),
    SAMPLER: (["MODEL"], False),
    SAVER: ([], True),
}


def process_cpu_seconds() -> float:
    """CPU seconds of this process, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@dataclass
class Counters:
    """What happened since the last reset; moments are seconds since 1970, by job."""

    requests: int = 0
    connections: int = 0
    sockets: int = 0
    cpu_at: float = field(default_factory=process_cpu_seconds)
    posted_at: dict[str, float] = field(default_factory=dict)
    started_at: dict[str, float] = field(default_factory=dict)
    success_at: dict[str, float] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """Give everything as JSON."""
        return {
            "requests": self.requests,
            "connections": self.connections,
            "sockets": self.sockets,
            "cpu_s": process_cpu_seconds() - self.cpu_at,
            "posted_at": self.posted_at,
            "started_at": self.started_at,
            "success_at": self.success_at,
        }


@dataclass(eq=False)
class _Socket:
    connection: web.WebSocketResponse
    has_metadata: bool = False


@dataclass
class _Queued:
    number: int
    prompt_id: str
    client_id: str | None
    graph: Mapping[str, Mapping[str, Any]]


class LightServer:
    """One backend: a queue, its runs, a socket a client id."""

    def __init__(self, scale: Scale) -> None:
        self._step_s = scale.step_ms / 1000
        self._runs_at_a_time = scale.runs_at_a_time
        self._preview = build_preview(int(scale.preview_kb * 1000)) if scale.preview_kb else b""
        self._picture = ResultPicture.of_size(int(scale.result_mb * 1e6))
        self._counters = Counters()
        self._known: set[object] = set()
        self._sockets: dict[str, _Socket] = {}
        self._frames: asyncio.Queue[tuple[str | bytes, str | None]] = asyncio.Queue()
        self._pending: deque[_Queued] = deque()
        self._running: dict[str, _Queued] = {}
        self._wake = asyncio.Event()
        self._numbers = 0
        self._history: dict[str, dict[str, Any]] = {}

    def build_application(self) -> web.Application:
        """Everything that the compared clients ask."""
        application = web.Application(middlewares=[self._count], client_max_size=2**26)
        routes: list[tuple[str, str, Any]] = [
            ("GET", "/ws", self._serve_socket),
            ("POST", "/prompt", self._queue_prompt),
            ("GET", "/prompt", self._tell_load),
            ("GET", "/queue", self._tell_queue),
            ("GET", "/history/{prompt_id}", self._tell_history),
            ("GET", "/view", self._send_picture),
            ("GET", "/object_info", self._tell_object_info),
            ("GET", "/system_stats", self._tell_system),
            ("GET", "/embeddings", self._tell_nothing),
            ("GET", "/api/jobs", self._tell_jobs),
            ("GET", "/api/jobs/{prompt_id}", self._tell_job),
            ("GET", REPORT_PATH, self._report),
            ("POST", RESET_PATH, self._reset),
        ]
        for method, path, handler in routes:
            application.router.add_route(method, path, handler)
        application.cleanup_ctx.append(self._work_in_background)
        return application

    async def _work_in_background(self, _: web.Application) -> Any:  # noqa: ANN401 - a generator
        tasks = [
            asyncio.create_task(self._publish()),
            *(asyncio.create_task(self._work()) for _ in range(self._runs_at_a_time)),
        ]
        yield
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @web.middleware
    async def _count(self, request: web.Request, handler: Any) -> web.StreamResponse:  # noqa: ANN401 - aiohttp's own type
        if not request.path.startswith("/benchmark/"):
            self._counters.requests += 1
            # Kept until the reset, so that no other connection can take its place in the set.
            if request.transport not in self._known:
                self._known.add(request.transport)
                self._counters.connections += 1
        response: web.StreamResponse = await handler(request)
        return response

    async def _report(self, _: web.Request) -> web.Response:
        return web.json_response(self._counters.report())

    async def _reset(self, _: web.Request) -> web.Response:
        self._counters = Counters()
        self._known.clear()
        self._history.clear()
        return web.json_response({})

    async def _serve_socket(self, request: web.Request) -> web.WebSocketResponse:
        # As ComfyUI does: whoever offers compression gets it.
        connection = web.WebSocketResponse()
        await connection.prepare(request)
        self._counters.sockets += 1
        client_id = request.query.get("clientId") or uuid.uuid4().hex
        socket = self._sockets[client_id] = _Socket(connection)
        self._send_status(client_id, sid=client_id)
        try:
            async for message in connection:
                if '"feature_flags"' in str(message.data):
                    socket.has_metadata = True
                    self._send("feature_flags", {"supports_preview_metadata": True}, client_id)
        finally:
            self._sockets.pop(client_id, None)
        return connection

    async def _queue_prompt(self, request: web.Request) -> web.Response:
        body = await request.json()
        self._numbers += 1
        prompt_id = body.get("prompt_id") or str(uuid.uuid4())
        queued = _Queued(self._numbers, prompt_id, body.get("client_id"), body["prompt"])
        self._counters.posted_at[find_job(queued.graph)] = time.time()
        self._pending.append(queued)
        self._send_status()
        self._wake.set()
        return web.json_response(
            {"prompt_id": prompt_id, "number": queued.number, "node_errors": {}}
        )

    async def _tell_load(self, _: web.Request) -> web.Response:
        return web.json_response({"exec_info": {"queue_remaining": self._remaining}})

    async def _tell_queue(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                "queue_running": [_as_item(job) for job in self._running.values()],
                "queue_pending": [_as_item(job) for job in self._pending],
            }
        )

    async def _tell_history(self, request: web.Request) -> web.Response:
        prompt_id = request.match_info["prompt_id"]
        entry = self._history.get(prompt_id)
        return web.json_response({prompt_id: entry} if entry else {})

    async def _tell_jobs(self, _: web.Request) -> web.Response:
        jobs = [{"id": job.prompt_id, "status": "pending"} for job in self._pending]
        jobs += [{"id": prompt_id, "status": "in_progress"} for prompt_id in self._running]
        return web.json_response({"jobs": jobs, "pagination": {"total": len(jobs)}})

    async def _tell_job(self, request: web.Request) -> web.Response:
        prompt_id = request.match_info["prompt_id"]
        if prompt_id in self._running:
            return web.json_response({"id": prompt_id, "status": "in_progress"})
        if any(job.prompt_id == prompt_id for job in self._pending):
            return web.json_response({"id": prompt_id, "status": "pending"})
        if prompt_id in self._history:
            return web.json_response({"id": prompt_id, "status": "completed"})
        return web.json_response({"error": "Job not found"}, status=404)

    async def _send_picture(self, request: web.Request) -> web.StreamResponse:
        job = request.query["filename"].removesuffix("_00001_.png")
        head, body = self._picture.head(job), memoryview(self._picture.body)
        response = web.StreamResponse(headers={"Content-Type": "image/png"})
        response.content_length = len(head) + len(body)
        await response.prepare(request)
        await response.write(head)
        for start in range(0, len(body), _PIECE_BYTES):
            await response.write(body[start : start + _PIECE_BYTES])
        return response

    async def _tell_object_info(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
                name: {
                    "input": {"required": {}},
                    "output": outputs,
                    "output_is_list": [False] * len(outputs),
                    "output_name": outputs,
                    "name": name,
                    "display_name": name,
                    "description": "",
                    "category": "benchmark",
                    "output_node": is_output,
                }
                for name, (outputs, is_output) in _OBJECT_INFO.items()
            }
        )

    async def _tell_system(self, _: web.Request) -> web.Response:
        return web.json_response({"system": {"comfyui_version": _VERSION}, "devices": []})

    async def _tell_nothing(self, _: web.Request) -> web.Response:
        return web.json_response([])

    @property
    def _remaining(self) -> int:
        return len(self._pending) + len(self._running)

    def _send_status(self, client_id: str | None = None, **more: str) -> None:
        status = {"status": {"exec_info": {"queue_remaining": self._remaining}}} | more
        self._send("status", status, client_id)

    def _send(self, kind: str, content: Mapping[str, Any], client_id: str | None) -> None:
        self._frames.put_nowait((json.dumps({"type": kind, "data": content}), client_id))

    async def _publish(self) -> None:
        """One send loop for all sockets, as in ComfyUI: a slow client blocks the others."""
        while True:
            frame, client_id = await self._frames.get()
            if client_id is None:
                receivers = list(self._sockets.values())
            else:
                receivers = [self._sockets[client_id]] if client_id in self._sockets else []
            for socket in receivers:
                with contextlib.suppress(ConnectionError, RuntimeError):
                    if isinstance(frame, str):
                        await socket.connection.send_str(frame)
                    else:
                        await socket.connection.send_bytes(frame)

    async def _work(self) -> None:
        while True:
            while not self._pending:
                self._wake.clear()
                await self._wake.wait()
            queued = self._pending.popleft()
            self._running[queued.prompt_id] = queued
            self._send_status()
            await self._play(queued)

    async def _play(self, queued: _Queued) -> None:
        job = find_job(queued.graph)
        self._counters.started_at[job] = time.time()
        socket = self._sockets.get(queued.client_id or "")
        run = RecordedRun(
            queued.prompt_id,
            queued.graph,
            self._preview,
            has_metadata=socket is not None and socket.has_metadata,
        )
        for frame in run.frames():
            if isinstance(frame, Pace):
                await asyncio.sleep(self._step_s)
                continue
            kind, content = frame
            if kind == "execution_success":
                # Another iteration passes before a real server sends it, and history comes later.
                await asyncio.sleep(0)
                self._counters.success_at[job] = time.time()
            if queued.client_id is not None:
                self._frames.put_nowait((content, queued.client_id))
        self._history[queued.prompt_id] = {
            "prompt": _as_item(queued),
            "outputs": run.outputs,
            "status": {"status_str": "success", "completed": True, "messages": run.messages},
            "meta": {},
        }
        del self._running[queued.prompt_id]
        self._send_status()
        self._send("executing", {"node": None, "prompt_id": queued.prompt_id}, queued.client_id)


def _as_item(queued: _Queued) -> list[Any]:
    return [queued.number, queued.prompt_id, queued.graph, {"client_id": queued.client_id}, []]


def main() -> None:
    """Serve on a free port until the standard input closes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    add_options(parser)
    asyncio.run(_serve(Scale.from_arguments(parser.parse_args())))


async def _serve(scale: Scale) -> None:
    runner = web.AppRunner(LightServer(scale).build_application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    sys.stdout.write(f"http://{HOST}:{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    # Whoever started it goes away, and so does it.
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    main()
