"""The official comfy-api-proxy in this process, on a real socket."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Middleware
from comfy_api_proxy.app import make_app


@asynccontextmanager
async def api_proxy(comfyui_url: str, middlewares: Sequence[Middleware] = ()) -> AsyncIterator[str]:
    """Serve the Comfy API v2 over a ComfyUI; yield the URL."""
    app = make_app(comfyui_url, middlewares=list(middlewares))
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
