"""The jobs API, which only the newer version has and only under /api."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from sandbox.comfyui.engine import Engine
from sandbox.comfyui.jobs import Job
from sandbox.comfyui.routes.prompt_queue import CANONICAL_UUID
from sandbox.comfyui.transcript import Cancel
from sandbox.scenarios import FalseCancel

STATUSES: Final = ("pending", "in_progress", "completed", "failed", "cancelled")
_STATUS_OF_ENDING: Final = {
    "execution_success": "completed",
    "execution_error": "failed",
    "execution_interrupted": "cancelled",
}

Route = tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]


class _BadParameterError(Exception):
    """A query parameter is refused; the text is the answer's error."""


class JobRoutes:
    """GET /api/jobs, one job, and cancelling."""

    def __init__(self, server: Engine) -> None:
        self._server = server

    def routes(self) -> list[Route]:
        """Return method, path and handler of each."""
        return [
            ("GET", "/api/jobs", self._list),
            ("POST", "/api/jobs/cancel", self._cancel_many),
            ("GET", "/api/jobs/{prompt_id}", self._one),
            ("POST", "/api/jobs/{prompt_id}/cancel", self._cancel),
        ]

    async def _list(self, request: web.Request) -> web.Response:
        try:
            jobs = self._chosen(request)
            limit = _whole_number(request, "limit", None, 1)
            offset = _whole_number(request, "offset", 0, 0) or 0
        except _BadParameterError as bad:
            return web.json_response({"error": str(bad)}, status=400)
        page = jobs[offset:] if limit is None else jobs[offset : offset + limit]
        pagination = {
            "offset": offset,
            "limit": limit,
            "total": len(jobs),
            "has_more": offset + len(page) < len(jobs),
        }
        return web.json_response({"jobs": page, "pagination": pagination})

    async def _one(self, request: web.Request) -> web.Response:
        job = self._find(request.match_info["prompt_id"])
        if job is None:
            return web.json_response({"error": "Job not found"}, status=404)
        facts = self._summary(job)
        if job.ending is not None and facts["status"] not in {"pending", "in_progress"}:
            facts["outputs"] = job.outputs
            facts["execution_status"] = job.status()
            facts["workflow"] = {"prompt": job.graph, "extra_data": job.as_tuple()[3]}
        return web.json_response(facts)

    async def _cancel(self, request: web.Request) -> web.Response:
        cancelled = self._stop(request.match_info["prompt_id"])
        return web.json_response({"cancelled": cancelled})

    async def _cancel_many(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        job_ids = body.get("job_ids") if isinstance(body, dict) else None
        if not isinstance(job_ids, list):
            return web.json_response({"error": "job_ids must be a list"}, status=400)
        invalid = [job_id for job_id in job_ids if not CANONICAL_UUID.fullmatch(str(job_id))]
        if invalid:
            answer = {"error": "job_ids contains invalid id(s)", "invalid_ids": invalid}
            return web.json_response(answer, status=400)
        stopped = [self._stop(job_id) for job_id in job_ids]
        return web.json_response({"cancelled": any(stopped)})

    def _stop(self, prompt_id: str) -> bool:
        """Delete a waiting prompt or interrupt a running one; return whether it did either."""
        server = self._server
        running = server.jobs.running is not None and server.jobs.running.prompt_id == prompt_id
        waiting = any(job.prompt_id == prompt_id for job in server.jobs.pending)
        pretended = (running or waiting) and server.faults.take(FalseCancel, prompt_id) is not None
        effect = (running or waiting) and not pretended
        server.log.cancels.append(Cancel("job cancel", prompt_id, effect=effect))
        if effect and waiting:
            server.jobs.delete(prompt_id)
            server.tell_queue()
        elif effect:
            server.interrupt()
        return running or waiting

    def _find(self, prompt_id: str) -> Job | None:
        store = self._server.jobs
        unfinished = [*store.pending, *([store.running] if store.running else [])]
        found = next((job for job in unfinished if job.prompt_id == prompt_id), None)
        return found or store.history.get(prompt_id)

    def _chosen(self, request: web.Request) -> list[dict[str, Any]]:
        query = request.query
        wanted = [name for name in query.get("status", "").split(",") if name]
        unknown = [name for name in wanted if name not in STATUSES]
        if unknown:
            valid = ", ".join(STATUSES)
            text = f"Invalid status value(s): {', '.join(unknown)}. Valid values: {valid}"
            raise _BadParameterError(text)
        sort_by = query.get("sort_by", "created_at")
        if sort_by not in {"created_at", "execution_duration"}:
            raise _BadParameterError("sort_by must be 'created_at' or 'execution_duration'")
        store = self._server.jobs
        jobs = [
            *store.pending,
            *([store.running] if store.running else []),
            *store.history.values(),
        ]
        summaries = [self._summary(job) for job in jobs]
        if wanted:
            summaries = [facts for facts in summaries if facts["status"] in wanted]
        if "workflow_id" in query:
            summaries = [f for f in summaries if f.get("workflow_id") == query["workflow_id"]]
        key = _duration if sort_by == "execution_duration" else _created
        return sorted(summaries, key=key, reverse=query.get("sort_order", "desc") != "asc")

    def _summary(self, job: Job) -> dict[str, Any]:
        store = self._server.jobs
        status = "pending" if job in store.pending else "in_progress"
        finished = store.history.get(job.prompt_id) is job
        if finished:
            status = _STATUS_OF_ENDING[job.ending or "execution_error"]
        facts: dict[str, Any] = {
            "id": job.prompt_id,
            "status": status,
            "priority": job.number,
            "create_time": job.create_time,
        }
        if finished:
            facts["execution_start_time"] = job.messages[0][1]["timestamp"]
            facts["execution_end_time"] = job.messages[-1][1]["timestamp"]
        if status == "failed":
            facts["execution_error"] = job.messages[-1][1]
        items = _output_items(job)
        facts["outputs_count"] = facts["previewable_outputs_count"] = len(items) if finished else 0
        if finished and items:
            facts["preview_output"] = next((i for i in items if i["type"] == "output"), items[0])
        workflow = (job.extra_data.get("extra_pnginfo") or {}).get("workflow") or {}
        if workflow.get("id"):
            facts["workflow_id"] = workflow["id"]
        return facts


def _output_items(job: Job) -> list[dict[str, Any]]:
    return [
        {**item, "nodeId": node_id, "mediaType": media}
        for node_id, shown in job.outputs.items()
        for media, items in shown.items()
        for item in items
        if isinstance(item, dict)
    ]


def _created(facts: dict[str, Any]) -> float:
    created: float = facts["create_time"]
    return created


def _duration(facts: dict[str, Any]) -> float:
    ended: float = facts.get("execution_end_time", 0)
    started: float = facts.get("execution_start_time", 0)
    return ended - started


def _whole_number(request: web.Request, name: str, default: int | None, least: int) -> int | None:
    text = request.query.get(name)
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError as error:
        raise _BadParameterError(f"{name} must be an integer") from error
    if value < least:
        kind = "positive" if least else "non-negative"
        raise _BadParameterError(f"{name} must be a {kind} integer")
    return value
