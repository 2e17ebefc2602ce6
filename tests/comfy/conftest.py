"""The servers that the client is tried on: a scriptable one, the stand-in, and a real one."""

import asyncio
import dataclasses
import uuid

import aiohttp
import pytest

from comfy.kinds import BackendSettings
from comfy.server import ComfyServer
from tests.support import waiting
from tests.support.comfyui_places import open_place
from tests.support.pictures import build_mask, build_noise, build_png
from tests.support.scripted_comfyui import BRISK, GRAPH, QUICK, ScriptedComfyUI


@pytest.fixture
async def comfy():
    server = ScriptedComfyUI()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def connect(comfy):
    """Build and open backends to the scripted server; they are closed at the end."""
    backends = []

    async def build(url=None, **changes):
        settings = BackendSettings(url or comfy.url)
        backend = ComfyServer(settings, dataclasses.replace(QUICK, **changes))
        backends.append(backend)
        await backend.open()
        return backend

    yield build
    for backend in backends:
        await backend.close()


REAL = pytest.param("real", marks=pytest.mark.real_comfyui)


@pytest.fixture(params=["0.33.0", "0.3.64", REAL])
async def place(request):
    """The stand-in in both versions, and a real ComfyUI."""
    async with open_place(request.param) as opened:
        yield opened


@pytest.fixture
def each_backend(place):
    """The backend to each of them."""
    return place.backend


@pytest.fixture(scope="session")
def noise():
    """A picture that no encoder makes smaller than 20 MB."""
    return build_noise(2700)


@pytest.fixture
def mask():
    """The left half is transparent."""
    return build_mask()


@pytest.fixture
def png():
    """A picture that no earlier run had."""
    return build_png()


@pytest.fixture
def brisk():
    return BRISK


@pytest.fixture
def quick():
    return QUICK


@pytest.fixture
async def backend(connect):
    return await connect()


@pytest.fixture
async def stranger():
    """Another client of the same server."""
    async with aiohttp.ClientSession() as client:
        yield client


@pytest.fixture
def graph():
    return {node_id: dict(node) for node_id, node in GRAPH.items()}


@pytest.fixture
def prompt_id():
    return str(uuid.uuid4())


@pytest.fixture
def eventually():
    return waiting.eventually


@pytest.fixture
def follow():
    """Follow a run to its end and return its events."""

    async def collect(backend, prompt_id, graph, **options):
        async with asyncio.timeout(20):
            return [event async for event in backend.run(graph, prompt_id, **options)]

    return collect


@pytest.fixture
def start_following(follow):
    """Follow in a task of its own, which is ended with the test."""
    tasks = []

    def start(backend, prompt_id, graph, **options):
        task = asyncio.create_task(follow(backend, prompt_id, graph, **options))
        tasks.append(task)
        return task

    yield start
    for task in tasks:
        task.cancel()
