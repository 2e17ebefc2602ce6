"""Small workflows written as an operator would write them."""

import json
from pathlib import Path

import pytest

from tests.support.shipped import load_shipped
from workflows.graph import parse_graph
from workflows.reading import parse_manifest
from workflows.workflow import build_workflow

GRAPH = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 832, "height": 1216}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a house", "clip": ["4", 1]}},
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 1,
            "steps": 20,
            "cfg": 7.5,
            "sampler_name": "euler",
            "model": ["4", 0],
            "positive": ["6", 0],
            "latent_image": ["5", 0],
        },
    },
    "10": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
    "9": {
        "class_type": "SaveImage",
        "inputs": {"images": ["3", 0], "quiet": False},
        "_meta": {"title": "Keep"},
    },
}

TOML = """
title = "Everything"

[[input]]
name = "prompt"
type = "text"
targets = ["6.text"]
"""


@pytest.fixture
def graph():
    return json.loads(json.dumps(GRAPH))


@pytest.fixture
def build(graph):
    """A workflow of the small graph and a manifest's text."""

    def build_from(toml: str):
        return build_workflow("small", parse_manifest(toml), parse_graph(graph))

    return build_from


@pytest.fixture
def with_input(build):
    """The small workflow with one input, written as the lines of its table."""

    def build_from(*lines: str):
        return build("\n".join(['title = "Small"', "[[input]]", *lines]))

    return build_from


@pytest.fixture(scope="session")
def library():
    return load_shipped().workflows


@pytest.fixture
def drop(tmp_path):
    """Put a workflow's folder, or parts of one, into a folder of workflows."""

    def write(name: str, *, toml: str | None = TOML, graph: object = GRAPH) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        if toml is not None:
            (folder / "workflow.toml").write_text(toml, encoding="utf-8")
        if graph is not None:
            text = graph if isinstance(graph, str) else json.dumps(graph)
            (folder / "graph.json").write_text(text, encoding="utf-8")
        return folder

    return write
