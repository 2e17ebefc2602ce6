"""A scriptable ComfyUI on a real socket, for the races that a well-behaved one never shows."""

import asyncio
import dataclasses
import json
import struct
import uuid

from aiohttp import web

from comfy.timeouts import Timing

GRAPH = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
    "3": {"class_type": "KSampler", "inputs": {"seed": 1, "model": ["4", 0]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
}
JPEG = b"\xff\xd8\xff\xe0" + b"j" * 200
PNG = b"\x89PNG\r\n\x1a\n" + b"p" * 200

QUICK = Timing(
    request=2.0,
    connect=2.0,
    transfer_silence=2.0,
    backoff_first=0.01,
    backoff_most=0.05,
    socket_wait=2.0,
    tick=0.01,
    silence=0.15,
    status_wait=0.1,
    poll_first=0.02,
    poll_most=0.05,
    gone_apart=0.05,
    unreachable=0.3,
    reopen_pause=0.2,
    lookup=0.3,
    lookup_pause=0.02,
    record=1.0,
    record_pause=0.01,
    cancel=2.0,
    cancel_pause=0.01,
    cancel_repeat=0.05,
)


@dataclasses.dataclass
class Queued:
    """One submitted graph."""

    id: str
    client_id: str | None
    graph: dict
    extra: dict


class ScriptedComfyUI:
    """Keeps a queue and a history, and does to each prompt what `script` says."""

    def __init__(self):
        self.requests = []
        self.sockets = {}
        self.every_socket = []
        self.first_texts = []
        self.pending, self.running, self.history = [], [], {}
        self.files = {}
        self.uploads = {}
        self.script = self.play
        self.has_jobs_api = True
        self.knows_socket = True
        self.refuses_questions = False
        self.answer_gate = None
        self.swallow_posts = 0
        self.cut_posts = 0
        self.post_answer = None
        self.hide_history = 0
        self.deaf_to_cancel = 0
        self.stopped = set()
        self.tasks = set()
        self.runner = None
        self.port = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def count(self, method, path):
        return sum(1 for seen in self.requests if seen[:2] == (method, path))

    async def start(self):
        app = web.Application(middlewares=[self._note], client_max_size=2**28)
        app.router.add_get("/ws", self._ws)
        app.router.add_post("/prompt", self._post_prompt)
        app.router.add_get("/prompt", self._get_load)
        app.router.add_get("/queue", self._get_queue)
        app.router.add_post("/queue", self._post_queue)
        app.router.add_get("/history/{id}", self._get_history)
        app.router.add_post("/interrupt", self._interrupt)
        app.router.add_get("/api/jobs", self._get_jobs)
        app.router.add_get("/api/jobs/{id}", self._get_job)
        app.router.add_post("/api/jobs/{id}/cancel", self._cancel_job)
        app.router.add_post("/upload/image", self._upload)
        app.router.add_get("/view", self._view)
        app.router.add_get("/system_stats", self._system_stats)
        app.router.add_get("/object_info", self._object_info)
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", self.port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]

    async def stop(self):
        for task in [*self.tasks]:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for ws in self.every_socket:
            self.kill(ws)
        if self.runner is not None:
            await self.runner.cleanup()
        self.runner = None

    async def restart(self):
        """As the real one: no close frame, and nothing is remembered."""
        await self.stop()
        self.pending, self.running, self.history, self.sockets = [], [], {}, {}
        await self.start()

    def kill(self, ws):
        """Cut a connection without a close frame."""
        if ws._req is not None and ws._req.transport is not None:
            ws._req.transport.abort()

    # -- what a script does

    async def send(self, client_id, kind, **content):
        ws = self.sockets.get(client_id)
        if ws is not None and not ws.closed:
            await ws.send_str(json.dumps({"type": kind, "data": content}))

    async def send_bytes(self, client_id, *parts):
        ws = self.sockets.get(client_id)
        if ws is not None and not ws.closed:
            await ws.send_bytes(b"".join(parts))

    async def send_preview(self, client_id, prompt_id, node_id, image, media="image/jpeg"):
        metadata = {
            "node_id": node_id,
            "prompt_id": prompt_id,
            "display_node_id": node_id,
            "image_type": media,
        }
        head = json.dumps(metadata).encode()
        await self.send_bytes(client_id, struct.pack(">II", 4, len(head)), head, image)

    async def broadcast_status(self):
        remaining = len(self.pending) + len(self.running)
        for client_id in [*self.sockets]:
            status = {"exec_info": {"queue_remaining": remaining}}
            await self.send(client_id, "status", status=status)

    async def begin(self, queued, cached=()):
        if queued in self.pending:
            self.pending.remove(queued)
        self.running.append(queued)
        await self.send(queued.client_id, "execution_start", prompt_id=queued.id, timestamp=1)
        await self.send(
            queued.client_id, "execution_cached", nodes=list(cached), prompt_id=queued.id
        )

    async def node(self, queued, node_id):
        await self.send(
            queued.client_id, "executing", node=node_id, display_node=node_id, prompt_id=queued.id
        )

    async def step(self, queued, node_id, value, maximum):
        await self.send(
            queued.client_id,
            "progress",
            value=value,
            max=maximum,
            prompt_id=queued.id,
            node=node_id,
        )

    async def executed(self, queued, node_id, **output):
        await self.send(
            queued.client_id,
            "executed",
            node=node_id,
            display_node=node_id,
            output=output,
            prompt_id=queued.id,
        )

    def record(self, queued, outputs, kind="success", message=None, cached=()):
        final = {
            "success": ["execution_success", {"prompt_id": queued.id}],
            "error": ["execution_error", message],
            "interrupted": ["execution_interrupted", {"prompt_id": queued.id}],
        }[kind]
        self.history[queued.id] = {
            "prompt": [1, queued.id, queued.graph, {}, []],
            "outputs": outputs,
            "status": {
                "status_str": "success" if kind == "success" else "error",
                "completed": kind == "success",
                "messages": [
                    ["execution_cached", {"nodes": list(cached), "prompt_id": queued.id}],
                    final,
                ],
            },
        }

    async def end(self, queued, outputs, kind="success", **how):
        """Send the end and the record in the real order, the record last."""
        message = {"prompt_id": queued.id, **(how.get("message") or {})}
        names = {
            "success": "execution_success",
            "error": "execution_error",
            "interrupted": "execution_interrupted",
        }
        await self.send(queued.client_id, names[kind], **message)
        await self.finish_quietly(queued, outputs, kind, **how)
        await self.broadcast_status()
        await self.send(queued.client_id, "executing", node=None, prompt_id=queued.id)

    async def finish_quietly(self, queued, outputs, kind="success", **how):
        message = {"prompt_id": queued.id, **(how.get("message") or {})}
        self.record(queued, outputs, kind, message, how.get("cached", ()))
        self.running = [other for other in self.running if other.id != queued.id]

    def image(self, name="a_00001_.png", folder="output", content=PNG):
        self.files[name, "", folder] = content
        return {"images": [{"filename": name, "subfolder": "", "type": folder}]}

    async def play(self, comfy, queued):
        """A plain run of GRAPH with three steps."""
        await self.begin(queued)
        await self.node(queued, "4")
        await self.node(queued, "3")
        for value in (1, 2, 3):
            await self.send_preview(queued.client_id, queued.id, "3", JPEG)
            await self.step(queued, "3", value, 3)
        await self.node(queued, "9")
        output = self.image()
        await self.executed(queued, "9", **output)
        await self.end(queued, {"9": output})

    # -- HTTP

    @web.middleware
    async def _note(self, request, handler):
        body = None
        if request.can_read_body and request.content_type == "application/json":
            body = json.loads(await request.text())
        self.requests.append((request.method, request.path, body, dict(request.headers)))
        return await handler(request)

    async def _ws(self, request):
        if not self.knows_socket:
            return web.Response(status=404)
        ws = web.WebSocketResponse(max_msg_size=2**28)
        await ws.prepare(request)
        sid = request.query.get("clientId") or uuid.uuid4().hex
        self.sockets[sid] = ws
        self.every_socket.append(ws)
        status = {"exec_info": {"queue_remaining": len(self.running)}}
        await self.send(sid, "status", status=status, sid=sid)
        is_first = True
        async for message in ws:
            if is_first:
                self.first_texts.append(message.data)
                await self.send(sid, "feature_flags", supports_preview_metadata=True)
            is_first = False
        # As the real one: whoever is registered under this id is forgotten.
        self.sockets.pop(sid, None)
        return ws

    def accept(self, body):
        queued = Queued(
            body["prompt_id"], body.get("client_id"), body["prompt"], body.get("extra_data")
        )
        self.pending.append(queued)
        task = asyncio.create_task(self._run_script(queued))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return queued

    async def _run_script(self, queued):
        await self.broadcast_status()
        await self.script(self, queued)

    async def _post_prompt(self, request):
        body = json.loads(await request.text())
        if self.post_answer is not None:
            return self.post_answer(body)
        if self.swallow_posts:
            self.swallow_posts -= 1
            request.transport.abort()
            return web.Response()
        queued = self.accept(body)
        if self.cut_posts:
            self.cut_posts -= 1
            request.transport.abort()
            return web.Response()
        if self.answer_gate is not None:
            await self.answer_gate.wait()
        return web.json_response({"prompt_id": queued.id, "number": 1, "node_errors": {}})

    async def _get_load(self, request):
        remaining = len(self.pending) + len(self.running)
        return web.json_response({"exec_info": {"queue_remaining": remaining}})

    async def _get_queue(self, request):
        def rows(items):
            return [[1, item.id, item.graph, {"client_id": item.client_id}, []] for item in items]

        return web.json_response(
            {"queue_running": rows(self.running), "queue_pending": rows(self.pending)}
        )

    async def _post_queue(self, request):
        for prompt_id in json.loads(await request.text()).get("delete", []):
            self._delete(prompt_id)
        await self.broadcast_status()
        return web.Response()

    def _delete(self, prompt_id):
        before = len(self.pending)
        self.pending = [item for item in self.pending if item.id != prompt_id]
        return len(self.pending) < before

    async def _get_history(self, request):
        prompt_id = request.match_info["id"]
        if self.hide_history:
            self.hide_history -= 1
            return web.json_response({})
        entry = self.history.get(prompt_id)
        return web.json_response({prompt_id: entry} if entry else {})

    async def _interrupt(self, request):
        text = await request.text()
        prompt_id = json.loads(text).get("prompt_id") if text else None
        self._interrupt_running(prompt_id)
        return web.Response()

    def _interrupt_running(self, prompt_id):
        if self.deaf_to_cancel:
            self.deaf_to_cancel -= 1
            return
        if prompt_id is None:
            self.stopped.update(item.id for item in self.running)
        elif any(item.id == prompt_id for item in self.running):
            self.stopped.add(prompt_id)

    def _states(self):
        return [
            *({"id": item.id, "status": "in_progress"} for item in self.running),
            *({"id": item.id, "status": "pending"} for item in self.pending),
            *({"id": prompt_id, "status": "completed"} for prompt_id in self.history),
        ]

    async def _get_jobs(self, request):
        if not self.has_jobs_api:
            raise web.HTTPNotFound
        if self.refuses_questions:
            raise web.HTTPBadGateway
        wanted = request.query["status"].split(",")
        jobs = [job for job in self._states() if job["status"] in wanted]
        return web.json_response({"jobs": jobs, "pagination": {}})

    async def _get_job(self, request):
        for job in self._states():
            if job["id"] == request.match_info["id"] and self.has_jobs_api:
                return web.json_response(job)
        return web.json_response({"error": "Job not found"}, status=404)

    async def _cancel_job(self, request):
        prompt_id = request.match_info["id"]
        if self._delete(prompt_id):
            await self.broadcast_status()
            return web.json_response({"cancelled": True})
        is_running = any(item.id == prompt_id for item in self.running)
        self._interrupt_running(prompt_id)
        return web.json_response({"cancelled": is_running})

    async def _upload(self, request):
        fields = {}
        async for part in await request.multipart():
            fields[part.name] = await part.read() if part.name == "image" else await part.text()
            if part.name == "image":
                fields["filename"] = part.filename
        key = (fields["subfolder"], fields["filename"])
        self.uploads.setdefault(key, []).append(fields)
        return web.json_response(
            {"name": fields["filename"], "subfolder": fields["subfolder"], "type": fields["type"]}
        )

    async def _view(self, request):
        query = request.query
        content = self.files.get((query["filename"], query["subfolder"], query["type"]))
        if content is None:
            raise web.HTTPNotFound
        return web.Response(body=content, content_type="image/png")

    async def _system_stats(self, request):
        device = {"name": "cpu", "vram_total": 8, "vram_free": 4}
        return web.json_response({"system": {"comfyui_version": "0.33.0"}, "devices": [device]})

    async def _object_info(self, request):
        entry = {"input": {"required": {"ckpt_name": [["a.safetensors"], {}]}}}
        return web.json_response({"CheckpointLoaderSimple": entry})


BRISK = dataclasses.replace(
    Timing(), silence=0.5, gone_apart=0.2, poll_first=0.1, cancel_repeat=0.2, status_wait=0.5
)
"""For a server that answers at once; all that a loaded machine needs time for is as usual."""
