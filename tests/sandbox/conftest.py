"""A stand-in ComfyUI with nothing to wait for, a client for it, recordings, and a browser."""

import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from benchmarks.browser import CHROMIUM_MISSING, find_chromium, open_browser
from sandbox.comfyui import ComfyUIStandIn
from tests.support.comfyui_client import Client
from tests.support.recordings import RECORDINGS, TINY_MODELS, Replay


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
    def build(
        prompt: str = "a red fox in the snow",
        seed: int = 42,
        steps: int = 4,
        side: int = 64,
        checkpoint: str = "dreamshaper_8.safetensors",
    ) -> dict[str, Any]:
        sampler = {
            "seed": seed,
            "steps": steps,
            "cfg": 4.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        }
        size = {"width": side, "height": side, "batch_size": 1}
        return {
            "3": {"class_type": "KSampler", "inputs": sampler},
            "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": checkpoint}},
            "5": {"class_type": "EmptyLatentImage", "inputs": size},
            "6": {"class_type": "CLIPTextEncode", "inputs": {"text": prompt, "clip": ["4", 1]}},
            "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["4", 1]}},
            "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
            "9": {
                "class_type": "SaveImage",
                "inputs": {"filename_prefix": "fox", "images": ["8", 0]},
            },
        }

    return build


@pytest.fixture
def replay(tmp_path: Path) -> Callable[[str, str], Awaitable[None]]:
    """Do what a recording's client did and compare every message and answer."""

    async def play(version: str, name: str) -> None:
        lines = (RECORDINGS / version / f"standin_{name}.jsonl").read_text().splitlines()
        (tmp_path / "input").mkdir()
        (tmp_path / "input" / "corrupt.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
        options = {"step_seconds": 0.05, "load_seconds": 0, "models": TINY_MODELS, "root": tmp_path}
        if name == "two_clients":
            options["load_seconds"] = 1
        async with (
            ComfyUIStandIn(version=version, **options) as comfy,
            aiohttp.ClientSession() as http,
        ):
            replayer = Replay(comfy, http)
            for number, line in enumerate(lines):
                await replayer.follow(json.loads(line), f"{name} line {number + 1}")

    return play


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    if find_chromium() is None:
        if os.environ.get("CI"):
            pytest.fail(CHROMIUM_MISSING)
        pytest.skip(CHROMIUM_MISSING)
    async with open_browser() as opened:
        yield opened
