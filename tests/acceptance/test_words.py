"""Texts that a workflow makes: a better prompt, and what a picture shows."""

import json

import pytest

from generation.history.queries import HistoryFilter
from sandbox.discord_api.values import Upload
from sandbox.people import as_text
from tests.support.shipped import load_shipped
from workflows.folders.managed_folder import ManagedFolder
from workflows.manifest import Kind

PATIENCE_S = 60
MANIFEST = """
title = "{}"
kind = "{}"

[[input]]
name = "{}"
type = "{}"
targets = ["{}"]
required = true
"""
WORKFLOWS = {
    "better": (
        {"1": {"class_type": "PreviewAny", "inputs": {"source": "x"}}},
        ("enhance", "prompt", "text", "1.source"),
    ),
    "width": (
        {
            "1": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
            "2": {"class_type": "GetImageSize", "inputs": {"image": ["1", 0]}},
            "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
        },
        ("describe", "image", "image", "1.image"),
    ),
}


@pytest.fixture
def _words(environment):
    """One workflow of each kind, and none of those that ship."""
    shelf = environment.data / "workflows"
    for workflow in load_shipped().of_kind(Kind.ENHANCE, Kind.DESCRIBE):
        ManagedFolder(shelf).switch_off(workflow.name)
    for name, (graph, facts) in WORKFLOWS.items():
        (shelf / name).mkdir(parents=True)
        (shelf / name / "graph.json").write_text(json.dumps(graph))
        (shelf / name / "workflow.toml").write_text(MANIFEST.format(name, *facts))


@pytest.mark.usefixtures("_words")
async def test_a_prompt_is_improved_first_and_its_options_are_kept(environment, picture):
    ana = environment.ana
    given = {"prompt": "a fox", "enhance": True, "steps": 2, "aspect": "3:2"}
    async with environment.bot() as core:
        reply = await ana.slash("general", "imagine", **given, workflow="txt2img-sd")
        await reply.until(lambda message: "Use as prompt" in as_text(message), PATIENCE_S)
        assert environment.comfyui.log.posts[-1].graph["1"]["inputs"]["source"] == "a fox"
        (made,) = (await core.service.history(HistoryFilter(user_id=ana.id))).generations
        form = (await ana.click(reply.message, "Use as prompt")).modal
        assert "a fox" in str(form.components)
        reply = await ana.fill(form, {"prompt": "a better fox"})
        await reply.until(environment.is_done, PATIENCE_S)
        graph = environment.comfyui.log.posts[-1].graph
        assert graph["6"]["inputs"]["text"] == "a better fox"
        assert graph["3"]["inputs"]["steps"] == 2
        assert graph["5"]["inputs"]["width"] > graph["5"]["inputs"]["height"]
        (derived, _) = (await core.service.history(HistoryFilter(user_id=ana.id))).generations
        assert derived.parent_id == made.id
        for options, refused in (
            ({"image": picture()}, "Leave pictures out to enhance a prompt"),
            ({"workflow": "txt2img-sd", "strength": 0.5}, "no place for: strength"),
        ):
            reply = await ana.slash("general", "imagine", prompt="a fox", enhance=True, **options)
            await environment.world.wait_for(lambda reply=reply: reply.message, PATIENCE_S)
            assert refused in as_text(reply.message)


@pytest.mark.usefixtures("_words")
async def test_a_picture_is_described_by_the_menu_of_its_message(environment, picture):
    ana = environment.ana
    async with environment.bot():
        message = ana.say("general", "look", [Upload("fox.png", picture())])
        reply = await ana.menu(message, "Describe")
        await reply.until(lambda message: "320" in as_text(message), PATIENCE_S)
