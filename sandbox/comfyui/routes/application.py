"""The HTTP and WebSocket application; every path exists with and without the /api prefix."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import WSMsgType, web
from yarl import URL

from sandbox.comfyui.engine import UPLOAD_LIMIT, Engine
from sandbox.comfyui.hub import Client
from sandbox.comfyui.routes.files import FileRoutes
from sandbox.comfyui.routes.information import InformationRoutes
from sandbox.comfyui.routes.internal_error import internal_error
from sandbox.comfyui.routes.jobs import JobRoutes
from sandbox.comfyui.routes.prompt_queue import QueueRoutes
from sandbox.comfyui.validation import InternalServerError
from sandbox.scenarios import ServerError, StopAnswering

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_application(server: Engine) -> web.Application:
    """Build the application for one start of the server."""
    application = web.Application(
        client_max_size=UPLOAD_LIMIT, middlewares=[_build_middleware(server)]
    )
    queue, files, information = QueueRoutes(server), FileRoutes(server), InformationRoutes(server)
    routes: list[tuple[str, str, Handler]] = [
        ("GET", "/ws", SocketRoute(server).handle),
        *queue.routes(),
        *files.routes(),
        *information.routes(),
    ]
    for method, path, handler in routes:
        application.router.add_route(method, path, handler)
        application.router.add_route(method, f"/api{path}", handler)
    if server.version != "0.3.64":
        for method, path, handler in JobRoutes(server).routes():
            application.router.add_route(method, path, handler)
    return application


def _build_middleware(server: Engine) -> Callable[..., Awaitable[web.StreamResponse]]:
    """Build the middleware of all requests: request log, faults, origin check."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.transport is not None:
            server.add_transport(request.transport)
        server.log.requests.append((request.method, request.path))
        if _from_elsewhere(server.version, request):
            return web.Response(status=403)
        paths = request.path, request.path.removeprefix("/api")
        if server.faults.take_for_path(StopAnswering, *paths) is not None:
            await asyncio.Event().wait()
        if server.faults.take_for_path(ServerError, *paths) is not None:
            return internal_error()
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return web.Response(status=404)
        except (InternalServerError, json.JSONDecodeError):
            return internal_error()

    return middleware


def _from_elsewhere(version: str, request: web.Request) -> bool:
    """Whether a browser sent this from a page of another origin, which loopback servers refuse."""
    if version != "0.3.64" and request.headers.get("Sec-Fetch-Site") == "cross-site":
        return True
    origin = request.headers.get("Origin")
    if not origin:
        return False
    here, there = URL(f"http://{request.host}"), URL(origin)
    return here.host in LOOPBACK and (here.host, here.port) != (there.host, there.port)


class SocketRoute:
    """GET /ws."""

    def __init__(self, server: Engine) -> None:
        self._server = server

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket until it closes."""
        hub = self._server.hub
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        client = Client(socket, request)
        client_id = hub.join(request.query.get("clientId", ""), client)
        try:
            self._greet(client_id)
            first = True
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    first = self._hear(client_id, message.data, first=first)
        finally:
            hub.leave(client_id, client)
        return socket

    def _greet(self, client_id: str) -> None:
        server = self._server
        exec_info = {"queue_remaining": server.jobs.remaining}
        facts = {"status": {"exec_info": exec_info}, "sid": client_id}
        server.hub.send("status", facts, client_id)
        if server.last_node is not None and server.last_node[0] == client_id:
            server.hub.send("executing", {"node": server.last_node[1]}, client_id)

    def _hear(self, client_id: str, text: str, *, first: bool) -> bool:
        """Read feature flags from the first valid message; return whether it is still to come."""
        try:
            data: Any = json.loads(text)
        except json.JSONDecodeError:
            return first
        if not isinstance(data, dict):
            return first
        if first and data.get("type") == "feature_flags":
            self._server.hub.announce(client_id, data.get("data", {}))
            self._server.hub.send("feature_flags", self._server.features(), client_id)
        return False
