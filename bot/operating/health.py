"""HTTP server of `/healthz`, `/readyz` and `/metrics`."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Self

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

Measure = Callable[[], Awaitable[bytes]]
"""Returns the current metrics in Prometheus's text format."""

Readiness = Callable[[], Awaitable[Mapping[str, bool]]]
"""Returns for each part (gateway, database, backends) whether it works at the moment."""


class HealthServer:
    """Serves the three paths until closed; closing twice is safe."""

    def __init__(self, *, host: str, port: int, readiness: Readiness, measure: Measure) -> None:
        self._host, self._port = host, port
        self._readiness = readiness
        self._measure = measure
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> Self:
        """Bind and serve. Raises OSError when the address is in use."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        return self

    @property
    def port(self) -> int:
        """The bound port, which differs from the requested one if that was 0."""
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop serving."""
        await self._runner.cleanup()

    async def _healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def _readyz(self, _request: web.Request) -> web.Response:
        parts = dict(await self._readiness())
        return web.json_response(parts, status=200 if all(parts.values()) else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        body = await self._measure()
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
