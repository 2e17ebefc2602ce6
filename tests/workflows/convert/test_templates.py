"""Official templates against what the official frontend makes of them, where they are at hand.

They are not ours to ship: `LIMNER_TEST_TEMPLATES` names a folder with `names.txt`, `ui/NAME.json`
and `expected/NAME.json`, and `LIMNER_TEST_OBJECT_INFO` the /object_info, packed with gzip, of the
ComfyUI that they were converted with.
"""

import gzip
import hashlib
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from comfy.object_info import ObjectInfo
from workflows.convert import convert

FOLDER = os.environ.get("LIMNER_TEST_TEMPLATES")
OBJECT_INFO = os.environ.get("LIMNER_TEST_OBJECT_INFO")
UNDECLARED = {"CustomCombo": {"index"}}
"""Inputs that a class reads although it does not declare them."""

pytestmark = pytest.mark.skipif(
    not (FOLDER and OBJECT_INFO),
    reason="no official templates to compare with: see LIMNER_TEST_TEMPLATES in this module",
)


def names():
    return (Path(FOLDER) / "names.txt").read_text(encoding="utf-8").split() if FOLDER else []


@pytest.fixture(scope="module")
def installed():
    with gzip.open(OBJECT_INFO) as file:
        return ObjectInfo.parse(json.load(file))


@pytest.mark.parametrize("name", names())
def test_a_template_becomes_what_the_frontend_makes_of_it(name, installed):
    raw = json.loads((Path(FOLDER) / "ui" / f"{name}.json").read_text(encoding="utf-8"))
    expected = json.loads((Path(FOLDER) / "expected" / f"{name}.json").read_text(encoding="utf-8"))
    converted = convert(raw, installed).sent
    for node_id, input_name in expected.get("volatile", ()):
        # Drawn anew by the frontend each time.
        for graph in (converted, expected["output"]):
            graph[node_id]["inputs"].pop(input_name, None)
    assert signatures(converted, installed) == signatures(expected["output"], installed)


def signatures(graph, installed):
    """Every node by what the server makes of it and of all before it, whatever the ids are."""
    known = {}

    def sign(node_id):
        if node_id not in known:
            node = graph[node_id]
            kind = node.get("class_type")
            declared = set(installed.inputs(kind or "")) | UNDECLARED.get(kind, set())
            inputs = {
                name: sign(value[0]) + str(value[1]) if is_link(value) else text(value)
                for name, value in node["inputs"].items()
                if is_link(value) or not declared or name.split(".")[0] in declared
            }
            content = json.dumps([kind, sorted(inputs.items())]).encode()
            known[node_id] = hashlib.sha256(content).hexdigest()
        return known[node_id]

    def is_link(value):
        return isinstance(value, list) and len(value) == 2 and value[0] in graph

    return Counter(sign(node_id) for node_id in graph)


def text(value):
    """A constant as JavaScript sees it: 1 and 1.0 are the same; a wrapped list is the list."""
    if isinstance(value, dict) and set(value) == {"__value__"}:
        value = value["__value__"]
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = float(value)
    return json.dumps(value)
