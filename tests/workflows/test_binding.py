import copy

import pytest

from workflows.binding import bind, check
from workflows.errors import InvalidValue, MissingInput, UnknownInput
from workflows.manifest import MAX_SEED

STEPS = ('name = "steps"', 'type = "integer"', 'targets = ["3.steps"]', "min = 1", "max = 60")
CFG = ('name = "cfg"', 'type = "number"', 'targets = ["3.cfg"]', "min = 1", "max = 20")
QUIET = ('name = "quiet"', 'type = "boolean"', 'targets = ["9.quiet"]')
SAMPLER = (
    'name = "sampler"',
    'type = "choice"',
    'targets = ["3.sampler_name"]',
    'choices = ["euler", "heun"]',
)
SEED = ('name = "seed"', 'type = "seed"', 'targets = ["3.seed"]')
MODEL = ('name = "model"', 'type = "checkpoint"', 'targets = ["4.ckpt_name"]')
SIZE = (
    'name = "size"',
    'type = "size"',
    'width = ["5.width"]',
    'height = ["5.height"]',
    "multiple = 64",
)
PROMPT = ('name = "prompt"', 'type = "text"', 'targets = ["6.text"]')
IMAGE = ('name = "image"', 'type = "image"', 'targets = ["10.image"]')
LORA = ('name = "lora"', 'type = "lora"', 'wraps = "4"', "strength = 0.8")

HOSTILE = [
    'she said "hi" \\" ["4", 0]',
    "{red|blue} {{ }} %date:yyyy% $(id) `id`",
    "ünïcödé 狐 🦊 \u202e \u0000",
    "</s> (a:1.4) embedding:../../etc/passwd <lora:x:1>",
    "line\nline\r\n\ttab",
    "x" * 10_000,
    '["4", 0]',
    "4.ckpt_name",
]


@pytest.mark.parametrize(
    ("lines", "given", "checked"),
    [
        (STEPS, 20, 20),
        (STEPS, "20", 20),
        (STEPS, " 1 ", 1),
        (STEPS, 60.0, 60),
        (CFG, 7, 7.0),
        (CFG, "7.5", 7.5),
        (QUIET, True, True),
        (QUIET, "Yes", True),
        (QUIET, "false", False),
        (SAMPLER, "heun", "heun"),
        (SAMPLER, "HEUN", "heun"),
        (SEED, MAX_SEED, MAX_SEED),
        (SEED, str(MAX_SEED), MAX_SEED),
        (SEED, 0, 0),
        (MODEL, "sub/b.safetensors", "sub/b.safetensors"),
        (SIZE, "16:9", (1344, 768)),
        (SIZE, "512x768", (512, 768)),
        (SIZE, (500, 700), (512, 704)),
        (SIZE, [512, 768], (512, 768)),
        (PROMPT, "", ""),
    ],
)
def test_a_good_value_is_taken(with_input, lines, given, checked):
    name = lines[0].split('"')[1]
    assert check(with_input(*lines).manifest, {name: given}) == {name: checked}


@pytest.mark.parametrize(
    ("lines", "given", "sentence"),
    [
        (STEPS, 0, "steps must be a whole number: 1 … 60."),
        (STEPS, 61, "steps must be a whole number: 1 … 60."),
        (STEPS, 20.5, "steps must be a whole number: 1 … 60."),
        (STEPS, True, "steps must be a whole number: 1 … 60."),
        (STEPS, "many", "steps must be a whole number: 1 … 60."),
        (STEPS, "9" * 5000, "steps must be a whole number: 1 … 60."),
        (STEPS, "\N{FULLWIDTH DIGIT TWO}", "steps must be a whole number: 1 … 60."),
        (STEPS, ["4", 0], "steps must be a whole number: 1 … 60."),
        (STEPS[:3], "x", "steps must be a whole number."),
        ((*STEPS[:3], "min = 1"), 0, "steps must be a whole number: ≥ 1."),
        ((*STEPS[:3], "max = 9"), 10, "steps must be a whole number: ≤ 9."),
        ((*STEPS, "step = 3"), 6, "steps must be a whole number: 1 … 60, in steps of 3."),
        (CFG, "nan", "cfg must be a number: 1 … 20."),
        (CFG, "inf", "cfg must be a number: 1 … 20."),
        (CFG, 10**400, "cfg must be a number: 1 … 20."),
        (CFG, False, "cfg must be a number: 1 … 20."),
        (CFG, 20.01, "cfg must be a number: 1 … 20."),
        (QUIET, 1, "quiet must be true or false."),
        (QUIET, "maybe", "quiet must be true or false."),
        (SAMPLER, "lms", "sampler must be one of euler, heun."),
        (SAMPLER, ["4", 0], "sampler must be one of euler, heun."),
        (SEED, -1, f"seed must be a whole number: 0 … {MAX_SEED}."),
        (SEED, MAX_SEED + 1, f"seed must be a whole number: 0 … {MAX_SEED}."),
        (MODEL, "", "model must be the name of a model."),
        (MODEL, "a\nb", "model must be the name of a model."),
        (MODEL, "x" * 300, "model must be the name of a model."),
        (MODEL, ["4", 0], "model must be the name of a model."),
        (LORA, {"a": 1}, "lora must be the name of a model."),
        (SIZE, "huge", "size must be a ratio such as 16:9 or a size such as 1024x768."),
        (SIZE, (1, 2, 3), "size must be a ratio such as 16:9 or a size such as 1024x768."),
        (SIZE, (["4", 0], 64), "size must be a ratio such as 16:9 or a size such as 1024x768."),
        (
            SIZE,
            "4096x4096",
            "size must be from 64 to 2048 pixels a side and at most 4 megapixels.",
        ),
        (SIZE, (32, 64), "size must be from 64 to 2048 pixels a side and at most 4 megapixels."),
        (PROMPT, ["4", 1], "prompt must be text."),
        (PROMPT, 5, "prompt must be text."),
        ((*PROMPT, "max = 3"), "long", "prompt must be at most 3 characters long; this has 4."),
        ((*PROMPT, "min = 3"), "no", "prompt must be at least 3 characters long."),
        (IMAGE, "other.png", "image must be attached as a file."),
        (IMAGE, "../../etc/passwd", "image must be attached as a file."),
    ],
)
def test_a_bad_value_gets_a_plain_sentence(with_input, lines, given, sentence):
    name = lines[0].split('"')[1]
    with pytest.raises(InvalidValue) as caught:
        check(with_input(*lines).manifest, {name: given})
    assert caught.value.sentence == sentence
    assert caught.value.name == name


def test_a_refusal_does_not_repeat_what_was_typed(with_input):
    with pytest.raises(InvalidValue) as caught:
        check(with_input(*STEPS).manifest, {"steps": "@everyone"})
    assert "@everyone" not in str(caught.value)


def test_what_is_left_out_gets_its_default_from_the_manifest_or_the_graph(with_input):
    assert check(with_input(*STEPS).manifest, {}) == {"steps": 20}
    assert check(with_input(*STEPS, "default = 30").manifest, {"steps": None}) == {"steps": 30}
    assert check(with_input(*PROMPT).manifest, {}) == {"prompt": "a house"}
    assert check(with_input(*MODEL).manifest, {}) == {"model": "a.safetensors"}
    assert check(with_input(*SIZE).manifest, {}) == {"size": (832, 1216)}
    assert check(with_input(*SIZE, 'default = "1:1"').manifest, {}) == {"size": (1024, 1024)}


def test_seed_lora_and_pictures_have_no_default(with_input):
    for lines in (SEED, LORA, IMAGE):
        assert check(with_input(*lines).manifest, {}) == {}


def test_a_default_outside_of_the_bounds_stays_in_the_graph(with_input):
    workflow = with_input(*STEPS[:3], "min = 1", "max = 10")
    assert check(workflow.manifest, {}) == {}
    assert bind(workflow, {})["3"]["inputs"]["steps"] == 20


def test_an_unknown_or_hidden_input_is_refused_by_name(with_input):
    workflow = with_input(*STEPS, "hidden = true")
    for name in ("steps", "mask"):
        with pytest.raises(UnknownInput, match=f"no place for the option {name}"):
            check(workflow.manifest, {name: 5})
    assert check(workflow.manifest, {}) == {"steps": 20}
    assert check(workflow.manifest, {"steps": 5}, takes_hidden=True) == {"steps": 5}
    assert bind(workflow, {"steps": 5})["3"]["inputs"]["steps"] == 5


def test_a_required_input_must_be_there(with_input):
    workflow = with_input(*PROMPT, "required = true")
    for call in (lambda: check(workflow.manifest, {}), lambda: bind(workflow, {})):
        with pytest.raises(MissingInput, match="needs the option prompt"):
            call()


def test_a_required_picture_counts_as_given_when_attached(with_input):
    workflow = with_input(*IMAGE, "required = true")
    assert check(workflow.manifest, {}, attached=["image"]) == {}
    assert bind(workflow, {"image": "up.png"})["10"]["inputs"]["image"] == "up.png"
    with pytest.raises(MissingInput):
        check(workflow.manifest, {})
    with pytest.raises(UnknownInput):
        check(workflow.manifest, {}, attached=["image", "mask"])


def test_a_picture_for_something_else_is_refused(with_input):
    with pytest.raises(InvalidValue, match="prompt cannot be a file"):
        check(with_input(*PROMPT).manifest, {}, attached=["prompt"])


@pytest.mark.parametrize("name", ["", ["4", 0], 5])
def test_a_picture_is_bound_by_name_only(with_input, name):
    with pytest.raises(InvalidValue):
        bind(with_input(*IMAGE), {"image": name})


@pytest.mark.parametrize("prompt", HOSTILE)
def test_a_prompt_stays_one_string_in_its_place(with_input, graph, prompt):
    workflow = with_input(*PROMPT)
    bound = bind(workflow, check(workflow.manifest, {"prompt": prompt}))
    assert bound["6"]["inputs"].pop("text") == prompt
    del graph["6"]["inputs"]["text"]
    assert bound == graph


def test_binding_leaves_the_workflow_alone(with_input):
    workflow = with_input(*LORA)
    before = copy.deepcopy(workflow.graph)
    bound = bind(workflow, {"lora": "x"})
    assert workflow.graph == before
    bound["3"]["inputs"]["model"].append("changed")
    assert bind(workflow, {}) == before


def test_a_size_is_written_to_every_target(build):
    workflow = build(
        'title = "Small"\n[[input]]\nname = "size"\ntype = "size"\n'
        'width = ["5.width", "3.steps"]\nheight = ["5.height"]'
    )
    bound = bind(workflow, {"size": "512x768"})
    assert bound["5"]["inputs"] == {"width": 512, "height": 768}
    assert bound["3"]["inputs"]["steps"] == 512


def test_bound_values_are_checked_again(with_input):
    with pytest.raises(InvalidValue):
        bind(with_input(*STEPS), {"steps": ["4", 0]})
    with pytest.raises(UnknownInput):
        bind(with_input(*STEPS), {"filename_prefix": "x"})


def test_without_a_lora_the_graph_is_untouched(with_input, graph):
    assert bind(with_input(*LORA), {}) == graph


def test_a_lora_goes_between_the_loader_and_all_that_use_it(with_input):
    bound = bind(with_input(*LORA), {"lora": "style.safetensors"})
    assert bound["11"] == {
        "class_type": "LoraLoader",
        "inputs": {
            "lora_name": "style.safetensors",
            "strength_model": 0.8,
            "strength_clip": 0.8,
            "model": ["4", 0],
            "clip": ["4", 1],
        },
        "_meta": {"title": "LoRA"},
    }
    assert bound["3"]["inputs"]["model"] == ["11", 0]
    assert bound["6"]["inputs"]["clip"] == ["11", 1]


def test_a_loader_without_text_encoder_gets_a_lora_for_the_model_alone(with_input, graph):
    graph["7"] = {"class_type": "CLIPLoader", "inputs": {}}
    graph["6"]["inputs"]["clip"] = ["7", 0]
    bound = bind(with_input(*LORA), {"lora": "style.safetensors"})
    assert bound["11"]["class_type"] == "LoraLoaderModelOnly"
    assert set(bound["11"]["inputs"]) == {"lora_name", "strength_model", "model"}
    assert bound["6"]["inputs"]["clip"] == ["7", 0]


def test_two_loras_form_a_chain(build):
    workflow = build(
        'title = "Small"\n'
        '[[input]]\nname = "lora"\ntype = "lora"\nwraps = "4"\n'
        '[[input]]\nname = "second"\ntype = "lora"\nwraps = "4"\n'
    )
    bound = bind(workflow, {"lora": "a", "second": "b"})
    assert bound["3"]["inputs"]["model"] == ["11", 0]
    assert bound["11"]["inputs"]["model"] == ["12", 0]
    assert bound["12"]["inputs"]["model"] == ["4", 0]


def test_a_text_gets_what_the_manifest_puts_around_it(with_input):
    workflow = with_input(*PROMPT, 'prepend = "photo of "', 'append = ", 35mm"')
    assert bind(workflow, {"prompt": "a fox"})["6"]["inputs"]["text"] == "photo of a fox, 35mm"


def test_a_choice_s_place_in_the_list_is_written_too(build, graph):
    graph["3"]["inputs"]["index"] = 0
    workflow = build(
        'title = "a"\n[[input]]\nname = "style"\ntype = "choice"\nchoices = ["ink", "oil"]\n'
        'targets = ["3.sampler_name"]\npositions = ["3.index"]'
    )
    inputs = bind(workflow, {"style": "oil"})["3"]["inputs"]
    assert (inputs["sampler_name"], inputs["index"]) == ("oil", 1)


def test_a_mask_takes_the_place_of_transparency(build, graph):
    graph["3"]["inputs"]["mask"] = ["10", 1]
    workflow = build('title = "a"\n[[input]]\nname = "mask"\ntype = "mask"\nreplaces = "10"')
    assert bind(workflow, {}) == workflow.graph
    bound = bind(workflow, {"mask": "limner/m.png"})
    loader, output = bound["3"]["inputs"]["mask"]
    assert output == 0
    assert bound[loader]["class_type"] == "LoadImageMask"
    assert bound[loader]["inputs"] == {"image": "limner/m.png", "channel": "red"}


def test_a_lora_that_the_graph_loads_is_exchanged(build, graph):
    graph["20"] = {"class_type": "LoraLoader", "inputs": {"lora_name": "a.safetensors"}}
    graph["3"]["inputs"]["model"] = ["20", 0]
    workflow = build(
        'title = "a"\n[[input]]\nname = "lora"\ntype = "lora"\ntargets = ["20.lora_name"]'
    )
    assert workflow.manifest.find("lora").default == "a.safetensors"
    assert workflow.model_slots == {"lora": ("LoraLoader", "lora_name")}
    bound = bind(workflow, {"lora": "b.safetensors"})
    assert bound["20"]["inputs"]["lora_name"] == "b.safetensors"
    assert len(bound) == len(graph)


def test_a_hidden_seed_can_be_fixed(with_input):
    workflow = with_input(
        'name = "seed"', 'type = "seed"', 'targets = ["3.seed"]', "hidden = true", "default = 7"
    )
    assert bind(workflow, {})["3"]["inputs"]["seed"] == 7


@pytest.mark.parametrize(("seed", "taken"), [(99, True), (100, False)])
def test_a_seed_can_have_a_largest(with_input, seed, taken):
    lines = ('name = "seed"', 'type = "seed"', 'targets = ["3.seed"]', "max = 99")
    manifest = with_input(*lines).manifest
    if taken:
        assert check(manifest, {"seed": seed}) == {"seed": seed}
    else:
        with pytest.raises(InvalidValue, match="0 … 99"):
            check(manifest, {"seed": seed})
