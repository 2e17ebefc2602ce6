"""Node classes as /object_info describes them, and exports as the editor saves them."""

import json

import pytest

from comfy.protocol.object_info import ObjectInfo
from tests.support.node_classes import MADE, RECORDED, export, node
from workflows.convert import convert


@pytest.fixture(scope="session")
def classes():
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    entry = {"output": [], "output_name": [], "output_node": False}
    return ObjectInfo.parse(recorded | {name: entry | one for name, one in MADE.items()})


class Made:
    node = staticmethod(node)
    export = staticmethod(export)


@pytest.fixture
def made():
    return Made


@pytest.fixture
def inputs(classes):
    """What every node of a converted file gets, by its id."""

    def run(nodes, links=(), **more):
        graph = convert(export(nodes, links, **more), classes).graph
        return {node_id: one["inputs"] for node_id, one in graph.items()}

    return run
