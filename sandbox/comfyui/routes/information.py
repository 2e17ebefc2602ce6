"""Read-only routes: node classes, models, features, system statistics."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.comfyui.engine import Engine

Route = tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]


class InformationRoutes:
    """The read-only routes."""

    def __init__(self, server: Engine) -> None:
        self._server = server

    def routes(self) -> list[Route]:
        """Return method, path and handler of each."""
        return [
            ("GET", "/", self._page),
            ("GET", "/object_info", self._object_info),
            ("GET", "/object_info/{class_type}", self._object_info_of),
            ("GET", "/system_stats", self._system_stats),
            ("GET", "/features", self._features),
            ("GET", "/models", self._folders),
            ("GET", "/models/{folder}", self._models),
            ("GET", "/embeddings", self._embeddings),
        ]

    async def _page(self, _: web.Request) -> web.Response:
        text = "<!doctype html><title>ComfyUI</title>A stand-in for ComfyUI: it has no editor."
        return web.Response(text=text, content_type="text/html")

    async def _object_info(self, _: web.Request) -> web.Response:
        installation = self._server.installation
        files = self._server.folders.input_files()
        return web.json_response(
            {name: installation.object_info(name, files) for name in installation.classes}
        )

    async def _object_info_of(self, request: web.Request) -> web.Response:
        class_type = request.match_info["class_type"]
        files = self._server.folders.input_files()
        info = self._server.installation.object_info(class_type, files)
        return web.json_response({} if info is None else {class_type: info})

    async def _system_stats(self, _: web.Request) -> web.Response:
        return web.json_response(_system_stats(self._server.version))

    async def _features(self, _: web.Request) -> web.Response:
        return web.json_response(self._server.features())

    async def _folders(self, _: web.Request) -> web.Response:
        return web.json_response(self._server.installation.folders)

    async def _models(self, request: web.Request) -> web.Response:
        files = self._server.installation.files(request.match_info["folder"])
        return web.Response(status=404) if files is None else web.json_response(files)

    async def _embeddings(self, _: web.Request) -> web.Response:
        files = self._server.installation.files("embeddings") or []
        return web.json_response([name.rsplit(".", 1)[0] for name in files])


def _system_stats(version: str) -> dict[str, Any]:
    memory = 25276502016
    system: dict[str, Any] = {
        "os": "posix" if version == "0.3.64" else "linux",
        "ram_total": memory,
        "ram_free": memory * 5 // 6,
        "comfyui_version": version,
        "required_frontend_version": "1.27.10" if version == "0.3.64" else "1.49.6",
        "python_version": "3.11.7 (main, May  9 2026, 07:35:25) [GCC 12.2.0]",
        "pytorch_version": "2.13.0+cpu",
        "embedded_python": False,
        "argv": ["main.py", "--cpu", "--listen", "127.0.0.1"],
    }
    if version != "0.3.64":
        system["comfy_package_versions"] = [
            {"name": "comfyui-frontend-package", "installed": "1.49.6", "required": "1.49.6"}
        ]
        system["deploy_environment"] = "local-git"
    device = {
        "name": "cpu",
        "type": "cpu",
        "index": None,
        "vram_total": memory,
        "vram_free": memory * 5 // 6,
        "torch_vram_total": memory,
        "torch_vram_free": memory * 5 // 6,
    }
    return {"system": system, "devices": [device]}
