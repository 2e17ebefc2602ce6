"""What the author put on the surface comes first."""

import copy

import pytest

DEFINITION = "e13112f7"
INNER = {
    "id": DEFINITION,
    "name": "Paint",
    "inputs": [
        {"name": "text", "linkIds": [1]},
        {"name": "strange", "linkIds": [2, 3]},
        {"name": "unet_name", "linkIds": [4]},
    ],
    "nodes": [
        {"id": 6, "type": "CLIPTextEncode", "inputs": [{"name": "clip"}, {"name": "text"}]},
        {"id": 3, "type": "KSampler", "inputs": [{"name": "steps"}]},
        {"id": 13, "type": "KSampler", "inputs": [{"name": "steps"}]},
        {"id": 1, "type": "UNETLoader", "inputs": [{"name": "unet_name"}]},
    ],
    "links": [
        {"id": 1, "target_id": 6, "target_slot": 1},
        {"id": 2, "target_id": 3, "target_slot": 0},
        {"id": 3, "target_id": 13, "target_slot": 0},
        {"id": 4, "target_id": 1, "target_slot": 0},
    ],
}
INSTANCE = {
    "id": 30,
    "type": DEFINITION,
    "inputs": [
        {"name": "strange", "label": "Patience", "widget": {"name": "strange"}},
        {"name": "text", "label": "What to paint", "widget": {"name": "text"}},
        {"name": "unet_name", "widget": {"name": "unet_name"}},
    ],
    "properties": {"proxyWidgets": [["3", "cfg"], ["-1", "text"], ["3", "control_after_generate"]]},
}
EXPORT = {"nodes": [INSTANCE, {"id": 9}], "definitions": {"subgraphs": [INNER]}}


def paint(latent):
    return {
        "model": ["30:1", 0],
        "positive": ["30:6", 0],
        "negative": ["30:6", 0],
        "latent_image": [latent, 0],
        "seed": 1,
        "steps": 20,
        "cfg": 4.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
    }


NODES = {
    "30:1": ("UNETLoader", {"unet_name": "a.safetensors", "weight_dtype": "default"}),
    "30:4": ("CLIPLoader", {"clip_name": "b.safetensors", "type": "sd3"}),
    "30:6": ("CLIPTextEncode", {"text": "a fox", "clip": ["30:4", 0]}),
    "30:5": ("EmptyLatentImage", {"width": 512, "height": 512, "batch_size": 1}),
    "30:3": ("KSampler", paint("30:5")),
    "30:13": ("KSampler", paint("30:3")),
    "30:2": ("VAELoader", {"vae_name": "c.safetensors"}),
    "30:8": ("VAEDecode", {"samples": ["30:13", 0], "vae": ["30:2", 0]}),
    "9": ("SaveImage", {"images": ["30:8", 0], "filename_prefix": "x"}),
    "10": ("PreviewImage", {"images": ["30:8", 0]}),
}


def shown(workflow):
    return {each.name: each.targets for each in workflow.manifest.inputs if not each.hidden}


def test_promoted_inputs_are_asked_for_and_what_every_run_needs(inferred):
    workflow = inferred(NODES, export=EXPORT)
    assert shown(workflow) == {
        "prompt": ("30:6.text",),
        "size": (),
        "seed": ("30:3.seed", "30:13.seed"),
        "steps": ("30:3.steps", "30:13.steps"),
        "cfg": ("30:3.cfg",),
    }
    assert workflow.reasons["steps"].startswith("The author made it an input of Paint.")
    assert workflow.manifest.find("unet_name").hidden


@pytest.mark.parametrize(
    "named",
    [["6", "text"], [f"{DEFINITION}:6:text", "text"], ["30", "text"], [30, "text"]],
    ids=["inside", "definition", "subgraph", "number"],
)
def test_app_mode_goes_before_what_is_promoted(inferred, named):
    app = {"linearData": {"inputs": [named], "outputs": ["9", "404"]}}
    workflow = inferred(NODES, export={**EXPORT, "extra": app})
    assert shown(workflow) == {"prompt": ("30:6.text",), "seed": ("30:3.seed", "30:13.seed")}
    assert workflow.manifest.output.nodes == ("9",)
    assert "App mode" in workflow.reasons["prompt"]


@pytest.mark.parametrize(
    "export",
    [
        {"nodes": 5, "definitions": [], "extra": None},
        {"nodes": [None, {"type": DEFINITION}], "definitions": {"subgraphs": [INNER, 5]}},
        {"nodes": [], "extra": {"linearData": {"inputs": [5, ["6"], [None, "x"]]}}},
        {"nodes": [], "definitions": {"subgraphs": [{"id": "x", "nodes": [{"type": "x"}]}]}},
    ],
)
def test_a_surface_of_another_form_is_no_surface(inferred, export):
    assert "prompt" in shown(inferred(NODES, export=export))


def test_subgraphs_that_hold_themselves_end(inferred):
    looped = {**INNER, "nodes": [{"id": 1, "type": DEFINITION}], "links": []}
    app = {"linearData": {"inputs": [["7", "text"]]}}
    export = {**EXPORT, "definitions": {"subgraphs": [looped]}, "extra": app}
    assert "prompt" in shown(inferred(NODES, export=export))


@pytest.fixture
def two_texts():
    """The same with another text, whose node has a title, on the positive side."""

    def build(title):
        nodes = copy.deepcopy(NODES)
        nodes["30:20"] = ("CLIPTextEncode", {"text": "oil", "clip": ["30:4", 0]}, title)
        both = {"conditioning_1": ["30:6", 0], "conditioning_2": ["30:20", 0]}
        nodes["30:21"] = ("ConditioningCombine", both)
        nodes["30:7"] = ("ConditioningZeroOut", {"conditioning": ["30:6", 0]})
        for sampler in ("30:3", "30:13"):
            nodes[sampler][1].update(positive=["30:21", 0], negative=["30:7", 0])
        return nodes

    return build


@pytest.mark.parametrize("title", ["$style", "{{ style }}", "$style.text!", "$~style"])
def test_titles_mark_what_people_set(inferred, two_texts, title):
    found = shown(inferred(two_texts(title)))
    assert (found["prompt"], found["style"]) == (("30:6.text",), ("30:20.text",))


def test_a_title_that_says_negative_counts_for_more_than_where_it_goes(inferred, two_texts):
    found = shown(inferred(two_texts("Negative Prompt")))
    assert (found["prompt"], found["negative"]) == (("30:6.text",), ("30:20.text",))
