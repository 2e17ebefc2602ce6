"""What pictures say of themselves."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from generation.media.metadata import Metadata, Program, parse_parameters, read_metadata

GRAPH = {
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "seed": 42,
            "steps": 20,
            "cfg": 7.5,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
            "model": ["4", 0],
            "positive": ["8", 0],
            "negative": ["7", 0],
            "latent_image": ["5", 0],
        },
    },
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
    "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 512, "height": 768}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["4", 1]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "rain", "clip": ["4", 1]}},
    "8": {"class_type": "ConditioningSetArea", "inputs": {"conditioning": ["6", 0]}},
}

PARAMETERS = (
    "a fox, (snow:1.2)\nin winter\nNegative prompt: rain, Steps: up\n"
    'Steps: 20, Sampler: DPM++ 2M, CFG scale: 7, Seed: 42, Size: 512x768, Model: "a, b", '
    "Denoising strength: 0.5"
)


def build_png(**texts):
    buffer = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    Image.new("RGB", (8, 8)).save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def build_exif(file_format, text):
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + text.encode("utf-16-be")
    exif.endian = ">"
    Image.new("RGB", (8, 8)).save(buffer, file_format, exif=exif)
    return buffer.getvalue()


def test_a_graph_says_what_its_sampler_was_given():
    found = read_metadata(build_png(prompt=json.dumps(GRAPH)))
    assert found == Metadata(
        Program.COMFYUI,
        "a fox",
        "rain",
        {
            "seed": "42",
            "steps": "20",
            "cfg": "7.5",
            "sampler": "euler",
            "scheduler": "normal",
            "denoise": "1.0",
            "size": "512x768",
            "models": "a.safetensors",
            "nodes": "6",
        },
    )


def test_a_graph_without_a_sampler_still_says_its_prompt():
    graph = {name: GRAPH[name] for name in ("4", "5", "6")}
    found = read_metadata(build_png(prompt=json.dumps(graph)))
    assert (found.prompt, found.negative) == ("a fox", "")
    assert found.facts["models"] == "a.safetensors"


def test_a_circle_in_a_graph_is_walked_once():
    graph = {
        "1": {"class_type": "Odd", "inputs": {"positive": ["2", 0], "latent_image": ["2", 0]}},
        "2": {"class_type": "Odd", "inputs": {"conditioning": ["1", 0]}},
    }
    found = read_metadata(build_png(prompt=json.dumps(graph)))
    assert found is None or found.prompt == ""


@pytest.mark.parametrize(
    "content",
    [
        build_png(parameters=PARAMETERS),
        build_exif("JPEG", PARAMETERS),
        build_exif("WEBP", PARAMETERS),
    ],
    ids=["png", "jpeg", "webp"],
)
def test_the_text_of_a1111_is_read_from_every_kind_of_picture(content):
    found = read_metadata(content)
    assert found.program is Program.A1111
    assert found.prompt == "a fox, (snow:1.2)\nin winter"
    assert found.negative == "rain, Steps: up"
    assert found.facts == {
        "Steps": "20",
        "Sampler": "DPM++ 2M",
        "CFG scale": "7",
        "Seed": "42",
        "Size": "512x768",
        "Model": "a, b",
        "Denoising strength": "0.5",
    }


@pytest.mark.parametrize(
    "content",
    [b"", b"text", build_png(), build_png(Comment="a fox"), build_png(prompt="{"), bytes(500)],
)
def test_what_says_nothing_is_not_guessed_at(content):
    assert read_metadata(content) is None


def test_what_only_the_editor_saved_is_at_least_counted():
    export = {"nodes": [{"id": 1, "type": "KSampler"}], "links": [], "version": 0.4}
    found = read_metadata(build_png(workflow=json.dumps(export)))
    assert found == Metadata(Program.COMFYUI, facts={"nodes": "1"})


@given(st.text(max_size=400))
def test_no_text_harms(text):
    parse_parameters(text)
    parse_parameters(f"{text}\nSteps: 3, {text}")


@pytest.mark.parametrize(
    "filler", [" " * 300_000, "a" * 300_000, 'a:"\\' * 100_000, "a:" * 100_000, '"' * 300_000]
)
def test_no_length_of_text_takes_long(filler):
    """Once, blanks alone kept a processor busy for hours; the time limit of a test judges."""
    found = parse_parameters(f"a fox\nSteps: 3, {filler}")
    assert found.prompt == "a fox"
    assert found.facts["Steps"] == "3"


def test_what_only_looks_like_a_latent_says_nothing():
    assert read_metadata(b"\x20" + bytes(7) + b'{"__metadata__": nonsense') is None
