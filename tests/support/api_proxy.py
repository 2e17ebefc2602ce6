"""The official comfy-api-proxy in this process, on a real socket."""

from contextlib import asynccontextmanager

from aiohttp import web
from comfy_api_proxy.app import make_app


@asynccontextmanager
async def api_proxy(comfyui_url, *, state_dir=None, port=0):
    """Serve the Comfy API v2 over a ComfyUI; yield the URL."""
    runner = web.AppRunner(make_app(comfyui_url, state_dir=state_dir), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
