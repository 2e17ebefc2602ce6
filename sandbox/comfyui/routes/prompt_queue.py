"""Prompts, queue, history, interrupt and free."""

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from sandbox.comfyui.engine import Engine
from sandbox.comfyui.routes.internal_error import internal_error
from sandbox.comfyui.transcript import Cancel, Post
from sandbox.comfyui.validation import InternalServerError, Validator
from sandbox.scenarios import AnswerAfterRun, LoseInterrupt, NoAnswer, StrangersPrompt

CANONICAL_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
INVALID_PROMPT_ID: Final = {
    "type": "invalid_prompt_id",
    "message": "prompt_id must be a valid UUID",
    "details": "prompt_id must be a UUID string in canonical lowercase hyphenated form; "
    "omit it to let the server generate one",
    "extra_info": {},
}
NO_PROMPT: Final = {
    "type": "no_prompt",
    "message": "No prompt provided",
    "details": "No prompt provided",
    "extra_info": {},
}

Route = tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]


class QueueRoutes:
    """The routes about prompts that both versions have."""

    def __init__(self, server: Engine) -> None:
        self._server = server

    def routes(self) -> list[Route]:
        """Return method, path and handler of each."""
        return [
            ("GET", "/prompt", self._count),
            ("POST", "/prompt", self._post),
            ("GET", "/queue", self._queue),
            ("POST", "/queue", self._change_queue),
            ("POST", "/interrupt", self._interrupt),
            ("GET", "/history", self._history),
            ("GET", "/history/{prompt_id}", self._history_of),
            ("POST", "/history", self._change_history),
            ("POST", "/free", self._free),
        ]

    async def _count(self, _: web.Request) -> web.Response:
        return web.json_response({"exec_info": {"queue_remaining": self._server.jobs.remaining}})

    async def _post(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        number = self._take_number(body)
        if not isinstance(body, dict) or "prompt" not in body:
            return _refusal(NO_PROMPT, {})
        prompt_id = self._chosen_id(body)
        if prompt_id is None:
            return _refusal(INVALID_PROMPT_ID, {})
        targets = body.get("partial_execution_targets")
        verdict = self._validator().validate(body["prompt"], targets)
        extra_data = self._extra_data(body)
        client_id = extra_data.get("client_id")
        accepted = verdict.error is None
        self._server.log.posts.append(
            Post(prompt_id, client_id, body["prompt"], accepted, extra_data)
        )
        if verdict.error is not None:
            return _refusal(verdict.error, verdict.node_errors)
        stranger = self._server.faults.take(StrangersPrompt, prompt_id)
        if stranger is not None:
            self._server.enqueue_anonymous(stranger.steps, number - 0.5)
        self._server.enqueue(
            body["prompt"],
            verdict.outputs,
            prompt_id=prompt_id,
            extra_data=extra_data,
            number=number,
        )
        await self._hold_answer_back(prompt_id)
        answer = {"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors}
        return web.json_response(answer)

    async def _hold_answer_back(self, prompt_id: str) -> None:
        if self._server.faults.take(NoAnswer, prompt_id) is not None:
            await asyncio.Event().wait()
        if self._server.faults.take(AnswerAfterRun, prompt_id) is not None:
            await self._server.wait_until_over(prompt_id)
            await self._server.hub.flushed()

    def _take_number(self, body: object) -> float:
        """Assign the queue number; a refused prompt uses up a number as well."""
        store = self._server.jobs
        if isinstance(body, dict) and "number" in body:
            try:
                return float(body["number"])
            except (TypeError, ValueError) as error:
                raise InternalServerError from error
        number = store.next_number
        store.next_number += 1
        in_front = isinstance(body, dict) and body.get("front")
        return -number if in_front else number

    def _chosen_id(self, body: dict[str, Any]) -> str | None:
        """Return the prompt's id, or None when the requested one is invalid."""
        old = self._server.version == "0.3.64"
        if "prompt_id" not in body or (body["prompt_id"] is None and not old):
            return str(uuid.uuid4())
        chosen = str(body["prompt_id"])
        return chosen if old or CANONICAL_UUID.fullmatch(chosen) else None

    def _validator(self) -> Validator:
        server = self._server
        files = server.folders.input_files()
        return Validator(
            version=server.version,
            describe=lambda class_type: server.installation.object_info(class_type, files),
            file_exists=lambda name: server.folders.annotated(name) is not None,
        )

    def _extra_data(self, body: dict[str, Any]) -> dict[str, Any]:
        extra_data = body.get("extra_data", {})
        if not isinstance(extra_data, dict):
            raise InternalServerError
        if "client_id" in body:
            extra_data["client_id"] = body["client_id"]
        return extra_data

    async def _queue(self, _: web.Request) -> web.Response:
        store = self._server.jobs
        running = [store.running.as_tuple()] if store.running else []
        pending = [job.as_tuple() for job in store.pending]
        return web.json_response({"queue_running": running, "queue_pending": pending})

    async def _change_queue(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        if body.get("clear"):
            self._server.log.cancels.append(Cancel("queue clear", None, effect=True))
            self._server.clear_queue()
        for prompt_id in body.get("delete", ()):
            deleted = self._server.jobs.delete(prompt_id)
            self._server.log.cancels.append(Cancel("queue delete", prompt_id, effect=deleted))
            if deleted:
                self._server.tell_queue()
        return web.Response()

    async def _interrupt(self, request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.text())
        except json.JSONDecodeError:
            body = {}
        prompt_id = body.get("prompt_id") if isinstance(body, dict) else None
        running = self._server.jobs.running
        meant = prompt_id is None or (running is not None and running.prompt_id == prompt_id)
        lost = meant and self._server.faults.take(LoseInterrupt, prompt_id) is not None
        effect = meant and not lost and running is not None
        self._server.log.cancels.append(Cancel("interrupt", prompt_id, effect=effect))
        if meant and not lost:
            self._server.interrupt()
        return web.Response()

    async def _history(self, request: web.Request) -> web.Response:
        limits = []
        for name in ("max_items", "offset"):
            text = request.query.get(name)
            try:
                limits.append(int(text) if text is not None else None)
            except ValueError:
                return internal_error()
        max_items, offset = limits
        return web.json_response(
            self._server.jobs.entries(max_items, -1 if offset is None else offset)
        )

    async def _history_of(self, request: web.Request) -> web.Response:
        job = self._server.jobs.history.get(request.match_info["prompt_id"])
        return web.json_response({job.prompt_id: job.as_history()} if job else {})

    async def _change_history(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        if body.get("clear"):
            self._server.jobs.history.clear()
        for prompt_id in body.get("delete", ()):
            self._server.jobs.history.pop(prompt_id, None)
        return web.Response()

    async def _free(self, request: web.Request) -> web.Response:
        body = json.loads(await request.text())
        if body.get("free_memory"):
            self._server.free()
        return web.Response()


def _refusal(error: dict[str, Any], node_errors: dict[str, Any]) -> web.Response:
    return web.json_response({"error": error, "node_errors": node_errors}, status=400)
