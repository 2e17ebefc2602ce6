"""What a face is told of workflows, and prompts that may be left out."""

import pytest

from generation.errors import RequestRefused
from generation.library.summaries import InputKind, _summarise_input, summarise
from generation.requests.selection import settle_prompt
from generation.service import GenerationService
from tests.support.shipped import load_shipped
from workflows.graph import parse_graph
from workflows.manifest import Input, InputType
from workflows.reading import parse_manifest
from workflows.workflow import build_workflow

GRAPH = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "a house", "clip": ["1", 1]}},
    "3": {
        "class_type": "KSampler",
        "inputs": {"seed": 1, "sampler_name": "euler", "model": ["1", 0], "positive": ["2", 0]},
    },
}

PROMPT = """
[[input]]
name = "prompt"
type = "text"
targets = ["2.text"]
"""

REST = """
[[input]]
name = "model"
type = "checkpoint"
description = "Which model"
targets = ["1.ckpt_name"]

[[input]]
name = "seed"
type = "seed"
targets = ["3.seed"]

[[input]]
name = "look"
type = "choice"
targets = ["3.sampler_name"]
choices = ["euler", "heun"]
hidden = {hidden}
"""


def build(toml):
    manifest = parse_manifest(f'title = "Small"\ncommand = "small"\n{toml}')
    return build_workflow("small", manifest, parse_graph(GRAPH))


def test_inputs_are_told_in_the_manifests_order():
    told = summarise(build(PROMPT + REST.format(hidden="false")))
    assert told.command == "small"
    assert [one.name for one in told.inputs] == ["prompt", "model", "seed", "look"]
    assert {one.name for one in told.inputs} == told.options
    prompt, model, seed, look = told.inputs
    assert (prompt.kind, prompt.maximum) == (InputKind.TEXT, 2000)
    assert (model.kind, model.description) == (InputKind.MODEL, "Which model")
    assert (seed.kind, seed.minimum, seed.maximum) == (InputKind.INTEGER, 0, 2**64 - 1)
    assert (look.kind, look.choices) == (InputKind.CHOICE, ("euler", "heun"))


def test_hidden_inputs_are_not_told():
    told = summarise(build(PROMPT + REST.format(hidden="true")))
    assert "look" not in [one.name for one in told.inputs]


def test_every_type_of_input_in_the_library_can_be_told():
    for workflow in load_shipped().workflows.values():
        assert {one.name for one in summarise(workflow).inputs} == workflow.manifest.options


@pytest.mark.parametrize(
    ("fields", "typed", "drawn"),
    [
        ("", "a fox", "a fox"),
        ("", "", "a house"),
        ('default = "a tree"', "", "a tree"),
        ("required = true", "a fox", "a fox"),
        ("hidden = true", "", ""),
        ("min = 50", "", ""),
    ],
)
def test_a_prompt_left_out_is_the_workflows_own(fields, typed, drawn):
    assert settle_prompt(typed, build(PROMPT + fields)) == drawn


def test_a_prompt_that_is_required_cannot_be_left_out():
    with pytest.raises(RequestRefused, match="prompt is empty"):
        settle_prompt("", build(f"{PROMPT}required = true"))


async def test_choices_are_those_of_one_input(app):
    await app.informed()
    service: GenerationService = app.service
    assert "alpha.safetensors" in service.choices("txt2img-sd", "model")
    assert service.choices("txt2img-sd", "prompt") == ()
    assert service.choices("txt2img-sd", "nothing") == ()
    assert service.choices("nothing", "model") == ()


@pytest.mark.parametrize("given", InputType)
def test_every_type_of_input_is_offered_in_some_way(given):
    assert _summarise_input(Input(name="value", type=given)).name == "value"
