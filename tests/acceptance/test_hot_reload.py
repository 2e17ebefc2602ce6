"""Workflows that come, change, break and go while the bot runs."""

import asyncio
import shutil

import pytest

from sandbox.discord_api.errors import NotPossible
from sandbox.people import as_text, files_of
from tests.support.messages import is_done
from workflows.folders.catalog import LIBRARY

PATIENCE_S = 60

MANIFEST = """\
title = "Portrait"
description = "{description}"
command = "portrait"

[[input]]
name = "prompt"
type = "text"
targets = ["6.text"]
required = true
max = 200

[[input]]
name = "look"
type = "choice"
targets = ["3.sampler_name"]
choices = ["euler", "heun"]

[[input]]
name = "steps"
type = "integer"
targets = ["3.steps"]
min = 1
max = 30
default = {steps}

[[input]]
name = "model"
type = "checkpoint"
targets = ["4.ckpt_name"]
"""


class Folder:
    """The operator's own workflow."""

    def __init__(self, data):
        self.path = data / "workflows" / "portrait"

    def write(self, *, description="A face", steps=4):
        self.put(MANIFEST.format(description=description, steps=steps))

    def put(self, manifest):
        """All at once, so that nothing half written is read."""
        draft = self.path.parent.parent / "draft"
        draft.mkdir(parents=True)
        shutil.copy(LIBRARY / "txt2img-sd" / "graph.json", draft)
        (draft / "workflow.toml").write_text(manifest)
        self.path.parent.mkdir(exist_ok=True)
        if self.path.exists():
            (draft / "workflow.toml").replace(self.manifest)
            shutil.rmtree(draft)
        else:
            draft.rename(self.path)

    @property
    def manifest(self):
        return self.path / "workflow.toml"


@pytest.fixture
def folder(environment):
    return Folder(environment.data)


@pytest.fixture
def offered(environment):
    """The command as Discord has it, or None."""

    def find():
        found = environment.world.commands.everything()
        return next((one for one in found if one["name"] == "portrait"), None)

    return find


async def paint(environment, **options):
    reply = await environment.ana.slash("general", "portrait", **{"prompt": "ana", **options})
    return await reply.until(files_of, PATIENCE_S)


def sampler(environment):
    """What the backend was last asked to sample with."""
    return environment.comfyui.log.posts[-1].graph["3"]["inputs"]


async def until(is_so):
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - the catalog tells nobody else
            await asyncio.sleep(0.02)


async def reread(core, change):
    """Make a change and wait until it was noticed."""

    def found():
        return core.catalog.workflows, core.catalog.problems

    before = found()
    change()
    await until(lambda: found() != before)


async def test_a_folder_that_is_dropped_in_becomes_a_command_that_paints(
    environment, folder, offered
):
    async with environment.bot():
        assert offered() is None
        folder.write()
        await environment.world.wait_for(offered, PATIENCE_S)
        names = [one["name"] for one in offered()["options"]]
        assert names == ["prompt", "look", "steps", "model", "private", "spoiler"]
        assert offered()["options"][0]["max_length"] == 200
        models = await environment.ana.autocomplete("general", "portrait", "model", "")
        done = await paint(environment, look="heun", steps=3, model=models[0]["value"])
        assert "portrait" in as_text(done)
        assert (sampler(environment)["sampler_name"], sampler(environment)["steps"]) == ("heun", 3)
        shutil.rmtree(folder.path)
        await environment.world.wait_for(lambda: offered() is None, PATIENCE_S)
        with pytest.raises(NotPossible):
            await paint(environment)


async def test_what_breaks_stays_as_it_was_and_is_told_once(environment, folder, offered, caplog):
    folder.write()
    async with environment.bot() as core:
        version = offered()["version"]
        await reread(core, lambda: folder.put("title = "))
        await paint(environment)
        other = environment.data / "workflows" / "note.json"
        await reread(core, lambda: other.write_text("{}"))
        assert offered()["version"] == version
        told = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
        assert len([one for one in told if str(folder.manifest) in one]) == 1
        await reread(core, lambda: folder.write(description="Mended"))
        await environment.world.wait_for(lambda: offered()["description"] == "Mended", PATIENCE_S)


async def test_discord_is_told_only_of_what_people_would_see(environment, folder, offered):
    folder.write()
    async with environment.bot() as core:
        version = offered()["version"]
        await paint(environment)
        assert sampler(environment)["steps"] == 4
        await reread(core, lambda: folder.write(steps=2))
        await paint(environment)
        assert sampler(environment)["steps"] == 2
        assert offered()["version"] == version


async def test_a_run_goes_on_as_it_began(environment, folder):
    folder.write()
    async with environment.bot() as core:
        environment.comfyui.hold()
        reply = await environment.ana.slash("general", "portrait", prompt="ana")
        await environment.comfyui.wait_until_held()
        await reread(core, lambda: shutil.rmtree(folder.path))
        environment.comfyui.release()
        await reply.until(is_done, PATIENCE_S)


async def test_a_command_that_is_taken_is_told_and_the_workflow_still_serves(
    environment, folder, offered, caplog
):
    async with environment.bot() as core:
        manifest = MANIFEST.format(description="A face", steps=4)
        taken = manifest.replace('"portrait"', '"queue"')
        await reread(core, lambda: folder.put(taken))
        await until(lambda: "the command /queue" in caplog.text)
        assert offered() is None
        reply = await environment.ana.slash("general", "imagine", prompt="ana", workflow="portrait")
        await reply.until(files_of, PATIENCE_S)


async def test_a_prompt_that_may_be_left_out_is_the_workflows_own(environment, folder):
    manifest = MANIFEST.format(description="A face", steps=4)
    folder.put(manifest.replace("required = true", 'default = "a kind face"'))
    async with environment.bot():
        done = await paint(environment, prompt=None)
        assert "a kind face" in as_text(done)
        graph = environment.comfyui.log.posts[-1].graph
        assert graph["6"]["inputs"]["text"] == "a kind face"


async def test_what_a_command_cannot_bound_the_service_refuses(environment, folder):
    folder.put(
        MANIFEST.format(description="A face", steps=4).replace("max = 30", "max = 31\nstep = 3")
    )
    async with environment.bot():
        await environment.ana.slash("general", "portrait", prompt="ana", steps=5)
        message = await environment.ana.wait_for(
            lambda one: "Invalid option" in as_text(one), PATIENCE_S
        )
    assert "steps must be a whole number: 1 … 31, in steps of 3" in as_text(message)
    assert not environment.comfyui.log.posts
