"""That nothing is wrong with what people are asked for by the workflows in the repository."""

import json

import pytest

from bot.cli.workflows.as_json import inspection_json
from comfy.protocol.object_info import ObjectInfo
from generation.library.inspection import inspect_file
from sandbox.comfyui.models import load_node_classes
from tests.support.flaws import find_flaws
from workflows.folders.catalog import LIBRARY

VERSION = "0.33.0"
"""A ComfyUI that has the nodes of every shipped workflow."""

RESULTS = {
    "txt2vid": "video",
    "img2vid": "video",
    "audio": "audio",
    "3d": "3d",
    "describe": "text",
    "enhance": "text",
}
"""What comes of the kinds that do not make pictures."""

SHIPPED = sorted(path for path in LIBRARY.iterdir() if (path / "graph.json").exists())


@pytest.fixture(scope="module")
def info():
    return ObjectInfo.parse(load_node_classes(VERSION))


def report(folder, info, *, manifest):
    content = (folder / "graph.json").read_bytes()
    text = (folder / "workflow.toml").read_text(encoding="utf-8") if manifest else None
    found = inspect_file(content, folder.name, {"here": info}, manifest=text)
    return inspection_json(folder.name, found), json.loads(content)


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: path.name)
@pytest.mark.parametrize("manifest", [True, False], ids=["written", "inferred"])
def test_what_ships_asks_for_the_right_things(folder, info, manifest):
    assert find_flaws(*report(folder, info, manifest=manifest)) == []


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda path: path.name)
def test_what_ships_is_of_the_kind_that_its_graph_shows(folder, info):
    written, _ = report(folder, info, manifest=True)
    inferred, _ = report(folder, info, manifest=False)
    assert inferred["kind"] == written["kind"]
    expected = [RESULTS.get(written["kind"], "pictures")]
    assert inferred["results"] == written["results"] == expected
