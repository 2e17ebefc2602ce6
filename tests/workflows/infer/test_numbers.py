"""Which numbers people are asked for, by what their nodes take and make."""

import copy

import pytest

from tests.workflows.infer.test_asking import PICTURE, SELECTOR, chosen_by, shown
from tests.workflows.infer.test_prompts import described
from tests.workflows.infer.test_tracing import PAINT, sampler, targets

INT = ["INT", {"default": 8}]
FLOAT = ["FLOAT", {"default": 8.0}]


def with_model(class_type, **inputs):
    """The usual graph with this node between the checkpoint and the sampler."""
    nodes = copy.deepcopy(PAINT)
    nodes["20"] = (class_type, {"model": ["4", 0], **inputs})
    nodes["3"][1]["model"] = ["20", 0]
    return nodes


@pytest.mark.parametrize(
    ("outputs", "is_asked"),
    [
        (["LATENT"], True),
        (["SIGMAS"], True),
        (["GUIDER"], True),
        (["MODEL"], False),
        (["SIGMAS", "INT"], False),
        (["SIGMAS", "FLOAT"], False),
    ],
)
def test_steps_are_asked_of_what_takes_part_in_sampling(made, outputs, is_asked):
    own = described([*outputs, "MODEL"], model=["MODEL", {}], steps=INT)
    nodes = with_model("Own", steps=12)
    nodes["3"][1]["model"] = ["20", len(outputs)]
    nodes["3"][1]["steps"] = 30
    found = [one.targets for one in made(nodes, Own=own).manifest.inputs]
    assert (("20.steps",) in found) == is_asked
    assert ("3.steps",) in found


@pytest.mark.parametrize(
    ("inputs", "is_asked"),
    [
        ({"image": ["20", 0]}, True),
        ({"image": ["20", 0], "positive": ["6", 0]}, False),
        ({"image": ["20", 0], "width": 64}, False),
        ({"mask": ["20", 1]}, False),
    ],
)
def test_how_far_to_leave_a_picture_is_asked_of_one_that_is_encoded(made, inputs, is_asked):
    kinds = {"image": "IMAGE", "mask": "MASK", "positive": "CONDITIONING", "width": "INT"}
    encoder = described(["LATENT"], **{name: [kinds[name], {}] for name in inputs})
    nodes = {**PAINT, "20": PICTURE, "5": ("Encoder", inputs), "3": sampler(denoise=0.5)}
    found = targets(made(nodes, Encoder=encoder))
    assert ("strength" in found) == is_asked


@pytest.mark.parametrize(
    ("outputs", "arriving", "more", "is_asked"),
    [
        (["LATENT"], None, {}, True),
        (["LATENT"], "IMAGE", {}, False),
        (["LATENT"], "VIDEO", {}, False),
        (["LATENT"], "AUDIO", {}, False),
        (["LATENT"], "VAE", {}, True),
        (["LATENT"], "LATENT", {"width": 64}, False),
        (["LATENT"], "IMAGE", {"width": 64}, True),
        (["LATENT", "IMAGE"], "IMAGE", {"width": 64}, False),
        (["LATENT", "IMAGE"], None, {}, True),
    ],
)
def test_the_count_is_asked_of_what_creates_a_latent(made, outputs, arriving, more, is_asked):
    inputs = {"batch_size": INT, **dict.fromkeys(more, INT)}
    values = {"batch_size": 2, **more}
    nodes = {**PAINT, "30": ("Source", {})}
    if arriving:
        inputs["given"] = [arriving, {}]
        values["given"] = ["30", 0]
    nodes["5"] = ("Creator", values)
    source = described([arriving or "MODEL"])
    workflow = made(nodes, Creator=described(outputs, **inputs), Source=source)
    found = [one.targets for one in workflow.manifest.inputs]
    assert (("5.batch_size",) in found) == is_asked


@pytest.mark.parametrize(("class_type", "is_asked"), [("EmptyOwn", True), ("MakerOwn", False)])
def test_a_class_that_nobody_described_creates_if_its_name_says_so(inferred, class_type, is_asked):
    nodes = {**PAINT, "5": (class_type, {"width": 512, "height": 512, "batch_size": 2})}
    assert (inferred(nodes, known=False).manifest.find("count") is not None) == is_asked


@pytest.mark.parametrize("note", [{}, {"note": "x"}])
@pytest.mark.parametrize("output", ["INT", "STRING"])
def test_a_node_that_has_both_sides_is_asked_for_the_size(made, output, note):
    sides = ("Sides", {"width": 640, "height": 832, **note})
    own = described(["INT", output], width=INT, height=INT, note=["STRING", {}])
    nodes = chosen_by(["13", 0], ["13", int(output == "INT")], **{"13": sides})
    size = made(nodes, Sides=own).manifest.find("size")
    assert (size.width, size.height, size.default) == (("13.width",), ("13.height",), "640x832")


def test_a_size_is_followed_once_through_numbers_that_fork_and_join_again(made):
    """Forty forks one after another are 2**40 ways."""
    nodes = chosen_by(["140", 0], ["201", 0], **{"100": ("PrimitiveInt", {"value": 640})})
    nodes["200"] = ("PrimitiveInt", {"value": 832})
    for number in (*range(100, 140), 200):
        nodes[str(number + 1)] = ("Product", {"a": [str(number), 0], "b": [str(number), 0]})
    size = made(nodes, Product=described(["INT"], a=INT, b=INT)).manifest.find("size")
    assert (size.width, size.height) == (("100.value",), ("200.value",))


@pytest.mark.parametrize(
    ("outputs", "is_asked"), [(["INT", "INT"], True), (["INT", "MASK"], False)]
)
def test_only_what_a_node_that_selects_sizes_selects_by_is_asked(made, outputs, is_asked):
    nodes = chosen_by(["13", 0], ["13", 0], **{"13": ("Selector", {"shape": 3, "multiple": 8})})
    workflow = made(nodes, Selector=described(outputs, shape=INT, multiple=INT))
    assert ("shape" in shown(workflow)) == is_asked
    assert "multiple" not in shown(workflow)


def test_a_size_of_which_one_side_is_selected_is_not_asked(inferred):
    workflow = inferred(chosen_by(["13", 0], 512, **{"13": SELECTOR}))
    assert not {"aspect_ratio", "size"} & set(shown(workflow))


def test_what_reaches_one_side_alone_is_that_side(made):
    """A factor reaches both sides."""
    product = described(["INT"], a=INT, b=INT)
    nodes = chosen_by(
        ["16", 0],
        ["17", 0],
        **{
            "13": ("PrimitiveInt", {"value": 640}),
            "14": ("PrimitiveInt", {"value": 832}),
            "15": ("PrimitiveInt", {"value": 2}),
            "16": ("Product", {"a": ["13", 0], "b": ["15", 0]}),
            "17": ("Product", {"a": ["14", 0], "b": ["15", 0]}),
        },
    )
    size = made(nodes, Product=product).manifest.find("size")
    assert (size.width, size.height) == (("13.value",), ("14.value",))


@pytest.mark.parametrize(
    ("name", "output", "is_asked"),
    [("fps", "VIDEO", True), ("frame_rate", "VIDEO", True), ("fps", "IMAGE", False)],
)
def test_the_frames_a_second_are_for_the_operator(made, name, output, is_asked):
    film = described([output], images=["IMAGE", {}], **{name: FLOAT})
    film["output_node"] = True
    nodes = {**PAINT, "9": ("Film", {"images": ["8", 0], name: 16.0})}
    found = [one for one in made(nodes, Film=film).manifest.inputs if one.targets == (f"9.{name}",)]
    assert [(one.name, one.hidden) for one in found] == ([("fps", True)] if is_asked else [])


@pytest.mark.parametrize(("cfg", "guidance"), [(1.0, 3.0), (2.0, 1.0), (2.0, 3.0)])
def test_guidance_that_does_nothing_is_for_the_operator(inferred, cfg, guidance):
    guided = ("FluxGuidance", {"conditioning": ["6", 0], "guidance": guidance})
    nodes = {**PAINT, "20": guided, "3": sampler(positive="20", cfg=cfg)}
    found = {one.targets: one for one in inferred(nodes).manifest.inputs}
    assert not found["20.guidance",].hidden
    assert found["3.cfg",].hidden == (cfg == 1)


@pytest.mark.parametrize(
    ("name", "value"), [("steps", True), ("cfg", "6.5"), ("sampler_name", 3), ("steps", None)]
)
def test_a_value_of_another_type_is_not_asked(inferred, name, value):
    nodes = {**PAINT, "3": sampler(**{name: value})}
    found = [one.targets for one in inferred(nodes).manifest.inputs]
    assert (f"3.{name}",) not in found


@pytest.mark.parametrize(("length", "name"), [(["20", 0], "frames_of_it"), (81, "length")])
def test_a_length_is_called_as_the_node_that_only_holds_it(made, length, name):
    held = ("PrimitiveInt", {"value": 81}, "Frames of it")
    nodes = {**PAINT, "20": held, "5": ("EmptyFilm", {"length": length}, "A film")}
    found = targets(made(nodes, EmptyFilm=described(["LATENT"], length=INT)))
    assert found[name] == ("20.value" if name != "length" else "5.length",)


@pytest.mark.parametrize(("add_noise", "is_asked"), [("enable", True), ("disable", False)])
def test_the_seed_of_a_sampler_that_adds_no_noise_is_not_asked(made, add_noise, is_asked):
    own = described(["MODEL"], model=["MODEL", {}], noise_seed=INT, add_noise=["STRING", {}])
    workflow = made(with_model("Own", noise_seed=5, add_noise=add_noise), Own=own)
    assert any("20.noise_seed" in one.targets for one in workflow.manifest.inputs) == is_asked
