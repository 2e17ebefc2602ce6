"""The operator's word counts; what it leaves out is inferred; and what is inferred can be saved."""

import pytest

from workflows.errors import InvalidManifest
from workflows.folders.loading import with_inference
from workflows.infer.inference import Inference, infer
from workflows.infer.partial import complete, is_partial
from workflows.reading import parse_manifest, read_table
from workflows.workflow import build_workflow
from workflows.writing import write_manifest

GRAPH = {
    "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a.safetensors"}},
    "5": {
        "class_type": "EmptyLatentImage",
        "inputs": {"width": 512, "height": 512, "batch_size": 1},
    },
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": 'a "fox"\n\x7f', "clip": ["4", 1]}},
    "3": {
        "class_type": "KSampler",
        "inputs": {
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["6", 0],
            "latent_image": ["5", 0],
            "seed": 1,
            "steps": 20,
            "cfg": 4.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
        },
    },
    "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
    "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "x"}},
}


@pytest.fixture
def inference(classes) -> Inference:
    return infer(GRAPH, classes, title="small", command="small")


@pytest.fixture
def completed(inference):
    def run(toml):
        return with_inference("small", GRAPH, complete(read_table(toml), inference))

    return run


def test_what_is_inferred_is_saved_and_loads_back_equal(inference):
    text = write_manifest(inference.manifest, inference.reasons, notes=["Two\nlines."])
    assert parse_manifest(text) == inference.manifest
    assert not is_partial(read_table(text))
    assert "# It is written as positive for KSampler." in text
    assert "# Two lines." in text
    loaded = build_workflow("small", parse_manifest(text), GRAPH)
    assert loaded.manifest == with_inference("small", GRAPH, inference).manifest


def test_a_manifest_without_inputs_leaves_them_to_be_inferred():
    assert is_partial(read_table('title = "Foxes"'))
    assert is_partial(read_table('infer = true\n[[input]]\nname = "steps"'))
    assert not is_partial(read_table('title = "a"\n[[input]]\nname = "steps"'))
    assert not is_partial(read_table("infer = false"))


def test_the_operator_hides_renames_fixes_and_adds(completed):
    workflow = completed(
        """
        infer = true
        cost = 2

        [[input]]
        name = "cfg"
        hidden = true
        default = 5.0

        [[input]]
        name = "patience"
        from = "steps"
        max = 40

        [[input]]
        name = "shape"
        type = "integer"
        targets = ["5.width", "5.height"]
        """
    )
    found = {each.name: each for each in workflow.manifest.inputs}
    assert workflow.manifest.cost == 2
    assert workflow.manifest.title == "Small"
    assert (found["cfg"].hidden, found["cfg"].default) == (True, 5.0)
    assert (found["patience"].max, found["patience"].targets) == (40, ("3.steps",))
    assert "steps" not in found
    assert "size" not in found  # the operator writes to its places
    assert found["prompt"].required
    assert workflow.reasons["shape"] == "The operator's own."
    assert workflow.reasons["patience"].startswith("The operator's own. It is how many steps")


def test_a_name_that_was_not_inferred_is_told(completed):
    with pytest.raises(InvalidManifest, match='"from" names "speed", which was not inferred'):
        completed('infer = true\n[[input]]\nname = "x"\nfrom = "speed"')


def test_a_mistake_in_a_partial_manifest_names_its_table(completed):
    with pytest.raises(InvalidManifest, match=r'\[\[input\]\] "steps": "max" must be a number'):
        completed('infer = true\n[[input]]\nname = "steps"\nmax = "many"')


def test_a_graph_that_was_saved_anew_is_refused(inference):
    changed = {
        **GRAPH,
        "6": {"class_type": "TextEncodeQwenImageEditPlus", "inputs": GRAPH["6"]["inputs"]},
    }
    with pytest.raises(InvalidManifest, match='node "6" was CLIPTextEncode and is now TextEncode'):
        build_workflow("small", inference.manifest, changed)
