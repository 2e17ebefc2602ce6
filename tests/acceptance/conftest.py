"""The whole program between both stand-ins."""

import asyncio
import os
import subprocess
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from functools import partial

import pytest

from sandbox.comfyui import ComfyUIStandIn
from sandbox.discord_api import DiscordStandIn
from tests.support.pictures import build_picture
from tests.support.program import PATIENCE_S, TestEnvironment, build_environment


@pytest.fixture
async def environment(tmp_path, no_test_variables):
    comfyui = ComfyUIStandIn(step_seconds=0.02, load_seconds=0)
    async with comfyui, DiscordStandIn() as world:
        yield TestEnvironment(world, comfyui, tmp_path / "data")
        assert world.unknown_requests == []
        assert world.rate_limit_hits == 0
        assert world.pings == []


@pytest.fixture
def process(environment):
    """Start `limner run` against the stand-ins; kill it at the end if it still lives."""

    @asynccontextmanager
    async def start(*, role="all", address=environment.world.address, **variables):
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.bot_process"),
            *(address.api_base, address.gateway_url, role),
            cwd=environment.data.parent,
            env=kept
            | {
                "DISCORD_TOKEN": environment.world.token,
                "COMFYUI_URLS": environment.comfyui.url,
                "LIMNER_DATA": str(environment.data),
                "PYTHONWARNINGS": "ignore",
                "PYTHONPATH": os.pathsep.join(sys.path),
            }
            | variables,
            stderr=PIPE,
        )
        try:
            yield child
        finally:
            if child.returncode is None:
                child.kill()
            await child.wait()

    return start


@pytest.fixture
def picture():
    return partial(build_picture, size=(320, 240), colour="#86b9e8")


@pytest.fixture
def limner(tmp_path):
    """Run the command in an empty folder, as on a fresh machine."""

    async def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", *arguments),
            cwd=tmp_path,
            env=build_environment() | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return subprocess.CompletedProcess(
            arguments, process.returncode, out.decode(), err.decode()
        )

    return run
