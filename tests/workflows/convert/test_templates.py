"""Files of the editor against what the official frontend makes of them, where they are at hand.

They are not ours to ship. Each variable of `CORPORA` names a folder with `names.txt`,
`ui/NAME.json` and `expected/NAME.json`, and its second one the /object_info, packed with gzip, of
the ComfyUI that they were converted with.
"""

import gzip
import hashlib
import json
import os
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from comfy.protocol.object_info import ObjectInfo
from workflows.convert import convert

CORPORA = {
    "LIMNER_TEST_TEMPLATES": "LIMNER_TEST_OBJECT_INFO",
    "LIMNER_TEST_RULES": "LIMNER_TEST_LATEST_OBJECT_INFO",
    "LIMNER_TEST_COMMUNITY": "LIMNER_TEST_LATEST_OBJECT_INFO",
}
UNDECLARED = {"CustomCombo": {"index"}}
"""Inputs that a class reads although it does not declare them."""

EXPORTED_AT = datetime(2026, 11, 29, 11, 32, 42, tzinfo=UTC)
"""When the rule about dates was exported."""

DIFFERENT = {
    "templates_graphic_design_recomposer": "the frontend sends a model's name as aspect ratio",
    "templates_rob_realistic_2k_images_quick_variations.app": (
        "frontend 1.58 takes the first of two links to a subgraph's output, 1.49 took the last"
    ),
}
"""What the frontend that made the expected graphs did otherwise, and why we do not."""


def corpora():
    for variable, classes in CORPORA.items():
        folder, info = os.environ.get(variable), os.environ.get(classes)
        if not folder or not info:
            reason = f"nothing to compare with: {variable} and {classes} are not set"
            yield pytest.param("", "", "", id=variable, marks=pytest.mark.skip(reason=reason))
            continue
        for name in (Path(folder) / "names.txt").read_text(encoding="utf-8").split():
            marks = (
                [pytest.mark.xfail(reason=DIFFERENT[name], strict=True)]
                if name in DIFFERENT
                else []
            )
            yield pytest.param(folder, info, name, id=name, marks=marks)


@cache
def installed(path):
    with gzip.open(path) as file:
        return ObjectInfo.parse(json.load(file))


@pytest.mark.parametrize(("folder", "info", "name"), list(corpora()))
def test_a_file_becomes_what_the_frontend_makes_of_it(folder, info, name):
    classes = installed(info)
    raw = json.loads((Path(folder) / "ui" / f"{name}.json").read_text(encoding="utf-8"))
    expected = json.loads((Path(folder) / "expected" / f"{name}.json").read_text(encoding="utf-8"))
    converted = convert(raw, classes, now=EXPORTED_AT).sent
    for node_id, input_name in expected.get("volatile", ()):
        # Drawn anew by the frontend each time.
        for graph in (converted, expected["output"]):
            graph[node_id]["inputs"].pop(input_name, None)
    assert signatures(converted, classes) == signatures(expected["output"], classes)


def signatures(graph, classes):
    """Every node by what the server makes of it and of all before it, whatever the ids are."""
    known = {}

    def sign(node_id):
        if node_id not in known:
            node = graph[node_id]
            kind = node.get("class_type")
            declared = set(classes.inputs(kind or "")) | UNDECLARED.get(kind, set())
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
