"""The whole program on a service that speaks the Comfy API v2: the official comfy-api-proxy."""

import asyncio

import pytest
from aiohttp import web
from PIL import Image

from sandbox.comfyui import ComfyUIStandIn
from tests.support.api_proxy import api_proxy

PATIENCE_S = 60


def describe_backend(folder, url):
    folder.mkdir(exist_ok=True)
    entry = f'[[backend]]\nkind = "comfy-api"\nname = "hosted"\nurl = "{url}"\n'
    (folder / "backends.toml").write_text(entry)


async def test_from_the_terminal_to_a_picture(limner, tmp_path, picture):
    (tmp_path / "given.png").write_bytes(picture())
    async with (
        ComfyUIStandIn(step_seconds=0.01, load_seconds=0, largest_drawing=128) as comfyui,
        api_proxy(comfyui.url) as url,
    ):
        describe_backend(tmp_path / "data", url)
        checked = await limner("check")
        made = await limner("generate", "a fox", "--image", "given.png", "--out", "pictures")
    line = " ".join(checked.stdout.split())
    assert "backend hosted: comfy-api-proxy (Comfy API v2); unknown: load, memory" in line
    assert made.returncode == 0, made.stderr
    (path,) = made.stdout.splitlines()
    with Image.open(tmp_path / path) as result:
        assert result.format == "PNG"
    assert len(comfyui.log.posts) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_killed_between_submission_and_note_it_runs_once(environment, process, moment):
    submitted, forever = asyncio.Event(), asyncio.Event()

    @web.middleware
    async def hold(request, handler):
        """Let the first submission reach the service, or not, and never answer it."""
        is_first = request.method == "POST" and request.path.endswith("/jobs")
        if not is_first or submitted.is_set():
            return await handler(request)
        if moment == "after":
            response = await handler(request)
            if response.status != web.HTTPCreated.status_code:
                return response  # how it wants labels is found out first
        submitted.set()
        await forever.wait()
        return web.Response()

    async with api_proxy(environment.comfyui.url, [hold]) as url:
        describe_backend(environment.data, url)
        async with process(COMFYUI_URLS="") as child:
            await environment.world.wait_until_connected(PATIENCE_S)
            reply = await environment.ana.slash("general", "imagine", prompt="a patient fox")
            async with asyncio.timeout(PATIENCE_S):
                await submitted.wait()
            child.kill()
        async with process(COMFYUI_URLS=""):
            await reply.until(environment.is_done, PATIENCE_S)
        forever.set()
    assert len(environment.comfyui.log.posts) == 1
    assert not environment.comfyui.log.repeated()
