"""What people give never becomes a part of a file's path, through however many nodes."""

import pytest

from workflows.errors import InvalidGraph, InvalidManifest
from workflows.graph import parse_graph
from workflows.reading import parse_manifest
from workflows.workflow import build_workflow

PAINT = {
    "4": ("CheckpointLoaderSimple", {"ckpt_name": "a.safetensors"}),
    "5": ("EmptyLatentImage", {"width": 512, "height": 512, "batch_size": 1}),
    "1": ("PrimitiveStringMultiline", {"value": "a fox"}),
    "6": ("CLIPTextEncode", {"text": ["1", 0], "clip": ["4", 1]}),
    "3": (
        "KSampler",
        {
            "model": ["4", 0],
            "positive": ["6", 0],
            "negative": ["6", 0],
            "latent_image": ["5", 0],
            "seed": 1,
            "steps": 20,
            "cfg": 8.0,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
        },
    ),
    "8": ("VAEDecode", {"samples": ["3", 0], "vae": ["4", 2]}),
    "9": ("SaveImage", {"images": ["8", 0], "filename_prefix": "mine"}, "Keep"),
}


def saved(prefix, **more):
    return {
        **PAINT,
        **more,
        "9": ("SaveImage", {"images": ["8", 0], "filename_prefix": prefix}, "Keep"),
    }


def joined(link):
    return ("StringConcatenate", {"string_a": "x", "string_b": link, "delimiter": "/"})


@pytest.mark.parametrize("length", [0, 1, 30])
def test_a_prompt_that_is_wired_to_the_name_of_files_does_not_reach_it(inferred, length):
    chain = {str(100 + n): joined([str(99 + n) if n else "1", 0]) for n in range(length)}
    last = [str(99 + length), 0] if length else ["1", 0]
    workflow = inferred(saved(last, **chain))
    assert workflow.manifest.find("prompt").targets == ("1.value",)
    assert workflow.graph["9"]["inputs"]["filename_prefix"] == "ComfyUI"
    assert workflow.graph["6"]["inputs"]["text"] == ["1", 0]
    assert (
        'What people give does not reach filename_prefix of "Keep" (9), which names a file: the'
        ' connection is cut, and it is "ComfyUI".'
    ) in workflow.notes
    assert sum("the connection is cut" in note for note in workflow.notes) == 1


def test_what_a_model_writes_of_the_prompt_or_of_a_picture_does_not_reach_it(inferred):
    writer = (
        "TextGenerate",
        {"clip": ["4", 1], "image": ["2", 0], "prompt": "Describe", "max_length": 256},
    )
    load = ("LoadImage", {"image": "example.png"})
    workflow = inferred(saved(["7", 0], **{"2": load, "7": writer}))
    assert workflow.graph["9"]["inputs"]["filename_prefix"] == "ComfyUI"


def test_a_number_may_be_in_the_name_of_files(inferred):
    number = ("PrimitiveInt", {"value": 5})
    text = ("Unknown", {"number": ["2", 0]})
    workflow = inferred(saved(["7", 0], **{"2": number, "7": text}))
    assert workflow.graph["9"]["inputs"]["filename_prefix"] == ["7", 0]


def test_a_name_of_files_that_nothing_of_people_reaches_stays_connected(inferred):
    name = ("PrimitiveStringMultiline", {"value": "mine"}, "Folder")
    workflow = inferred(saved(["2", 0], **{"2": name}))
    assert workflow.graph["9"]["inputs"]["filename_prefix"] == ["2", 0]


@pytest.mark.parametrize(
    "name",
    ["folder_name", "out_dir", "output_path", "directory", "save_file", "Filename", "mode.folder"],
)
def test_a_workflow_whose_path_has_no_other_value_is_refused(inferred, name):
    elsewhere = ("SaveElsewhere", {"images": ["8", 0], name: ["1", 0]}, "Elsewhere")
    with pytest.raises(InvalidGraph, match=f'reach {name} of "Elsewhere" \\(10\\)'):
        inferred({**PAINT, "10": elsewhere})


def test_other_texts_of_unknown_classes_are_allowed(inferred):
    elsewhere = ("SaveElsewhere", {"images": ["8", 0], "caption": ["1", 0], "style": "x"})
    workflow = inferred({**PAINT, "10": elsewhere})
    assert workflow.graph["10"]["inputs"]["caption"] == ["1", 0]


def test_without_classes_a_path_is_refused_too(inferred):
    with pytest.raises(InvalidGraph, match="filename_prefix"):
        inferred(saved(["1", 0]), known=False)


def test_one_value_for_an_encoder_and_a_path_goes_to_the_encoder_alone(inferred):
    nodes = saved("a fox")
    nodes["6"] = ("CLIPTextEncode", {"text": "a fox", "clip": ["4", 1]})
    del nodes["1"]
    inner = {
        "id": "abc",
        "nodes": [
            {"id": 6, "type": "CLIPTextEncode", "inputs": [socket("text", 1)]},
            {"id": 9, "type": "SaveImage", "inputs": [socket("filename_prefix", 2)]},
        ],
        "links": [link(1, 6), link(2, 9)],
        "inputs": [{"name": "words", "linkIds": [1, 2]}],
    }
    export = {
        "nodes": [{"id": 7, "type": "abc", "inputs": [socket("words", None)]}],
        "definitions": {"subgraphs": [inner]},
    }
    nodes = {f"7:{name}": moved(node) for name, node in nodes.items()}
    workflow = inferred(nodes, export=export)
    assert workflow.manifest.find("prompt").targets == ("7:6.text",)
    assert any("7:9.filename_prefix, which names a file" in note for note in workflow.notes)


def socket(name, link_id):
    return {"name": name, "link": link_id, "widget": {"name": name}}


def link(link_id, target):
    ends = {"origin_id": -10, "origin_slot": 0, "target_id": target, "target_slot": 0}
    return {"id": link_id, **ends}


def moved(node):
    class_type, inputs, *title = node
    inner = {
        name: [f"7:{value[0]}", value[1]] if isinstance(value, list) else value
        for name, value in inputs.items()
    }
    return (class_type, inner, *title)


@pytest.mark.parametrize(
    ("hidden", "target", "known"),
    [(False, "9.filename_prefix", True), (False, "9.filename_prefix", False)],
)
def test_a_manifest_cannot_write_a_text_to_a_path(classes, hidden, target, known):
    with pytest.raises(InvalidManifest, match="which names a file"):
        build(target, classes if known else None, hidden=hidden)


def test_an_operator_may_write_a_hidden_text_to_a_path(classes):
    workflow = build("9.filename_prefix", classes, hidden=True)
    assert workflow.manifest.find("name").targets == ("9.filename_prefix",)


def build(target, classes, *, hidden):
    graph = {name: {"class_type": node[0], "inputs": dict(node[1])} for name, node in PAINT.items()}
    table = f'title = "x"\n[[input]]\nname = "name"\ntype = "text"\ntargets = ["{target}"]\n'
    manifest = parse_manifest(table + ("hidden = true\n" if hidden else ""))
    return build_workflow("small", manifest, parse_graph(graph), classes)


@pytest.mark.parametrize(
    ("prefix", "leaves"),
    [
        ("../x", True),
        ("a/../../x", True),
        ("/etc/x", True),
        ("C:\\x", True),
        ("..\\x", True),
        ("a/../x", False),
        ("..x/y", False),
        ("mine/%date%", False),
    ],
)
def test_a_name_of_files_that_leaves_the_output_folder_is_told(inferred, prefix, leaves):
    notes = inferred(saved(prefix)).notes
    assert any("leaves ComfyUI's output folder" in note for note in notes) == leaves
