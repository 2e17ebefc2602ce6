import json
from pathlib import Path

import pytest

from comfy.protocol.object_info import ObjectInfo

DATA = Path(__file__).parents[2] / "data" / "comfyui"


@pytest.fixture(params=["0.33.0", "0.3.64"])
def object_info(request):
    return ObjectInfo.parse(json.loads((DATA / request.param / "object_info.json").read_text()))


def test_classes(object_info):
    assert object_info.has("KSampler")
    assert not object_info.has("KSamplerXYZ")
    assert "KSampler" in object_info.classes
    assert object_info.display_name("CheckpointLoaderSimple") == "Load Checkpoint"
    assert object_info.display_name("KSamplerXYZ") == "KSamplerXYZ"
    assert object_info.is_output_node("SaveImage")
    assert not object_info.is_output_node("KSampler")
    assert object_info.outputs("CheckpointLoaderSimple") == ("MODEL", "CLIP", "VAE")


def test_numbers(object_info):
    steps = object_info.input("KSampler", "steps")

    assert (steps.type, steps.default, steps.min, steps.max) == ("INT", 20, 1, 10000)
    assert steps.required
    assert steps.tooltip
    assert object_info.input("KSampler", "seed").max == 2**64 - 1
    assert object_info.input("KSampler", "cfg").step == 0.1


def test_both_encodings_of_a_list(object_info):
    assert object_info.choices("CheckpointLoaderSimple", "ckpt_name") == ("tiny_sd3.safetensors",)
    assert "euler" in object_info.choices("KSampler", "sampler_name")
    assert "tiny_x2.safetensors" in object_info.choices("UpscaleModelLoader", "model_name")
    assert object_info.input("UpscaleModelLoader", "model_name").type == "COMBO"
    assert object_info.choices("KSampler", "steps") is None
    assert object_info.choices("KSampler", "nothing") is None
    assert object_info.choices("Nothing", "nothing") is None


def test_new_encoding_as_such():
    entry = {"input": {"required": {"m": ["COMBO", {"options": ["a", 2]}], "n": [["b"]]}}}
    object_info = ObjectInfo.parse({"Loader": entry})

    assert object_info.choices("Loader", "m") == ("a", "2")
    assert object_info.choices("Loader", "n") == ("b",)


def test_uploads_and_text(object_info):
    assert object_info.input("LoadImage", "image").upload == "image"
    assert object_info.input("KSampler", "seed").upload is None
    assert object_info.input("CLIPTextEncode", "text").multiline


def test_inputs_keep_their_order(object_info):
    assert list(object_info.inputs("KSampler"))[:3] == ["model", "seed", "steps"]
    assert object_info.inputs("Nothing") == {}


def test_parts_of_a_dynamic_list():
    raw = json.loads((DATA / "0.33.0" / "object_info.json").read_text())
    object_info = ObjectInfo.parse(raw)

    assert "mp4" in object_info.choices("SaveVideo", "format")
    assert "h264" in object_info.choices("SaveVideo", "format.codec")
    assert object_info.input("SaveVideo", "format.nothing") is None


@pytest.mark.parametrize("raw", [[], None, "x", {"error": "no"}, {"A": 1}])
def test_another_document(raw):
    with pytest.raises(ValueError, match="not /object_info"):
        ObjectInfo.parse(raw)


def test_odd_entries_are_passed_over():
    object_info = ObjectInfo.parse(
        {"A": {"input": {"required": {"x": [], "y": "STRING", "z": ["INT", None]}}}, "B": 7}
    )

    assert object_info.classes == {"A"}
    assert object_info.input("A", "z").type == "INT"
    assert object_info.input("A", "x").type == "*"


def test_the_same_description_is_kept_once():
    def parse(*names):
        inputs = {name: ["INT", {"min": 0}] for name in names}
        return ObjectInfo.parse({"A": {"input": {"required": inputs}}})

    first = parse("a", "b")
    assert parse("a", "b") is first
    assert parse("b", "a") is not first
    assert list(parse("b", "a").inputs("A")) == ["b", "a"]
