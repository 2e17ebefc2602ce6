"""The whole program between both stand-ins."""

import asyncio
import os
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager
from functools import partial

import pytest

from generation.marking.keys import KEY_FILE
from sandbox.comfyui import ComfyUIStandIn
from sandbox.discord_api import DiscordStandIn
from tests.support.openapi import Checker
from tests.support.pictures import build_picture
from tests.support.processes import start_program
from tests.support.program import PATIENCE_S, TestEnvironment, build_environment
from tests.support.shipped import load_shipped


@pytest.fixture
def data(tmp_path, migrated_sqlite_file, migrated_engine_file, signing_key_file):
    """A data folder as an earlier start left it; a first start takes two seconds longer."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    files = {
        "limner.db": migrated_sqlite_file,
        "engine.db": migrated_engine_file,
        KEY_FILE: signing_key_file,
    }
    for name, file in files.items():
        shutil.copyfile(file, folder / name)
        (folder / name).chmod(0o600)
    return folder


@pytest.fixture(scope="session")
def _shipped_in_memory():
    """The catalog of every bot finds the workflows that ship as they were read before."""
    return load_shipped()


@pytest.fixture
async def environment(data, no_test_variables, _shipped_in_memory):
    comfyui = ComfyUIStandIn(step_seconds=0.02, load_seconds=0, largest_drawing=256)
    async with comfyui, DiscordStandIn() as world:
        checker = Checker()
        world.observe_requests(checker.check)
        yield TestEnvironment(world, comfyui, data)
        assert checker.problems == []
        assert world.unknown_requests == []
        assert world.rate_limit_hits == 0
        assert world.pings == []


@pytest.fixture
def process(environment):
    """Start `limner run` against the stand-ins; kill it at the end if it still lives."""

    @asynccontextmanager
    async def start(*, role="all", address=environment.world.address, **variables):
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        child = await start_program(
            *("-m", "benchmarks.bot_process", address.api_base, address.gateway_url, role),
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
        process = await start_program(
            *("-m", "bot", *arguments), cwd=tmp_path, env=build_environment() | variables
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
