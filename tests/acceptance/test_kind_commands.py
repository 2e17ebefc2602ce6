"""Commands for a kind of workflow: there while one can be used, with its options."""

import json
import shutil

import pytest

from sandbox.people import as_text
from tests.support.shipped import load_shipped
from workflows.folders.catalog import LIBRARY
from workflows.folders.managed_folder import ManagedFolder
from workflows.manifest import Kind

PATIENCE_S = 60
SHOWN = ["private", "spoiler"]

MERGE = """
title = "Put together"
kind = "edit"

[[input]]
name = "prompt"
type = "text"
targets = ["6.text"]
required = true

[[input]]
name = "image"
type = "image"
targets = ["10.image"]
required = true

[[input]]
name = "image_2"
type = "image"
targets = ["50.image"]

[[input]]
name = "cfg"
type = "number"
targets = ["3.cfg"]
max = 20

[[input]]
name = "seed"
type = "seed"
targets = ["3.seed"]
"""


def options(environment, name):
    """The options of a command as Discord has it; None where there is none."""
    commands = environment.world.commands.everything()
    found = next((one for one in commands if one["name"] == name), None)
    return found and [option["name"] for option in found["options"]]


def drop(environment, manifest=MERGE, shown_by="PreviewImage"):
    """Put the shipped workflow from a picture into the data folder, with a second picture."""
    draft, shelf = environment.data / "draft", environment.data / "workflows"
    draft.mkdir()
    graph = json.loads((LIBRARY / "img2img-sd" / "graph.json").read_text())
    graph["50"] = {"class_type": "LoadImage", "inputs": {"image": "example.png"}}
    graph["51"] = {"class_type": shown_by, "inputs": {"images": ["50", 0]}}
    (draft / "graph.json").write_text(json.dumps(graph))
    (draft / "workflow.toml").write_text(manifest)
    draft.rename(shelf / "merge")


@pytest.fixture(autouse=True)
def _no_shipped_edit(environment):
    shelf = ManagedFolder(environment.data / "workflows")
    for workflow in load_shipped().of_kind(Kind.EDIT):
        shelf.switch_off(workflow.name)
    (environment.data / "workflows").mkdir(parents=True, exist_ok=True)


async def refuse(environment, command, **given):
    reply = await environment.ana.slash("general", command, **given)
    await environment.world.wait_for(lambda: reply.message or reply.followups, PATIENCE_S)
    return as_text(reply.message or reply.followups[0])


async def test_commands_follow_the_workflows_of_their_kind(environment, picture):
    async with environment.bot():
        assert options(environment, "upscale") == ["image", "workflow", "model", *SHOWN]
        assert options(environment, "edit") is None
        drop(environment)
        await environment.world.wait_for(lambda: options(environment, "edit"), PATIENCE_S)
        further = ["workflow", "guidance", "seed"]
        assert options(environment, "edit") == ["prompt", "image", "image_2", *further, *SHOWN]
        given = {"prompt": "a red hat", "image": picture(), "image_2": picture(colour="#c0392b")}
        reply = await environment.ana.slash("general", "edit", **given)
        done = await reply.until(environment.is_done, PATIENCE_S)
        assert "Put together" in as_text(done)
        assert environment.comfyui.log.posts[-1].graph["6"]["inputs"]["text"] == "a red hat"
        # Several pictures have only one place, and the message says which.
        reply = await environment.ana.slash("general", "imagine", **given)
        assert "Put together" in as_text(await reply.until(environment.is_done, PATIENCE_S))
        told = await refuse(environment, "imagine", **given, image_3=picture())
        assert "no place for: image\\_3" in told
        told = await refuse(environment, "imagine", **given, workflow="merge", guidance=30.0)
        assert "guidance must be a number" in told
        told = await refuse(environment, "upscale", image=picture(), workflow="merge")
        assert "merge makes something else" in told
        shutil.rmtree(environment.data / "workflows" / "merge")
        await environment.world.wait_for(lambda: options(environment, "edit") is None, PATIENCE_S)


async def test_a_backend_that_is_away_counts_as_it_was_last_seen(environment):
    drop(environment, shown_by="NotInstalled")
    for url in (environment.comfyui.url, "http://127.0.0.1:9"):
        described = f'[[backend]]\nname = "gpu"\nurl = "{url}"\n'
        (environment.data / "backends.toml").write_text(described)
        async with environment.bot(comfyui_urls=()):
            assert options(environment, "upscale")
            assert options(environment, "edit") is None


@pytest.mark.parametrize("name", ["video", "upscale"])
async def test_a_manifest_cannot_have_the_name_of_a_kind(environment, caplog, name):
    drop(environment, f'command = "{name}"\n{MERGE}')
    async with environment.bot():
        assert options(environment, name) != [
            "prompt",
            "image",
            "image_2",
            "guidance",
            "seed",
            *SHOWN,
        ]
    assert f"The workflow merge does not get the command /{name}" in caplog.text
