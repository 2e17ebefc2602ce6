"""`limner workflows inspect`, `add`, `survey` and `list`, run as an operator runs them."""

import json
import shutil
from pathlib import Path

import pytest

from sandbox.comfyui import ComfyUIStandIn
from workflows.folders.catalog import LIBRARY
from workflows.reading import parse_manifest

RECORDED = Path(__file__).parents[1] / "data" / "comfyui" / "0.33.0" / "object_info_inference.json"
NOBODY = {"COMFYUI_URLS": "http://127.0.0.1:9"}


@pytest.fixture
def graph(tmp_path):
    """The graph of a shipped workflow, as a file that somebody downloaded."""
    path = tmp_path / "Red Fox.json"
    shutil.copy(LIBRARY / "txt2img-sd" / "graph.json", path)
    return path


@pytest.fixture
async def backend():
    async with ComfyUIStandIn() as stand_in:
        yield stand_in


async def test_inspect_shows_each_input_with_its_reason(limner, graph):
    result = await limner("workflows", "inspect", str(graph), "--object-info", str(RECORDED))
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "Red fox · txt2img · /red_fox"
    assert "Makes: pictures" in lines
    at = next(n for n, line in enumerate(lines) if line.startswith("  prompt (text, required)"))
    assert lines[at + 1].strip().startswith(("It is written as positive", "The title of its node"))
    manifest = lines[lines.index('title = "Red fox"') :]
    at = manifest.index('name = "prompt"')
    assert manifest[at - 2].startswith(("# It is written as positive", "# The title of its node"))
    assert parse_manifest("\n".join(manifest)).find("prompt").required


async def test_inspect_without_a_backend_still_shows_a_graph(limner, graph):
    result = await limner("workflows", "inspect", str(graph), **NOBODY)
    assert result.returncode == 0
    assert "  prompt (text, required)" in result.stdout
    assert "cannot be reached" in result.stderr


async def test_what_is_inspected_can_be_saved_once(limner, graph):
    saved = await limner("workflows", "inspect", str(graph), "--save", **NOBODY)
    assert saved.returncode == 0
    manifest = graph.with_suffix(".toml")
    assert 'name = "prompt"' in manifest.read_text(encoding="utf-8")
    again = await limner("workflows", "inspect", str(graph), "--save", **NOBODY)
    assert again.returncode == 1
    assert "exists already" in again.stderr


async def test_a_file_is_added_listed_and_run(limner, graph, backend, tmp_path):
    urls = {"COMFYUI_URLS": backend.url}
    added = await limner("workflows", "add", str(graph), "--name", "fox", **urls)
    assert added.returncode == 0, added.stderr
    assert "can run" in added.stdout
    folder = tmp_path / "data" / "workflows" / "fox"
    assert (folder / "graph.json").exists()
    schema = (folder / "workflow.toml").read_text(encoding="utf-8").splitlines()[0]
    assert (folder / schema.removeprefix("#:schema ")).resolve().exists()
    listed = await limner("workflows", "list", **urls)
    assert "(/fox)" in listed.stdout
    twice = await limner("workflows", "add", str(graph), "--name", "fox", **urls)
    assert "There is a workflow fox already" in twice.stderr
    made = await limner("generate", "a fox", "--workflow", "fox", "--set", "steps=2", **urls)
    assert made.returncode == 0, made.stderr


async def test_what_is_no_workflow_is_one_sentence(limner, tmp_path):
    (tmp_path / "note.json").write_text("hello")
    for command in ("inspect", "add"):
        result = await limner("workflows", command, "note.json", **NOBODY)
        assert result.returncode == 1
        assert "This is not valid JSON" in result.stderr.splitlines()[-1]


async def test_a_survey_counts(limner, graph, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    shutil.copy(graph, folder / "one.json")
    two = json.loads(graph.read_text())
    two["20"] = {"class_type": "LoadImage", "inputs": {"image": "x.png"}}
    two["21"] = {"class_type": "SaveImage", "inputs": {"images": ["20", 0]}}
    (folder / "two.json").write_text(json.dumps(two))
    (folder / "broken.json").write_text("{")
    result = await limner("workflows", "survey", str(folder), "--object-info", str(RECORDED))
    assert result.returncode == 0, result.stderr
    assert "3 workflows, 2 convert," in result.stdout
    assert "2 become a usable command." in result.stdout
    assert "images   0: 1, 1: 1, 2: 0, 3 or more: 0" in result.stdout


KEYS = {
    "file",
    "usable",
    "problem",
    "unknown_classes",
    "paid",
    "kind",
    "results",
    "models",
    "inputs",
}


async def test_inspect_prints_one_object_for_programs(limner, graph):
    command = ("workflows", "inspect", str(graph), "--json", "--object-info", str(RECORDED))
    result = await limner(*command)
    assert (result.returncode, result.stderr) == (0, "")
    report = json.loads(result.stdout)
    assert set(report) == KEYS
    assert (report["file"], report["usable"], report["problem"]) == ("Red Fox.json", True, None)
    assert (report["kind"], report["results"], report["paid"]) == ("txt2img", ["pictures"], False)
    assert report["unknown_classes"] == []
    (model,) = report["models"]
    assert set(model) == {"name", "folder", "url", "present"}
    assert model["folder"] == "checkpoints"
    prompt = next(one for one in report["inputs"] if one["name"] == "prompt")
    assert prompt.pop("reason")
    assert prompt == {
        "name": "prompt",
        "type": "text",
        "required": True,
        "hidden": False,
        "default": None,
        "choices": None,
        "minimum": None,
        "maximum": None,
        "targets": ["6.text"],
    }
    steps = next(one for one in report["inputs"] if one["name"] == "steps")
    assert (steps["minimum"], steps["maximum"]) == (1, 100)


async def test_a_survey_prints_a_list_for_programs(limner, graph, tmp_path):
    (tmp_path / "cut.json").write_text('{"1": ', encoding="utf-8")
    unknown = json.loads(graph.read_text(encoding="utf-8"))
    unknown["9"]["class_type"] = "SaveElsewhere"
    (tmp_path / "unknown.json").write_text(json.dumps(unknown), encoding="utf-8")
    command = ("workflows", "survey", str(tmp_path), "--json", "--object-info", str(RECORDED))
    result = await limner(*command)
    assert result.returncode == 0, result.stderr
    reports = {one["file"]: one for one in json.loads(result.stdout)}
    assert all(set(one) == KEYS for one in reports.values())
    assert reports["Red Fox.json"]["usable"]
    assert not reports["cut.json"]["usable"]
    assert "not valid JSON" in reports["cut.json"]["problem"]
    assert reports["unknown.json"]["unknown_classes"] == ["SaveElsewhere"]


async def test_what_is_added_and_listed_is_printed_for_programs(limner, graph):
    added = await limner("workflows", "add", str(graph), "--json", **NOBODY)
    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout)["usable"]
    assert "Added as" in added.stderr
    listed = await limner("workflows", "list", "--json", **NOBODY)
    names = {one["file"]: one["kind"] for one in json.loads(listed.stdout)}
    assert names["red_fox"] == "txt2img"
    assert names["upscale"] == "upscale"
