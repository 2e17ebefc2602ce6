"""A small service that speaks the Comfy API v2 as deployments and Comfy Cloud are documented to."""

import asyncio
import json
import uuid
from dataclasses import dataclass, field

from aiohttp import web

KEY = "comfyui-secret"
PREFIX = "/deployment/dep-1"
"""What a gateway mounts the API under; links in answers have it already."""

PICTURE = b"\x89PNG\r\n\x1a\n" + b"p" * 64
NODES = {"SaveImage": {"input": {"required": {}}, "output_node": True}}


@dataclass
class Refusal:
    """An answer to a request that says that nothing ran."""

    status: int
    code: str
    retry_after: int | None = None


@dataclass
class ApiJob:
    """A job. It ends once `may_end` is set, which it is unless `service.holds` says otherwise."""

    id: str
    key: str | None
    body: dict
    status: str = "queued"
    may_end: asyncio.Event = field(default_factory=asyncio.Event)


class ComfyApiService:
    """`submissions` are what happens to the next POSTs: a Refusal, "lose" (taken, the answer is
    cut), "drop" (cut before it is taken), or "take". Cloud refuses labels and lists nothing."""

    def __init__(self, *, is_cloud=False):
        self.is_cloud = is_cloud
        self.submissions = []
        self.events = "stream"
        self.holds = False
        self.is_away = False
        self.refuses_all = None
        self.hidden_lists = 0
        self.forgets_labels = False
        self.failure = None
        self.jobs, self.keys, self.assets = {}, set(), {}
        self.requests, self.storage_headers, self.posted_keys = [], [], []
        self.location = None
        self._runner = self._storage = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}{PREFIX}"

    @property
    def storage_url(self):
        return f"http://127.0.0.1:{self._storage.addresses[0][1]}"

    async def __aenter__(self):
        app = web.Application(middlewares=[self._guard], client_max_size=2**26)
        api = f"{PREFIX}/api/v2"
        app.router.add_post(f"{api}/jobs", self._submit)
        app.router.add_get(f"{api}/jobs", self._list)
        app.router.add_get(f"{api}/jobs/{{id}}", self._get)
        app.router.add_get(f"{api}/jobs/{{id}}/events", self._stream)
        app.router.add_post(f"{api}/jobs/{{id}}/cancel", self._cancel)
        app.router.add_post(f"{api}/assets", self._upload)
        app.router.add_get(f"{api}/assets/{{id}}/content", self._content)
        storage = web.Application()
        storage.router.add_get("/signed/{id}", self._signed)
        self._runner, self._storage = await _serve(app), await _serve(storage)
        return self

    async def __aexit__(self, *_):
        for job in self.jobs.values():
            job.may_end.set()
        await self._runner.cleanup()
        await self._storage.cleanup()

    @web.middleware
    async def _guard(self, request, handler):
        self.requests.append((request.method, request.path.removeprefix(PREFIX)))
        if self.is_away:
            request.transport.abort()
            return web.Response()
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return _error(401, "unauthorized")
        if self.refuses_all is not None:
            return _error(self.refuses_all.status, self.refuses_all.code)
        return await handler(request)

    async def _submit(self, request):
        body, key = await request.json(), request.headers.get("Idempotency-Key")
        plan = self.submissions.pop(0) if self.submissions else "take"
        self.posted_keys.append(key)
        if plan == "drop":
            request.transport.abort()
            return web.Response()
        if self.is_cloud and "metadata" in body:
            if plan != "take":
                self.submissions.insert(0, plan)
            self.posted_keys.pop()
            return _error(422, "metadata_not_supported")
        if isinstance(plan, Refusal):
            return _error(plan.status, plan.code, retry_after=plan.retry_after)
        if key in self.keys:
            return _error(422, "idempotency_key_reuse")
        self.keys.add(key)
        job = ApiJob(str(uuid.uuid4()), key, body)
        if not self.holds:
            job.may_end.set()
        self.jobs[job.id] = job
        if plan == "lose":
            request.transport.abort()
            return web.Response()
        return web.json_response(self._describe(job), status=201)

    async def _list(self, request):
        if self.is_cloud:
            return _error(501, "not_implemented")
        if self.hidden_lists:
            self.hidden_lists -= 1
            return web.json_response({"jobs": []})
        label = request.query.get("metadata[limner]")
        items = [
            {"id": job.id, "status": job.status, "metadata": job.body.get("metadata")}
            for job in reversed(self.jobs.values())
            if label is None or (job.body.get("metadata") or {}).get("limner") == label
        ]
        return web.json_response({"jobs": [] if self.forgets_labels else items})

    async def _get(self, request):
        job = self.jobs.get(request.match_info["id"])
        if job is None:
            return _error(404, "not_found")
        self._advance(job)
        return web.json_response(self._describe(job))

    async def _stream(self, request):
        job = self.jobs[request.match_info["id"]]
        if self.events == "501":
            return _error(501, "not_implemented")
        if self.events == "429":
            return _error(429, "too_many_streams", retry_after=0)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if self.events == "missing":
            return response
        preview = {"node_id": "3", "content_type": "image/jpeg", "data_base64": "/9j/4A=="}
        progress = {"value": 0.5, "current_node": "3", "step": 2, "steps": 4}
        await response.write(b": keepalive\n\n")
        for name, payload in (
            ("status", {"status": "running"}),
            ("progress", progress),
            ("preview", preview),
            ("surprise", {"what": 1}),
        ):
            await response.write(f"event: {name}\ndata: {json.dumps(payload)}\n\n".encode())
        if self.events == "silent":
            await asyncio.Event().wait()
        await job.may_end.wait()
        self._advance(job)
        self._advance(job)
        final = json.dumps({"status": job.status})
        await response.write(f"event: status\r\ndata: {final}\r\n\r\n".encode())
        return response

    async def _cancel(self, request):
        job = self.jobs[request.match_info["id"]]
        if job.status in {"queued", "running"}:
            job.status = "canceled"
        job.may_end.set()
        return web.json_response(self._describe(job))

    async def _upload(self, request):
        form = await request.post()
        asset_id = str(uuid.uuid4())
        self.assets[asset_id] = (form["file_path"], form["file"].file.read())
        return web.json_response({"id": asset_id, "hash": None}, status=201)

    async def _content(self, request):
        signed = f"{self.storage_url}/signed/{request.match_info['id']}?signature=s"
        raise web.HTTPFound(self.location or signed)

    async def _signed(self, request):
        self.storage_headers.append(dict(request.headers))
        return web.Response(body=PICTURE, content_type="image/png")

    def _advance(self, job):
        """Each question moves a job one status on."""
        if job.status == "queued":
            job.status = "running"
        elif job.status == "running" and job.may_end.is_set():
            job.status = "failed" if self.failure else "succeeded"

    def _describe(self, job):
        link = f"{PREFIX}/api/v2/jobs/{job.id}"
        output = {
            "node_id": "9",
            "name": "a.png",
            "type": "image",
            "content_type": "image/png",
            "id": f"asset-of-{job.id}",
        }
        return {
            "id": job.id,
            "status": job.status,
            "progress": None,
            "outputs": [output] if job.status == "succeeded" else [],
            "error": self.failure if job.status == "failed" else None,
            "urls": {"self": link, "events": f"{link}/events", "cancel": f"{link}/cancel"},
        }


async def _serve(app):
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner


def _error(status, code, *, retry_after=None):
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    error = {"code": code, "message": f"The service says {code}."}
    return web.json_response({"error": error}, status=status, headers=headers)
