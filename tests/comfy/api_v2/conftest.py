"""A service that does what deployments and Comfy Cloud are documented to do, and clients of it."""

import dataclasses
from contextlib import asynccontextmanager

import pytest

from comfy.api_v2.client import ComfyApiV2
from comfy.api_v2.job_store import MemoryJobStore
from comfy.settings import BackendSettings
from tests.support.comfy_api_service import KEY, ComfyApiService

GRAPH = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 1}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}},
}


@pytest.fixture
def graph():
    return GRAPH


@pytest.fixture
async def service():
    """A deployment: it takes labels and lists jobs by them."""
    async with ComfyApiService() as deployment:
        yield deployment


@pytest.fixture
async def cloud():
    """Comfy Cloud: it refuses labels, and lists nothing."""
    async with ComfyApiService(is_cloud=True) as started:
        yield started


@pytest.fixture
def store():
    return MemoryJobStore()


@pytest.fixture
def timing(quick):
    return dataclasses.replace(quick, submission=1.0, unknown=1.0, unavailable=2.0)


@pytest.fixture
def connect(store, timing):
    """Open a client; another one with the same store is one after a crash."""

    @asynccontextmanager
    async def opened(service, *, kept=store, **settings):
        chosen = {"name": "cloud", "bearer_token": KEY} | settings
        backend = ComfyApiV2(BackendSettings(service.url, **chosen), kept, timing)
        try:
            yield backend
        finally:
            await backend.close()

    return opened
