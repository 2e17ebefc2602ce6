"""The whole program between both stand-ins."""

import shutil
from functools import partial

import pytest

from generation.marking.keys import KEY_FILE
from sandbox.comfyui import ComfyUIStandIn
from tests.support.discord import open_discord
from tests.support.pictures import build_picture
from tests.support.program import TestEnvironment, run_command
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
def largest_drawing():
    """Pixels a side of what the stand-in paints: most tests need no more."""
    return 128


@pytest.fixture
async def environment(data, no_test_variables, _shipped_in_memory, largest_drawing):
    comfyui = ComfyUIStandIn(step_seconds=0.02, load_seconds=0, largest_drawing=largest_drawing)
    async with comfyui, open_discord() as world:
        yield TestEnvironment(world, comfyui, data)


@pytest.fixture
def process(environment):
    return environment.process


@pytest.fixture
def picture():
    return partial(build_picture, size=(320, 240), colour="#86b9e8")


@pytest.fixture
def limner(tmp_path):
    """Run the command in an empty folder, as on a fresh machine."""
    return partial(run_command, tmp_path)
