"""Where a search could go too far or stop too early."""

import copy

import pytest

from tests.workflows.infer.test_tracing import CHECKPOINT, PAINT, SAVE, sampler, says
from workflows.infer.view import MAX_DEPTH
from workflows.manifest import InputType, Kind

SIDE = ["INT", {"default": 512, "min": 16, "max": 4096}]


def test_texts_that_become_a_picture_directly_are_the_prompt_and_the_negative(made):
    text = ["STRING", {"multiline": True}]
    painter = {
        "input": {"required": {"prompt": text, "negative_prompt": text}},
        "output": ["IMAGE"],
    }
    nodes = {
        "1": ("Painting", {"prompt": "a fox", "negative_prompt": "blurry"}),
        "2": ("PrimitiveStringMultiline", {"value": "shown, not painted"}),
        "9": ("SaveImage", {"images": ["1", 0], "filename_prefix": "x"}),
        "10": ("PreviewAny", {"source": ["2", 0]}),
    }
    workflow = made(nodes, Painting=painter)
    assert workflow.manifest.find("prompt").targets == ("1.prompt",)
    assert workflow.manifest.find("negative").targets == ("1.negative_prompt",)
    assert workflow.manifest.kind is Kind.TXT2IMG


def test_a_prompt_that_is_left_empty_beside_another_is_not_asked(inferred):
    nodes = {
        **PAINT,
        "16": says(""),
        "17": ("ConditioningCombine", {"conditioning_1": ["16", 0], "conditioning_2": ["6", 0]}),
        "3": sampler(positive="17"),
    }
    workflow = inferred(nodes)
    assert [each.targets for each in workflow.manifest.inputs if each.type is InputType.TEXT] == [
        ("6.text",),
        ("7.text",),
    ]


def test_people_may_ask_for_one_picture(inferred):
    count = inferred(PAINT).manifest.find("count")
    assert (count.min, count.max, count.default) == (1, 4, 1)


def test_a_length_keeps_the_minimum_and_the_steps_of_its_node(made):
    film = {
        "input": {
            "required": {
                "width": SIDE,
                "height": SIDE,
                "length": ["INT", {"default": 81, "min": 9, "max": 1000, "step": 8}],
            }
        },
        "output": ["LATENT"],
    }
    nodes = {**PAINT, "5": ("EmptyFilm", {"width": 512, "height": 512, "length": 81})}
    length = made(nodes, EmptyFilm=film).manifest.find("length")
    assert (length.min, length.max, length.step, length.default) == (9, 162, 8, 81)


def test_a_seed_is_no_larger_than_its_node_takes(made):
    painter = {
        "input": {
            "required": {
                "prompt": ["STRING", {"multiline": True}],
                "seed": ["INT", {"default": 0, "min": 0, "max": 2**31 - 1}],
            }
        },
        "output": ["IMAGE"],
    }
    nodes = {
        "1": ("Painting", {"prompt": "a fox", "seed": 7}),
        "9": ("SaveImage", {"images": ["1", 0], "filename_prefix": "x"}),
    }
    assert made(nodes, Painting=painter).manifest.find("seed").max == 2**31 - 1


@pytest.mark.parametrize(("steps", "least", "most"), [(3, None, 50), (4, 4, 50), (60, 4, 60)])
def test_a_value_of_the_file_is_always_within_its_bounds(made, classes, steps, least, most):
    described = copy.deepcopy(classes.raw["KSampler"])
    described["input"]["required"]["steps"] = ["INT", {"default": 20, "min": 4, "max": 50}]
    found = made({**PAINT, "3": sampler(steps=steps)}, KSampler=described).manifest.find("steps")
    assert (found.min, found.max, found.default) == (least, most, steps)


def test_a_length_between_the_steps_of_its_node_has_no_steps(made):
    film = {
        "input": {"required": {"length": ["INT", {"min": 1, "max": 1000, "step": 4}]}},
        "output": ["LATENT"],
    }
    nodes = {**PAINT, "5": ("EmptyFilm", {"length": 80})}
    assert made(nodes, EmptyFilm=film).manifest.find("length").step is None


def test_a_text_of_a_class_that_is_not_described_is_a_text(inferred):
    styled = ("StyleElsewhere", {"model": ["4", 0], "style": "ink"})
    nodes = {**PAINT, "20": styled, "3": sampler()}
    nodes["3"][1]["model"] = ["20", 0]
    app = {"linearData": {"inputs": [["20", "style"]]}}
    export = {"nodes": [{"id": 20, "type": "X"}], "extra": app}
    style = inferred(nodes, export=export, known=False).manifest.find("style")
    assert (style.type, style.default) == (InputType.TEXT, "ink")


def test_a_size_that_a_latent_is_changed_to_is_not_asked(made):
    upscale = {
        "input": {"required": {"samples": ["LATENT", {}], "width": SIDE, "height": SIDE}},
        "output": ["LATENT"],
    }
    larger = ("Larger", {"samples": ["5", 0], "width": 2048, "height": 2048})
    nodes = {**PAINT, "15": larger, "3": sampler(latent="15")}
    (size,) = sizes(made(nodes, Larger=upscale))
    assert (size.width, size.height) == (("5.width",), ("5.height",))


def sizes(workflow):
    return [each for each in workflow.manifest.inputs if each.type is InputType.SIZE]


def test_the_size_of_an_empty_latent_that_is_not_described_is_asked(inferred):
    nodes = {**PAINT, "5": ("EmptyElsewhere", {"width": 512, "height": 768})}
    size = inferred(nodes, known=False).manifest.find("size")
    assert size.default == "512x768"


def test_the_size_that_a_picture_is_scaled_to_is_not_asked(inferred):
    scale = {"image": ["8", 0], "upscale_method": "lanczos", "crop": "disabled"}
    nodes = {
        **PAINT,
        "12": ("ImageScale", {**scale, "width": 64, "height": 64}),
        "9": ("SaveImage", {"images": ["12", 0], "filename_prefix": "x"}),
    }
    (size,) = sizes(inferred(nodes))
    assert size.width == ("5.width",)


@pytest.mark.parametrize(("length", "is_asked"), [(3, True), (MAX_DEPTH + 2, False)])
def test_a_picture_is_looked_for_behind_so_many_latents(made, length, is_asked):
    passing = {"input": {"required": {"samples": ["LATENT", {}]}}, "output": ["LATENT"]}
    chain = {str(100 + n): ("Passing", {"samples": [str(99 + n), 0]}) for n in range(1, length + 1)}
    nodes = {
        **PAINT,
        **chain,
        "20": ("LoadImage", {"image": "a.png"}),
        "100": ("VAEEncode", {"pixels": ["20", 0], "vae": ["4", 2]}),
        "3": sampler(latent=str(100 + length), denoise=0.5),
    }
    workflow = made({"4": CHECKPOINT, **nodes, "9": SAVE}, Passing=passing)
    assert (workflow.manifest.find("strength") is not None) == is_asked
