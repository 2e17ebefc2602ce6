"""`limner workflows convert` as an operator meets it."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from sandbox.comfyui import ComfyUIStandIn

DATA = Path(__file__).parents[1] / "data"
OBJECT_INFO = DATA / "comfyui" / "0.33.0" / "object_info.json"
EXPORT = {
    "nodes": [
        {"id": 1, "type": "LoadImage", "widgets_values": ["ü.png", "image"], "outputs": []},
        {
            "id": 2,
            "type": "SaveImage",
            "title": "Keep",
            "inputs": [{"name": "images", "type": "IMAGE", "link": 5}],
            "widgets_values": ["mine"],
        },
    ],
    "links": [[5, 1, 0, 2, 0, "IMAGE"]],
    "version": 0.4,
}
GRAPH = {
    "1": {
        "class_type": "LoadImage",
        "inputs": {"image": "ü.png"},
        "_meta": {"title": "Load Image"},
    },
    "2": {
        "class_type": "SaveImage",
        "inputs": {"filename_prefix": "mine", "images": ["1", 0]},
        "_meta": {"title": "Keep"},
    },
}


@pytest.fixture
def export(tmp_path):
    path = tmp_path / "export.json"
    path.write_text(json.dumps(EXPORT), encoding="utf-8")
    return path


@pytest.mark.parametrize("is_packed", [False, True])
async def test_the_graph_alone_is_on_standard_output(limner, export, tmp_path, is_packed):
    info = tmp_path / "info"
    content = OBJECT_INFO.read_bytes()
    info.write_bytes(gzip.compress(content) if is_packed else content)
    result = await limner("workflows", "convert", str(export), "--object-info", str(info))
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout) == GRAPH


async def test_a_backend_is_asked_where_no_file_is_given(limner, export):
    async with ComfyUIStandIn(port=0) as comfy:
        result = await limner("workflows", "convert", str(export), COMFYUI_URLS=comfy.url)
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout) == GRAPH


async def test_a_graph_needs_no_backend(limner, tmp_path):
    path = tmp_path / "graph.json"
    path.write_text(json.dumps({"prompt": GRAPH}), encoding="utf-8")
    result = await limner("workflows", "convert", str(path), COMFYUI_URLS="http://127.0.0.1:9")
    assert json.loads(result.stdout) == GRAPH


async def test_a_film_that_carries_both_says_which_is_printed(limner, tmp_path):
    shutil.copy(DATA / "media" / "both.mkv", tmp_path / "film")
    result = await limner("workflows", "convert", "film")
    assert json.loads(result.stdout)["3"]["class_type"] == "KSampler"
    assert "the graph that ran is used" in result.stderr


async def test_unknown_classes_are_named_with_their_nodes(limner, export):
    broken = json.loads(export.read_text(encoding="utf-8"))
    broken["nodes"][1]["type"] = "SaveElsewhere"
    export.write_text(json.dumps(broken), encoding="utf-8")
    result = await limner("workflows", "convert", str(export), "--object-info", str(OBJECT_INFO))
    assert result.returncode == 1
    assert result.stderr == (
        'The node class SaveElsewhere is not installed; "Keep" (2) cannot run without it.\n'
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none.jpg"], "This JPEG picture carries no ComfyUI workflow."),
        (["cut.json"], "This is not valid JSON"),
        (["export.json", "--object-info", "cut.json"], "is not what ComfyUI answers"),
        (["export.json", "--object-info", "cut.gz"], "is a damaged gzip file"),
        (["export.json", "--backend", "attic"], "No backend is called attic"),
        (["export.json"], "No backend could be asked for its node classes"),
    ],
)
@pytest.mark.usefixtures("export")
async def test_a_mistake_is_one_sentence(limner, tmp_path, arguments, sentence):
    shutil.copy(DATA / "media" / "none.jpg", tmp_path)
    (tmp_path / "cut.json").write_text('{"1": ', encoding="utf-8")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(OBJECT_INFO.read_bytes())[:999])
    result = await limner("workflows", "convert", *arguments, COMFYUI_URLS="http://127.0.0.1:9")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert sentence in result.stderr


async def test_several_files_go_into_a_folder(limner, export, tmp_path):
    shutil.copy(export, tmp_path / "other.json")
    (tmp_path / "cut.json").write_text('{"1": ', encoding="utf-8")
    files = ["export.json", "cut.json", "other.json"]
    command = ("workflows", "convert", *files, "--out", "graphs")
    result = await limner(*command, "--object-info", str(OBJECT_INFO))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("cut.json: This is not valid JSON")
    for name in ("export", "other"):
        written = (tmp_path / "graphs" / f"{name}.json").read_text(encoding="utf-8")
        assert json.loads(written) == GRAPH


async def test_what_is_in_the_folder_is_not_overwritten(limner, export):
    before = export.read_bytes()
    command = ("workflows", "convert", "export.json", "--out", ".")
    result = await limner(*command, "--object-info", str(OBJECT_INFO))
    assert result.returncode == 1
    assert result.stderr == "export.json: export.json exists already. Move it first.\n"
    assert export.read_bytes() == before


@pytest.mark.usefixtures("export")
async def test_several_files_need_a_folder(limner):
    result = await limner("workflows", "convert", "export.json", "export.json")
    assert result.returncode == 2
    assert "give one with --out" in result.stderr


async def test_what_is_lost_is_told_and_fails(limner, export):
    broken = json.loads(export.read_text(encoding="utf-8"))
    del broken["version"]
    export.write_text(json.dumps(broken), encoding="utf-8")
    result = await limner("workflows", "convert", str(export), "--object-info", str(OBJECT_INFO))
    assert result.returncode == 1
    assert "ComfyUI ignores its links" in result.stderr
