"""A stand-in ComfyUI with nothing to wait for, a client for it, recordings, and a browser."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from benchmarks.browser import CHROMIUM_MISSING, Visitor, find_chromium, open_browser
from sandbox.comfyui import ComfyUIStandIn
from tests.support import recordings
from tests.support.comfyui_client import Client
from tests.support.graphs import build_txt2img


@pytest.fixture
async def comfy() -> AsyncIterator[ComfyUIStandIn]:
    async with ComfyUIStandIn(step_seconds=0, load_seconds=0) as stand_in:
        yield stand_in


@pytest.fixture
async def client(comfy: ComfyUIStandIn) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as http:
        yield Client(comfy, http)


@pytest.fixture
async def old_client() -> AsyncIterator[Client]:
    async with (
        ComfyUIStandIn(version="0.3.64", step_seconds=0, load_seconds=0) as comfy,
        aiohttp.ClientSession() as http,
    ):
        yield Client(comfy, http)


@pytest.fixture(params=["0.33.0", "0.3.64"])
async def any_client(request) -> AsyncIterator[Client]:
    async with (
        ComfyUIStandIn(version=request.param, step_seconds=0, load_seconds=0) as comfy,
        aiohttp.ClientSession() as http,
    ):
        yield Client(comfy, http)


@pytest.fixture
def txt2img() -> Callable[..., dict[str, Any]]:
    return build_txt2img


@pytest.fixture
def replay(tmp_path: Path) -> Callable[[str, str], Awaitable[None]]:
    return partial(recordings.replay, folder=tmp_path)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    if find_chromium() is None:
        if os.environ.get("CI"):
            pytest.fail(CHROMIUM_MISSING)
        pytest.skip(CHROMIUM_MISSING)
    async with open_browser() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def visit(browser) -> AsyncIterator[Callable[[str], AbstractAsyncContextManager[Visitor]]]:
    """Open the page at an address, with nothing left of the visit before.

    All visits are in one tab: to load the page in a new one costs more than most tests of it.
    """
    size = {"width": 1280, "height": 800}
    context = await browser.new_context(viewport=size)
    page = await context.new_page()

    @asynccontextmanager
    async def visited(url: str) -> AsyncIterator[Visitor]:
        await page.set_viewport_size(size)
        visitor = Visitor(page)
        await visitor.open(url)
        yield visitor
        await page.evaluate("sessionStorage.clear()")
        await page.goto("about:blank")
        assert visitor.problems == []

    yield visited
    await context.close()
