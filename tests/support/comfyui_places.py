"""A ComfyUI with a backend to it: the stand-in, or a real one."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from comfy.api_v2.client import ComfyApiV2
from comfy.api_v2.job_store import MemoryJobStore
from comfy.kinds import BackendSettings
from comfy.server import ComfyServer
from comfy.timeouts import Timing
from sandbox.comfyui import ComfyUIStandIn
from tests.support.api_proxy import api_proxy
from tests.support.scripted_comfyui import BRISK


@dataclass
class Place:
    """A ComfyUI, a backend to it, and the stand-in itself if it is one."""

    url: str
    backend: ComfyServer | ComfyApiV2
    stand_in: ComfyUIStandIn | None = None


@asynccontextmanager
async def open_place(kind: str) -> AsyncIterator[Place]:
    """Open a version of the stand-in, the official proxy before it, or a real ComfyUI."""
    if kind == "comfy-api-proxy":
        opened = open_proxied()
    elif kind == "real":
        opened = _open_real()
    else:
        opened = open_stand_in(kind)
    async with opened as place:
        yield place


@asynccontextmanager
async def _open_real() -> AsyncIterator[Place]:
    url = os.environ.get("LIMNER_TEST_COMFYUI_URL")
    if not url:
        pytest.skip("LIMNER_TEST_COMFYUI_URL is not set")
    async with open_backend(url) as backend:
        yield Place(url, backend)


@asynccontextmanager
async def open_stand_in(version: str) -> AsyncIterator[Place]:
    """Run the stand-in with small models, and a backend to it."""
    stand_in = ComfyUIStandIn(
        version=version,
        step_seconds=0.02,
        load_seconds=0,
        models={
            "checkpoints": ["tiny_sd3.safetensors"],
            "vae": ["hunyuan3d-vae-v2.safetensors"],
        },
        largest_drawing=64,
    )
    async with stand_in, open_backend(stand_in.url, BRISK) as backend:
        yield Place(stand_in.url, backend, stand_in)


@asynccontextmanager
async def open_proxied() -> AsyncIterator[Place]:
    """Run the official comfy-api-proxy before the stand-in, and a backend to it."""
    async with open_stand_in("0.33.0") as place, api_proxy(place.url) as url:
        backend = ComfyApiV2(BackendSettings(url), MemoryJobStore(), BRISK)
        try:
            yield Place(url, backend, place.stand_in)
        finally:
            await backend.close()


@asynccontextmanager
async def open_backend(url: str, timing: Timing | None = None) -> AsyncIterator[ComfyServer]:
    """Open a backend to a ComfyUI; it is closed with the block."""
    backend = ComfyServer(BackendSettings(url), timing)
    await backend.open()
    try:
        yield backend
    finally:
        await backend.close()
