"""Every shipped workflow binds with all its options, to nodes and inputs that ComfyUI has."""

import gzip
import json
import os
from functools import cache
from pathlib import Path

import pytest

from sandbox.comfyui.models import load_node_classes
from workflows.binding import bind, check
from workflows.graph import find_link, upstream
from workflows.manifest import InputType, Kind
from workflows.model_files import find_model_files
from workflows.rules import WELL_KNOWN
from workflows.sizes import is_within_limits
from workflows.values import size_for

RECENT = "0.33.0"
LATEST = "LIMNER_TEST_LATEST_OBJECT_INFO"
"""Names a saved `/object_info` of a newer ComfyUI, gzipped or not."""

ASPECTS = ("1:1", "3:2", "2:3", "4:3", "3:4", "16:9", "9:16", "21:9")
KINDS = {
    "3d-hunyuan": Kind.THREE_D,
    "audio-ace-step": Kind.AUDIO,
    "audio-stable": Kind.AUDIO,
    "depth-map": Kind.OTHER,
    "describe-qwen": Kind.DESCRIBE,
    "edit-flux2": Kind.EDIT,
    "edit-kontext": Kind.EDIT,
    "edit-qwen": Kind.EDIT,
    "enhance-qwen": Kind.ENHANCE,
    "frames2vid-ltx": Kind.IMG2VID,
    "img2img-sd": Kind.IMG2IMG,
    "img2vid-ltx": Kind.IMG2VID,
    "img2vid-wan": Kind.IMG2VID,
    "inpaint-sd": Kind.INPAINT,
    "inpaint-words": Kind.INPAINT,
    "outpaint-flux": Kind.OUTPAINT,
    "remove-background": Kind.OTHER,
    "sdxl-depth": Kind.EDIT,
    "sdxl-edges": Kind.EDIT,
    "sdxl-pose": Kind.EDIT,
    "txt2img-flux": Kind.TXT2IMG,
    "txt2img-flux-schnell": Kind.TXT2IMG,
    "txt2img-flux2": Kind.TXT2IMG,
    "txt2img-qwen": Kind.TXT2IMG,
    "txt2img-sd": Kind.TXT2IMG,
    "txt2img-sd15": Kind.TXT2IMG,
    "txt2img-sd3": Kind.TXT2IMG,
    "txt2img-z-image": Kind.TXT2IMG,
    "txt2vid-ltx": Kind.TXT2VID,
    "txt2vid-wan": Kind.TXT2VID,
    "upscale": Kind.UPSCALE,
    "upscale-seedvr2": Kind.UPSCALE,
}
COMMANDS = {
    "audio-ace-step": "song",
    "depth-map": "depth",
    "inpaint-words": "replace",
    "outpaint-flux": "extend",
    "remove-background": "background",
}
"""Those that ask for more than the commands by kind do."""

FOR_OLD = frozenset(
    {
        "img2img-sd",
        "inpaint-sd",
        "txt2img-flux",
        "txt2img-flux-schnell",
        "txt2img-sd",
        "txt2img-sd15",
        "txt2img-sd3",
        "upscale",
    }
)
"""What also runs on ComfyUI of 2025."""

ADDED_LATER = {("ImageScaleToTotalPixels", "resolution_steps"), ("SaveVideo", "codec")}
"""Inputs that one version lacks and ignores."""

OWN_NAMES = {
    *("megapixels", "image_2", "image_3", "last_image", "find", "left", "right", "top", "bottom"),
    *("scale", "seconds", "lyrics", "bpm"),
}
"""Inputs that `/imagine` does not know."""

SAMPLES = {
    InputType.TEXT: 'a "fox" in the {snow}',
    InputType.CHECKPOINT: "chosen.safetensors",
    InputType.LORA: "style.safetensors",
    InputType.SIZE: "16:9",
    InputType.SEED: 2**64 - 1,
}


@pytest.fixture(params=sorted(KINDS))
def workflow(request, library):
    return library[request.param]


@cache
def _load_object_info(version):
    if version != LATEST:
        return load_node_classes(version)
    path = os.environ.get(LATEST)
    if not path:
        pytest.skip(f"{LATEST} names no saved /object_info of a newer ComfyUI")
    content = Path(path).read_bytes()
    return json.loads(gzip.decompress(content) if path.endswith(".gz") else content)


@pytest.fixture(
    params=[
        *((name, version) for name in sorted(KINDS) for version in (RECENT, LATEST)),
        *((name, "0.3.64") for name in sorted(FOR_OLD)),
    ],
    ids="-".join,
)
def described(request, library):
    """A workflow, and the node classes of a version that has all of its nodes."""
    name, version = request.param
    return library[name], _load_object_info(version)


def declared(node, object_info):
    """Every input of the node's class, those that its own values bring among them."""
    found = {}
    sections = [("", object_info[node["class_type"]]["input"])]
    while sections:
        prefix, section = sections.pop()
        for kind in ("required", "optional"):
            for name, spec in section.get(kind, {}).items():
                full_name = f"{prefix}{name}"
                found[full_name] = kind, spec
                if spec[0] == "COMFY_DYNAMICCOMBO_V3":
                    key = node["inputs"].get(full_name)
                    chosen = [one["inputs"] for one in spec[1]["options"] if one["key"] == key]
                    sections += [(f"{full_name}.", one) for one in chosen]
                elif spec[0] == "COMFY_AUTOGROW_V3":
                    (item,) = spec[1]["template"]["input"]["required"].values()
                    del found[full_name]
                    found |= {
                        given: (kind, item)
                        for given in node["inputs"]
                        if given.startswith(f"{full_name}.")
                    }
    return found


def picture_names(manifest):
    return [each.name for each in manifest.inputs if each.type.is_picture]


def sample(each):
    is_number = each.type in (InputType.INTEGER, InputType.NUMBER)
    return each.max if is_number else SAMPLES[each.type]


def bind_all(workflow):
    manifest = workflow.manifest
    pictures = picture_names(manifest)
    offered = [each for each in manifest.inputs if each.name in manifest.options]
    values = {each.name: sample(each) for each in offered if each.name not in pictures}
    checked = check(manifest, values, attached=pictures)
    return bind(workflow, {**checked, **dict.fromkeys(pictures, "photo.png")})


def test_the_library_has_the_promised_workflows(library):
    assert {name: workflow.manifest.kind for name, workflow in library.items()} == KINDS
    named = {name: one.manifest.command for name, one in library.items() if one.manifest.command}
    assert named == COMMANDS


def test_every_option_reaches_the_graph(workflow):
    graph = bind_all(workflow)
    size = workflow.manifest.find("size")
    sides = size_for("16:9", size) if size else ()
    for each in workflow.manifest.inputs:
        for slot in each.slots:
            value = graph[slot.node_id]["inputs"][slot.input_name]
            if each.type is InputType.SIZE:
                assert value in sides
            elif each.type.is_picture:
                assert value == "photo.png"
            elif each.type is InputType.TEXT:
                assert value == f"{each.prepend}{sample(each)}"
            else:
                assert value == (each.default if each.hidden else sample(each))


def test_every_class_and_input_exists(described):
    workflow, object_info = described
    for node in bind_all(workflow).values():
        known = declared(node, object_info)
        given = {name for name in node["inputs"] if (node["class_type"], name) not in ADDED_LATER}
        assert given <= known.keys()
        required = {name for name, (kind, _) in known.items() if kind == "required"}
        assert required <= node["inputs"].keys()


def test_every_connection_fits_its_type(described):
    workflow, object_info = described
    graph = bind_all(workflow)
    for node in graph.values():
        known = declared(node, object_info)
        for name, value in node["inputs"].items():
            link = find_link(value)
            if link is not None:
                source = object_info[graph[link.node_id]["class_type"]]
                wanted = known[name][1][0]
                assert wanted == "*" or source["output"][link.output] in wanted.split(",")


def test_every_fixed_choice_and_bound_is_allowed(described):
    workflow, object_info = described
    bound = {
        (slot.node_id, slot.input_name) for one in workflow.manifest.inputs for slot in one.slots
    }
    for node_id, node in workflow.graph.items():
        known = declared(node, object_info)
        for name, value in node["inputs"].items():
            if name not in known or find_link(value):
                continue
            spec = known[name][1]
            options = spec[1] if len(spec) > 1 else {}
            choices = spec[0] if isinstance(spec[0], list) else options.get("options")
            if choices is not None and (node_id, name) not in bound:
                assert value in [one["key"] if isinstance(one, dict) else one for one in choices]
            if "min" in options:
                assert options["min"] <= value <= options["max"]


def test_bounds_are_within_those_of_the_node(described):
    workflow, object_info = described
    for each in workflow.manifest.inputs:
        if each.type not in (InputType.INTEGER, InputType.NUMBER):
            continue
        for slot in each.slots:
            known = declared(workflow.graph[slot.node_id], object_info)
            options = known[slot.input_name][1][1]
            assert options["min"] <= each.min < each.max <= options["max"]


def test_every_node_counts_and_has_a_title(workflow):
    graph = workflow.graph
    assert upstream(graph, workflow.manifest.output.nodes) == set(graph)
    assert all(node["_meta"]["title"] for node in graph.values())
    saved = graph["9"]["inputs"].get("filename_prefix")
    assert saved in ("limner/picture", "limner/video", "limner/sound", "limner/shape", None)


def test_a_picture_that_is_left_out_is_not_loaded(library):
    workflow = library["edit-qwen"]
    checked = check(workflow.manifest, {"prompt": "make it snow"}, attached=["image", "image_2"])
    graph = bind(workflow, {**checked, "image": "one.png", "image_2": "two.png"})
    used = upstream(graph, ["9"])
    assert {"10", "16"} <= used
    assert "17" not in used
    assert "17" in upstream(workflow.graph, ["9"])


def test_every_model_is_listed_with_where_to_get_it(workflow):
    models = {each.name: each for each in workflow.manifest.models}
    assert {(one.name, one.folder) for one in find_model_files(workflow)} == {
        (one.name, one.folder) for one in models.values()
    }
    for model in models.values():
        assert model.url.startswith("https://")
        assert model.size
        assert model.license


def test_the_minimum_is_a_prompt_or_a_picture(workflow):
    required = {each.name for each in workflow.manifest.inputs if each.required}
    assert required <= {"prompt", "image", "mask", "last_image", "find"}
    values = dict.fromkeys(required & {"prompt", "find"}, "fox")
    checked = check(workflow.manifest, values, attached=picture_names(workflow.manifest))
    for each in workflow.manifest.inputs:
        if each.type not in (InputType.SEED, InputType.LORA) and not each.type.is_picture:
            assert each.name in checked


@pytest.mark.parametrize("aspect", ASPECTS)
def test_every_aspect_has_a_size(library, aspect):
    for workflow in library.values():
        if workflow.manifest.find("size") is not None:
            attached = picture_names(workflow.manifest)
            given = {"prompt": "x", "size": aspect}
            size = check(workflow.manifest, given, attached=attached)["size"]
            assert is_within_limits(size)


def test_options_are_called_as_every_command_calls_them(workflow):
    others = workflow.manifest.options - WELL_KNOWN.keys()
    assert others <= OWN_NAMES


def test_descriptions_are_there_and_fit_into_discord(workflow):
    manifest = workflow.manifest
    assert manifest.title
    assert manifest.description.endswith(".")
    for each in manifest.inputs:
        assert each.hidden or 0 < len(each.description) <= 100
