"""Small graphs, written as node id -> (class, inputs), and what a ComfyUI says of their classes."""

import json
from pathlib import Path

import pytest

from comfy.protocol.object_info import ObjectInfo
from workflows.folders.loading import with_inference
from workflows.infer.inference import infer

RECORDED = Path(__file__).parents[2] / "data" / "comfyui" / "0.33.0" / "object_info_inference.json"


def make_graph(nodes):
    graph = {}
    for node_id, (class_type, inputs, *title) in nodes.items():
        graph[node_id] = {"class_type": class_type, "inputs": dict(inputs)}
        if title:
            graph[node_id]["_meta"] = {"title": title[0]}
    return graph


@pytest.fixture(scope="session")
def classes():
    return ObjectInfo.parse(json.loads(RECORDED.read_text(encoding="utf-8")))


@pytest.fixture
def inferred(classes):
    """The workflow of a small graph; it fits its graph, or building it fails."""

    def run(nodes, *, export=None, known=True):
        graph = make_graph(nodes)
        found = infer(graph, classes if known else None, title="small", export=export)
        return with_inference("small", graph, found, classes if known else None)

    return run


@pytest.fixture
def made(classes):
    """The workflow of a small graph, with these classes beside the recorded ones."""

    def run(nodes, *, export=None, **described):
        entry = {"output_name": [], "output_node": False}
        info = ObjectInfo.parse(
            {**classes.raw, **{name: entry | one for name, one in described.items()}}
        )
        graph = make_graph(nodes)
        found = infer(graph, info, title="small", export=export)
        return with_inference("small", graph, found, info)

    return run
