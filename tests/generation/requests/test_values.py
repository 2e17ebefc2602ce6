"""Values of requests, and whether a workflow accepts them."""

import pytest

from generation.requests.values import fits
from workflows.manifest import Manifest
from workflows.workflow import Workflow

INPUTS = [
    {"name": "model", "type": "checkpoint", "targets": ["4.ckpt_name"]},
    {"name": "lora", "type": "lora", "wraps": "4"},
]
OFFERED = {"model": ("A.safetensors", "b.safetensors"), "lora": ("ink.safetensors",)}


@pytest.mark.parametrize(
    ("name", "value", "is_fitting"),
    [
        ("model", "a.SAFETENSORS", True),
        ("model", "../secret", False),
        ("lora", "ink.safetensors", True),
        ("lora", "<lora:INK.safetensors:0.5><lora:ink.safetensors>", True),
        ("lora", "<lora:ink.safetensors:0.5><lora:other>", False),
        ("lora", "<lora:ink.safetensors:99>", False),
        ("seed", 7, False),
    ],
)
def test_a_model_fits_if_a_backend_has_it(name, value, is_fitting):
    manifest = Manifest.model_validate({"title": "Ink", "input": INPUTS})
    workflow = Workflow("ink", manifest, {})
    assert fits(workflow, name, value, OFFERED) == is_fitting


def test_a_model_fits_while_no_backend_has_listed_its_models():
    manifest = Manifest.model_validate({"title": "Ink", "input": INPUTS})
    assert fits(Workflow("ink", manifest, {}), "model", "c.safetensors", {})
