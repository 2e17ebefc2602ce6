"""Every shipped workflow binds with all its options, to nodes and inputs that ComfyUI has."""

import json
from pathlib import Path

import pytest

from workflows.binding import bind, check
from workflows.catalog import LIBRARY
from workflows.graph import find_link, title, upstream
from workflows.manifest import InputType, Kind
from workflows.rules import WELL_KNOWN
from workflows.sizes import is_within_limits

NAMES = sorted(path.name for path in LIBRARY.iterdir())
RECORDED = Path(__file__).parents[1] / "data" / "comfyui"
VERSIONS = ("0.3.64", "0.33.0")
ASPECTS = ("1:1", "3:2", "2:3", "4:3", "3:4", "16:9", "9:16", "21:9")
KINDS = {
    "img2img-sd": Kind.IMG2IMG,
    "inpaint-sd": Kind.INPAINT,
    "txt2img-flux": Kind.TXT2IMG,
    "txt2img-sd": Kind.TXT2IMG,
    "txt2img-sd3": Kind.TXT2IMG,
    "upscale": Kind.UPSCALE,
}
ADDED_LATER = {("ImageScaleToTotalPixels", "resolution_steps")}
"""Inputs that older versions lack and ignore."""

SAMPLES = {
    InputType.TEXT: 'a "fox" in the {snow}',
    InputType.INTEGER: 3,
    InputType.NUMBER: 1.0,
    InputType.CHECKPOINT: "chosen.safetensors",
    InputType.LORA: "style.safetensors",
    InputType.SIZE: "16:9",
    InputType.SEED: 2**64 - 1,
}


@pytest.fixture(params=NAMES)
def workflow(request, library):
    return library[request.param]


@pytest.fixture(params=VERSIONS)
def object_info(request):
    path = RECORDED / request.param / "object_info_library.json"
    return json.loads(path.read_text(encoding="utf-8"))


def picture_names(manifest):
    return [each.name for each in manifest.inputs if each.type.is_picture]


def bind_all(workflow):
    manifest = workflow.manifest
    pictures = picture_names(manifest)
    offered = [each for each in manifest.inputs if each.name in manifest.options]
    values = {each.name: SAMPLES[each.type] for each in offered if each.name not in pictures}
    checked = check(manifest, values, attached=pictures)
    return bind(workflow, {**checked, **dict.fromkeys(pictures, "photo.png")})


def test_the_library_has_the_promised_workflows(library):
    assert {name: workflow.manifest.kind for name, workflow in library.items()} == KINDS


def test_every_option_reaches_the_graph(workflow):
    graph = bind_all(workflow)
    for each in workflow.manifest.inputs:
        for slot in each.slots:
            value = graph[slot.node_id]["inputs"][slot.input_name]
            if each.type is InputType.SIZE:
                assert value in (1344, 768)
            elif each.type.is_picture:
                assert value == "photo.png"
            else:
                assert value == (each.default if each.hidden else SAMPLES[each.type])


def test_every_class_and_input_exists(workflow, object_info):
    for node in bind_all(workflow).values():
        declared = object_info[node["class_type"]]["input"]
        known = {**declared["required"], **declared.get("optional", {})}
        given = {name for name in node["inputs"] if (node["class_type"], name) not in ADDED_LATER}
        assert given <= known.keys()
        assert declared["required"].keys() <= node["inputs"].keys()


def test_every_connection_fits_its_type(workflow, object_info):
    graph = bind_all(workflow)
    for node in graph.values():
        declared = object_info[node["class_type"]]["input"]
        known = {**declared["required"], **declared.get("optional", {})}
        for name, value in node["inputs"].items():
            link = find_link(value)
            if link is not None:
                source = object_info[graph[link.node_id]["class_type"]]
                assert source["output"][link.output] == known[name][0]


def test_every_fixed_choice_and_bound_is_allowed(workflow, object_info):
    bound = {
        (slot.node_id, slot.input_name) for one in workflow.manifest.inputs for slot in one.slots
    }
    for node_id, node in workflow.graph.items():
        required = object_info[node["class_type"]]["input"]["required"]
        for name, value in node["inputs"].items():
            spec = required.get(name)
            if spec is None or find_link(value):
                continue
            options = spec[1] if len(spec) > 1 else {}
            choices = spec[0] if isinstance(spec[0], list) else options.get("options")
            if choices is not None and (node_id, name) not in bound:
                assert value in choices
            if "min" in options:
                assert options["min"] <= value <= options["max"]


def test_bounds_are_within_those_of_the_node(workflow, object_info):
    for each in workflow.manifest.inputs:
        if each.type not in (InputType.INTEGER, InputType.NUMBER):
            continue
        for slot in each.slots:
            node = object_info[workflow.graph[slot.node_id]["class_type"]]
            options = node["input"]["required"][slot.input_name][1]
            assert options["min"] <= each.min < each.max <= options["max"]


def test_every_node_counts_and_has_a_title(workflow):
    graph = workflow.graph
    assert upstream(graph, workflow.manifest.output.nodes) == set(graph)
    assert all(node["_meta"]["title"] for node in graph.values())
    assert title(graph, "9") == "Save"
    assert graph["9"]["inputs"]["filename_prefix"] == "limner/picture"


def test_the_minimum_is_a_prompt_or_a_picture(workflow):
    required = {each.name for each in workflow.manifest.inputs if each.required}
    assert required <= {"prompt", "image", "mask"}
    values = {"prompt": "fox"} if "prompt" in required else {}
    checked = check(workflow.manifest, values, attached=picture_names(workflow.manifest))
    for each in workflow.manifest.inputs:
        if each.type not in (InputType.SEED, InputType.LORA) and not each.type.is_picture:
            assert each.name in checked


@pytest.mark.parametrize("aspect", ASPECTS)
def test_every_aspect_has_a_size(library, aspect):
    for workflow in library.values():
        if workflow.manifest.find("size") is not None:
            size = check(workflow.manifest, {"prompt": "x", "size": aspect})["size"]
            assert is_within_limits(size)


def test_options_are_called_as_every_command_calls_them(workflow):
    others = workflow.manifest.options - WELL_KNOWN.keys()
    assert others <= {"megapixels"}


def test_descriptions_are_there_and_fit_into_discord(workflow):
    manifest = workflow.manifest
    assert manifest.title
    assert manifest.description.endswith(".")
    for each in manifest.inputs:
        assert each.hidden or 0 < len(each.description) <= 100
