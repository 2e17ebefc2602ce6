"""A stand-in ComfyUI with nothing to wait for, a client for it, recordings, and a browser."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from benchmarks.browser import CHROMIUM_MISSING, find_chromium, open_browser
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
