"""What an input is asked with: its type, bounds, choices and description."""

import copy

import pytest

from tests.workflows.infer.test_asking import PICTURE, app, guided
from tests.workflows.infer.test_tracing import PAINT, sampler
from workflows.manifest import InputType


@pytest.fixture
def exposed(made):
    """The input that App mode shows of a node with one value of its own."""

    def run(spec, value, name="amount", **more):
        own = {"input": {"required": {"model": ["MODEL", {}], name: spec}}, "output": ["MODEL"]}
        nodes = copy.deepcopy(PAINT)
        nodes["20"] = ("Own", {"model": ["4", 0], name: value, **more})
        nodes["3"][1]["model"] = ["20", 0]
        shown = app(["20", name], nodes=[{"id": 20, "type": "Own"}])
        workflow = made(nodes, export=shown, Own=own)
        return next(one for one in workflow.manifest.inputs if f"20.{name}" in one.targets)

    return run


HUGE = 10**9


@pytest.mark.parametrize(
    ("options", "value", "least", "most", "step", "default"),
    [
        ({"min": 1, "max": 9, "step": 1}, 5, 1, 9, None, 5),
        ({"min": 5, "max": 5}, 5, 5, 5, None, 5),
        ({"min": 1, "max": 9}, 12, 1, 12, None, 12),
        ({"min": 1, "max": 9}, 0, None, 9, None, 0),
        ({"min": -HUGE, "max": HUGE}, 5, None, None, None, 5),
        ({"min": 1 - HUGE, "max": HUGE - 1}, 5, 1 - HUGE, HUGE - 1, None, 5),
        ({"min": 2, "max": 9, "step": 2}, 6, 2, 9, 2, 6),
        ({"min": 1, "step": 2}, 5, 1, None, 2, 5),
        ({"min": 1, "step": 2}, 6, 1, None, None, 6),
        ({"step": 2}, 6, None, None, 2, 6),
        ({"step": 0}, 6, None, None, None, 6),
        ({"step": 2.5}, 5, None, None, None, 5),
        ({"min": 1, "max": 9}, 5.0, 1, 9, None, 5),
        ({"default": 3}, 5.5, None, None, None, 3),
        ({"default": 0.5}, 5.5, None, None, None, None),
        ({}, 5.5, None, None, None, None),
        ({"min": 1, "max": 9}, "many", None, None, None, None),
    ],
)
def test_a_whole_number_has_the_bounds_of_its_class(
    exposed, options, value, least, most, step, default
):
    found = exposed(["INT", options], value)
    assert found.type is InputType.INTEGER
    assert (found.min, found.max, found.step) == (least, most, step)
    assert repr(found.default) == repr(default)


@pytest.mark.parametrize(
    ("options", "value", "least", "most"),
    [
        ({"min": 0.5, "max": 9.5, "step": 2.0}, 1.5, 0.5, 9.5),
        ({"min": 0.5, "max": 9.5}, 10.0, 0.5, 10.0),
        ({"min": 0.5, "max": 9.5}, 0.25, None, 9.5),
        ({}, 1.5, None, None),
    ],
)
def test_a_number_has_the_bounds_of_its_class(exposed, options, value, least, most):
    found = exposed(["FLOAT", options], value)
    assert (found.type, found.min, found.max) == (InputType.NUMBER, least, most)
    assert (found.step, found.default) == (None, value)


@pytest.mark.parametrize(
    ("name", "kind", "options", "value", "least", "most"),
    [
        ("steps", "INT", {"min": 0, "max": 10_000}, 20, 1, 100),
        ("steps", "INT", {"min": 2, "max": 50}, 20, 2, 50),
        ("steps", "INT", {}, 150, 1, 150),
        ("length", "INT", {"min": 0}, 81, 1, 162),
        ("length", "INT", {"min": 5, "max": 100}, 81, 5, 100),
        ("duration", "INT", {}, 4, 1, 8),
        ("megapixels", "FLOAT", {"min": 0.1, "max": 16.0}, 1.0, 0.1, 4.0),
        ("megapixels", "FLOAT", {"max": 16.0}, 6.0, None, 6.0),
        ("megapixels", "FLOAT", {"max": 2.0}, 1.0, None, 2.0),
        ("megapixels", "FLOAT", {}, 1.0, None, 4.0),
    ],
)
def test_what_would_take_days_is_bounded(exposed, name, kind, options, value, least, most):
    found = exposed([kind, options], value, name)
    assert (found.min, found.max, found.default) == (least, most, value)


@pytest.mark.parametrize(
    ("options", "most"),
    [({"max": 2**64 - 1}, None), ({"max": 2**32 - 1}, 2**32 - 1), ({}, None)],
)
def test_a_seed_is_bounded_where_its_class_takes_less(exposed, options, most):
    assert exposed(["INT", options], 7, "seed").max == most


@pytest.mark.parametrize(
    ("steps", "multiple"),
    [((1, 1), 8), ((16, 32), 32), ((256, 8), 256), ((257, 16), 16), ((None, None), 8)],
)
def test_a_size_is_a_multiple_of_the_larger_step(made, steps, multiple):
    sides = {
        name: ["INT", {"step": step}] for name, step in zip(("width", "height"), steps, strict=True)
    }
    empty = {"input": {"required": sides}, "output": ["LATENT"]}
    workflow = made({**PAINT, "5": ("EmptyOwn", {"width": 512, "height": 768})}, EmptyOwn=empty)
    size = workflow.manifest.find("size")
    assert (size.multiple, size.default) == (multiple, "512x768")
    assert size.description == "Shape of the picture"
    assert not size.hidden


@pytest.mark.parametrize(
    ("options", "choices", "is_hidden"),
    [
        (["ink", "oil", "ink", ""], ("ink", "oil"), False),
        (["ink"], ("ink",), True),
    ],
)
def test_the_choices_of_a_class_are_given_once(exposed, options, choices, is_hidden):
    found = exposed([options, {}], "ink")
    assert (found.type, found.choices, found.hidden) == (InputType.CHOICE, choices, is_hidden)
    assert (found.positions, found.default) == ((), "ink")


def test_a_choice_that_the_class_lacks_is_no_default(exposed):
    found = exposed([["ink", "oil"], {}], "chalk")
    assert (found.choices, found.default) == (("ink", "oil"), None)


@pytest.mark.parametrize(
    ("name", "spec", "value", "is_hidden"),
    [
        ("attention_backend", [["a", "b"], {}], "a", True),
        ("backend", ["INT", {}], 3, False),
        ("vram", ["INT", {}], 3, True),
        ("vramp", ["INT", {}], 3, False),
        ("amount", ["BOOLEAN", {}], True, False),
    ],
)
def test_what_is_about_the_machine_is_hidden(exposed, name, spec, value, is_hidden):
    found = exposed(spec, value, name)
    assert (found.hidden, found.default) == (is_hidden, value)


@pytest.mark.parametrize("is_on", [True, False])
def test_a_switch_starts_as_its_author_left_it(exposed, is_on):
    found = exposed(["BOOLEAN", {"default": not is_on}], is_on)
    assert (found.type, found.default, found.required) == (InputType.BOOLEAN, is_on, False)


@pytest.mark.parametrize(
    ("tooltip", "description"),
    [
        ("How much of  it.\nMore is slower.", "How much of it"),
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 99 + "…"),
        (None, ""),
    ],
)
def test_the_first_sentence_of_a_class_describes_its_input(exposed, tooltip, description):
    assert exposed(["INT", {"tooltip": tooltip}], 5).description == description


def test_only_what_a_command_has_no_words_for_is_described_by_its_class(exposed):
    told = {"tooltip": "Of the class"}
    assert exposed(["INT", told], 7, "seed").description == ""
    assert exposed(["INT", told], 7, "length").description == "Of the class"


def test_a_picture_is_described_by_its_own_title_only(inferred):
    plain = inferred(guided("20", **{"20": PICTURE})).manifest.find("image")
    titled = inferred(guided("20", **{"20": (*PICTURE, "Who is in it")})).manifest.find("image")
    assert (plain.description, titled.description) == ("", "Who is in it")


def test_a_value_without_an_input_of_a_known_type_is_not_asked(made):
    """Another choice of a dynamic list would bring other inputs."""
    own = {
        "input": {
            "required": {
                "model": ["MODEL", {}],
                "mode": ["COMFY_DYNAMICCOMBO_V3", {"options": [{"key": "a"}, {"key": "b"}]}],
            }
        },
        "output": ["MODEL"],
    }
    nodes = {**PAINT, "20": ("Own", {"model": ["4", 0], "mode": "a"}), "3": sampler()}
    nodes["3"][1]["model"] = ["20", 0]
    workflow = made(nodes, export=app(["20", "mode"], nodes=[{"id": 20, "type": "Own"}]), Own=own)
    assert not [one for one in workflow.manifest.inputs if "20.mode" in one.targets]


def test_a_number_of_a_node_that_only_holds_it_has_the_bounds_of_what_it_goes_to(made):
    nodes = {**PAINT, "20": ("PrimitiveFloat", {"value": 6.5}), "3": sampler(cfg=["20", 0])}
    cfg = made(nodes).manifest.find("cfg")
    assert (cfg.targets, cfg.min, cfg.max) == (("20.value",), 0, 100)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, InputType.BOOLEAN),
        (3, InputType.INTEGER),
        (0.5, InputType.NUMBER),
        ("ink", InputType.TEXT),
    ],
)
def test_an_input_that_no_class_describes_has_the_type_of_its_value(inferred, value, kind):
    nodes = {**PAINT, "20": ("Own", {"model": ["4", 0], "amount": value}), "3": sampler()}
    nodes["3"][1]["model"] = ["20", 0]
    shown = app(["20", "amount"], nodes=[{"id": 20, "type": "Own"}])
    (found, *_) = inferred(nodes, export=shown, known=False).manifest.inputs
    assert (found.targets, found.type, found.default) == (("20.amount",), kind, value)
