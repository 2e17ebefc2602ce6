"""Which texts are the prompt, through nodes that no recorded class stands for."""

import pytest

from tests.workflows.infer.test_tracing import CHECKPOINT, PAINT, sampler, says, targets

TEXT = ["STRING", {"multiline": True}]
CONDITIONING = ["CONDITIONING", {}]


def described(outputs, /, **inputs):
    return {"input": {"required": inputs}, "output": outputs}


def saved(node_id):
    return ("SaveImage", {"images": [node_id, 0], "filename_prefix": "x"})


SEARCHER = described(["IMAGE"], conditioning=CONDITIONING)
SEARCH = {
    "4": CHECKPOINT,
    "30": says("a cat"),
    "31": ("Searcher", {"conditioning": ["30", 0]}),
    "32": saved("31"),
}


def test_what_is_searched_for_is_the_prompt_where_nothing_is_drawn(made):
    workflow = made(SEARCH, Searcher=SEARCHER)
    assert targets(workflow)["prompt"] == ("30.text",)
    assert workflow.manifest.find("prompt").required


def test_what_is_searched_for_is_an_option_beside_a_prompt(made):
    workflow = made({**PAINT, **SEARCH}, Searcher=SEARCHER)
    assert targets(workflow)["prompt"] == ("6.text",)
    searched = workflow.manifest.find("searcher")
    assert (searched.targets, searched.required) == (("30.text",), False)


def test_what_is_searched_for_by_two_nodes_are_two_options(made):
    nodes = {**PAINT, **SEARCH, "40": says("a dog"), "42": saved("41")}
    nodes["41"] = ("Searcher", {"conditioning": ["40", 0]})
    found = [one.targets for one in made(nodes, Searcher=SEARCHER).manifest.inputs]
    assert ("30.text",) in found
    assert ("40.text",) in found


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [
        ("6", "6", {"prompt": ("6.text",)}),
        ("20", "7", {"prompt": ("6.text",), "negative": ("7.text",)}),
    ],
)
def test_a_text_on_both_sides_is_the_prompt_unless_another_is(
    inferred, positive, negative, expected
):
    both = ("ConditioningCombine", {"conditioning_1": ["7", 0], "conditioning_2": ["6", 0]})
    nodes = {**PAINT, "20": both, "3": sampler(positive=positive, negative=negative)}
    found = targets(inferred(nodes))
    texts = {name: slots for name, slots in found.items() if slots and slots[0].endswith(".text")}
    assert texts == expected


def test_a_text_that_is_painted_and_searched_for_is_the_prompt(made):
    nodes = {**PAINT, **SEARCH, "31": ("Searcher", {"conditioning": ["6", 0]})}
    assert targets(made(nodes, Searcher=SEARCHER))["prompt"] == ("6.text",)


def test_two_encoders_of_two_texts_are_one_prompt_and_one_negative(inferred):
    def twice(text):
        return ("CLIPTextEncodeFlux", {"clip_l": text, "t5xxl": f"{text}!", "clip": ["4", 1]})

    found = targets(inferred({**PAINT, "6": twice("a fox"), "7": twice("blurry")}))
    assert found["prompt"] == ("6.clip_l", "6.t5xxl")
    assert found["negative"] == ("7.clip_l", "7.t5xxl")


def test_samplers_that_start_from_one_picture_have_a_prompt_each(inferred):
    nodes = {
        **PAINT,
        "20": ("LoadImage", {"image": "a.png"}),
        "5": ("VAEEncode", {"pixels": ["20", 0], "vae": ["4", 2]}),
        "16": says("a hill"),
        "13": sampler(positive="16"),
        "18": ("VAEDecode", {"samples": ["13", 0], "vae": ["4", 2]}),
        "19": saved("18"),
    }
    found = [one.targets for one in inferred(nodes).manifest.inputs]
    assert ("6.text",) in found
    assert ("16.text",) in found


def test_only_texts_of_an_encoder_are_prompts(made):
    encoder = described(
        ["CONDITIONING"],
        clip=["CLIP", {}],
        text=TEXT,
        filename_text=TEXT,
        text_template=TEXT,
        style=["STRING", {}],
        text_scale=["FLOAT", {}],
    )
    values = {"text": "a", "filename_text": "b", "text_template": "c", "style": "d"}
    nodes = {**PAINT, "6": ("Encoder", {"clip": ["4", 1], **values, "text_scale": 1.5})}
    workflow = made(nodes, Encoder=encoder)
    assert targets(workflow)["prompt"] == ("6.text",)
    assert not [one for one in workflow.manifest.inputs if "6.filename_text" in one.targets]


@pytest.mark.parametrize("name", ["text", "lyrics_text", "clip_l", "caption"])
def test_a_short_text_is_known_by_its_name(made, name):
    encoder = described(["CONDITIONING"], clip=["CLIP", {}], **{name: ["STRING", {}]})
    workflow = made({**PAINT, "6": ("Encoder", {"clip": ["4", 1], name: "a fox"})}, Encoder=encoder)
    assert [one for one in workflow.manifest.inputs if one.targets == (f"6.{name}",)]


def test_a_text_in_a_document_is_the_prompt(made):
    nodes = {
        **PAINT,
        "20": ("Builder", {"text": "a fox"}),
        "21": ("Getter", {"document": ["20", 0], "number": ["22", 0]}),
        "22": ("Numbered", {"text": "7"}),
        "6": says(["21", 0]),
    }
    workflow = made(
        nodes,
        Builder=described(["DICT"], text=TEXT),
        Getter=described(["STRING"], document=["DICT", {}], number=["INT", {}]),
        Numbered=described(["INT"], text=TEXT),
    )
    assert targets(workflow)["prompt"] == ("20.text",)


@pytest.mark.parametrize("output", [0, 1])
def test_both_outputs_of_one_side_carry_its_text(made, output):
    nodes = {
        **PAINT,
        "20": ("Twice", {"conditioning": ["6", 0]}),
        "3": sampler(positive="20"),
    }
    nodes["3"][1]["positive"] = ["20", output]
    twice = described(["CONDITIONING", "CONDITIONING"], conditioning=CONDITIONING)
    found = targets(made(nodes, Twice=twice))
    assert (found["prompt"], found["negative"]) == (("6.text",), ("7.text",))


@pytest.mark.parametrize(
    ("outputs", "names", "positive", "negative"),
    [
        (["CONDITIONING", "CONDITIONING"], ["negative", "positive"], 1, 0),
        (["CONDITIONING", "CONDITIONING"], ["Neg", "Pos"], 1, 0),
        (["CONDITIONING", "CONDITIONING"], ["a", "b"], 0, 1),
        (["LATENT", "CONDITIONING", "CONDITIONING"], [], 1, 2),
    ],
)
def test_the_sides_of_a_node_are_those_of_its_outputs(made, outputs, names, positive, negative):
    both = described(outputs, positive=CONDITIONING, negative=CONDITIONING)
    both["output_name"] = names
    nodes = {
        **PAINT,
        "20": ("Both", {"positive": ["6", 0], "negative": ["7", 0]}),
        "3": sampler(),
    }
    nodes["3"][1].update(positive=["20", positive], negative=["20", negative])
    found = targets(made(nodes, Both=both))
    assert (found["prompt"], found["negative"]) == (("6.text",), ("7.text",))


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [(["20", 1], ["16", 0], ("6.text", "16.text")), (["16", 0], ["20", 0], ("16.text", "7.text"))],
)
def test_a_side_whose_output_goes_nowhere_is_not_asked(made, positive, negative, expected):
    both = described(["CONDITIONING"] * 2, positive=CONDITIONING, negative=CONDITIONING)
    both["output_name"] = ["negative", "positive"]
    nodes = {
        **PAINT,
        "16": says("a hill"),
        "20": ("Both", {"positive": ["6", 0], "negative": ["7", 0]}),
        "3": sampler(),
    }
    nodes["3"][1].update(positive=positive, negative=negative)
    found = [slots for slots in targets(made(nodes, Both=both)).values() if slots]
    assert [slots for slots in found if slots[0].endswith(".text")] == [(one,) for one in expected]


def test_what_a_text_that_is_shown_beside_a_picture_is_made_of_is_no_prompt(inferred):
    writer = ("TextGenerate", {"clip": ["4", 1], "prompt": "Describe it", "max_length": 256})
    nodes = {**PAINT, "30": writer, "31": ("PreviewAny", {"source": ["30", 0]})}
    found = [one.targets for one in inferred(nodes).manifest.inputs]
    assert ("6.text",) in found
    assert ("30.prompt",) not in found


@pytest.mark.parametrize(("name", "is_asked"), [("prompt", True), ("caption", False)])
def test_only_a_prompt_of_a_node_that_paints_directly_is_one(made, name, is_asked):
    nodes = {"1": ("Painting", {name: "a fox"}), "9": saved("1")}
    workflow = made(nodes, Painting=described(["IMAGE"], **{name: TEXT}))
    assert ("prompt" in targets(workflow)) == is_asked


def joined(first, second):
    return ("StringConcatenate", {"string_a": first, "string_b": second, "delimiter": " "})


def written(text, *title):
    return ("PrimitiveStringMultiline", {"value": text}, *title)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (written("Answer in English", "System Prompt"), written("a fox"), ("2.value",)),
        (written("a fox"), written("Answer in English", "Instruction"), ("1.value",)),
        (written("You are a painter"), written("a fox"), ("2.value",)),
        (written("you are an artist"), written("a fox"), ("2.value",)),
        (written("You are the sun"), written(""), ("2.value",)),
        (written(""), written("a fox"), ("2.value",)),
        (written("a fox", "System of the user"), written(""), ("1.value",)),
    ],
)
def test_of_two_texts_the_prompt_is_what_people_would_write(made, first, second, expected):
    nodes = {**PAINT, "1": first, "2": second, "11": joined(["1", 0], ["2", 0])}
    workflow = made({**nodes, "6": says(["11", 0])})
    texts = [one.targets for one in workflow.manifest.inputs if one.name != "negative"]
    assert tuple(one for each in texts for one in each if one.endswith(".value")) == expected


@pytest.mark.parametrize(
    ("first", "second", "is_asked"), [(1.0, 1.0, False), (1.0, 4.0, True), (4.0, 4.0, True)]
)
def test_a_negative_is_asked_where_any_sampler_looks_at_it(inferred, first, second, is_asked):
    nodes = {
        **PAINT,
        "3": sampler(cfg=first),
        "13": sampler(latent="3", cfg=second),
        "8": ("VAEDecode", {"samples": ["13", 0], "vae": ["4", 2]}),
    }
    assert ("negative" in targets(inferred(nodes))) == is_asked


def test_texts_and_conditionings_that_fork_and_join_again_are_followed_once(inferred):
    """Forty forks one after another are 2**40 ways."""
    nodes = {**PAINT, "100": written("a fox"), "200": says(["140", 0])}
    for number in range(100, 140):
        before = [str(number), 0]
        nodes[str(number + 1)] = joined(before, before)
    for number in range(200, 240):
        both = {f"conditioning_{one}": [str(number), 0] for one in (1, 2)}
        nodes[str(number + 1)] = ("ConditioningCombine", both)
    nodes["3"] = sampler(positive="240")
    assert targets(inferred(nodes))["prompt"] == ("100.value",)
