"""Graphs of today: that people are asked for the right things, and by names that they know."""

import pytest

from tests.workflows.infer.test_tracing import (
    CHECKPOINT,
    LATENT,
    PAINT,
    sampler,
    says,
    targets,
)
from workflows.errors import InvalidGraph
from workflows.manifest import InputType, Kind

PICTURE = ("LoadImage", {"image": "a.png"})
OTHER_PICTURE = ("LoadImage", {"image": "b.png"})
DECODE = ("VAEDecode", {"samples": ["3", 0], "vae": ["4", 2]})


def shown(workflow):
    return [each.name for each in workflow.manifest.inputs if not each.hidden]


def app(*entries, nodes=(), **more):
    return {"nodes": list(nodes), "extra": {"linearData": {"inputs": list(entries)}}, **more}


def promoted(nodes, *inputs):
    """An export in which these inputs of nodes are inputs of the one subgraph `7` around them."""
    slots = {}
    for node, name in inputs:
        slots.setdefault(node, []).append(name)
    links = [
        {
            "id": number,
            "origin_id": -10,
            "origin_slot": 0,
            "target_id": node,
            "target_slot": slots[node].index(name),
        }
        for number, (node, name) in enumerate(inputs)
    ]
    inner = {
        "id": "abc",
        "name": "Paint",
        "nodes": [
            {
                "id": node,
                "type": "X",
                "inputs": [{"name": name, "widget": {"name": name}} for name in names],
            }
            for node, names in slots.items()
        ],
        "links": links,
        "inputs": [{"name": name, "linkIds": [number]} for number, (_, name) in enumerate(inputs)],
    }
    host = [{"name": name, "widget": {"name": name}} for _, name in inputs]
    export = {
        "nodes": [{"id": 7, "type": "abc", "inputs": host}],
        "definitions": {"subgraphs": [inner]},
    }
    return {f"7:{name}": _inside(node) for name, node in nodes.items()}, export


def _inside(node):
    class_type, inputs, *title = node
    moved = {
        name: [f"7:{value[0]}", value[1]] if isinstance(value, list) else value
        for name, value in inputs.items()
    }
    return (class_type, moved, *title)


# Texts that look like files.


@pytest.mark.parametrize("text", ["bad hands, embedding:EasyNegative.pt", "EasyNegative.pt"])
def test_a_text_that_ends_like_a_model_is_a_text(inferred, text):
    workflow = inferred({**PAINT, "7": says(text)})
    assert targets(workflow)["negative"] == ("7.text",)
    assert workflow.manifest.find("negative").default == text


def test_a_text_that_ends_like_a_model_is_one_in_unknown_classes_too(inferred):
    encoder = ("EncodeElsewhere", {"text": "a, embedding:x.pt", "clip": ["4", 1]})
    workflow = inferred({**PAINT, "6": encoder})
    assert targets(workflow)["prompt"] == ("6.text",)


def test_a_model_that_an_unknown_class_names_is_a_model(inferred):
    loader = ("LoadElsewhere", {"model_name": "x.gguf", "model": ["4", 0]})
    nodes = {**PAINT, "12": loader, "3": sampler()}
    nodes["3"][1]["model"] = ["12", 0]
    each = inferred(nodes).manifest.find("model_name")
    assert (each.type, each.hidden) == (InputType.CHECKPOINT, True)


# Seeds.


def enhanced(**more):
    """A prompt that a language model writes anew."""
    writer = {"clip": ["4", 1], "prompt": "a house", "max_length": 256, "sampling_mode": "on"}
    return {
        **PAINT,
        "1": ("TextGenerate", {**writer, "sampling_mode.seed": 3}),
        "6": says(["1", 0]),
        **more,
    }


def test_a_seed_that_nobody_chose_goes_with_the_one_that_somebody_did(inferred):
    nodes, export = promoted(enhanced(), (1, "sampling_mode.seed"))
    workflow = inferred(nodes, export=export)
    assert targets(workflow)["seed"] == ("7:1.sampling_mode.seed", "7:3.seed")


def test_two_seeds_that_somebody_chose_stay_two(inferred):
    nodes, export = promoted(enhanced(), (1, "sampling_mode.seed"), (3, "seed"))
    found = [
        slots for name, slots in targets(inferred(nodes, export=export)).items() if "seed" in name
    ]
    assert found == [("7:1.sampling_mode.seed",), ("7:3.seed",)]


# Sizes.

SELECTOR = (
    "ResolutionSelector",
    {"aspect_ratio": "1:1 (Square)", "megapixels": 1.0, "multiple": 8},
)


def chosen_by(width, height, **more):
    latent = {"width": width, "height": height, "batch_size": 1}
    return {**PAINT, **more, "5": ("EmptyLatentImage", latent)}


def test_a_size_that_a_node_chooses_is_asked_beside_what_the_author_chose(inferred):
    nodes, export = promoted(PAINT, (6, "text"), (3, "denoise"))
    nodes["7:5"][1].update(width=["13", 0], height=["13", 1])
    nodes["13"] = SELECTOR
    names = shown(inferred(nodes, export=export))
    assert names[:3] == ["prompt", "aspect_ratio", "megapixels"]


def test_a_size_that_is_computed_of_what_a_node_chooses_is_asked(inferred):
    def computed(link):
        return ("ComfyMathExpression", {"expression": "a & -8", "values.a": link})

    held = {
        "14": ("PrimitiveInt", {"value": ["13", 0]}),
        "15": ("PrimitiveInt", {"value": ["13", 1]}),
    }
    math = {"16": computed(["14", 0]), "17": computed(["15", 0])}
    nodes = chosen_by(["16", 1], ["17", 1], **held, **math, **{"13": SELECTOR})
    assert {"aspect_ratio", "megapixels"} <= set(shown(inferred(nodes)))


def test_a_size_that_is_computed_of_two_numbers_is_asked(inferred):
    def half(link, other):
        return ("ComfyMathExpression", {"expression": "a / b", "values.a": link, "values.b": other})

    numbers = {
        "14": ("PrimitiveInt", {"value": 1024}),
        "15": ("PrimitiveInt", {"value": 768}),
        "18": ("PrimitiveInt", {"value": 2}),
    }
    math = {"16": half(["14", 0], ["18", 0]), "17": half(["15", 0], ["18", 0])}
    size = inferred(chosen_by(["16", 1], ["17", 1], **numbers, **math)).manifest.find("size")
    assert (size.width, size.height, size.default) == (("14.value",), ("15.value",), "1024x768")


def test_the_size_of_a_picture_is_not_asked(inferred):
    nodes = chosen_by(["13", 0], ["13", 1], **{"13": ("GetImageSize", {"image": ["12", 0]})})
    workflow = inferred({**nodes, "12": PICTURE})
    assert "size" not in shown(workflow)


def test_a_size_is_asked_that_the_author_left_inside(inferred):
    nodes, export = promoted(PAINT, (6, "text"))
    assert "size" in shown(inferred(nodes, export=export))


def test_app_mode_that_has_no_size_asks_for_none(inferred):
    workflow = inferred(PAINT, export=app(["6", "text"], nodes=[{"id": 6, "type": "X"}]))
    assert shown(workflow) == ["prompt", "seed"]


# Prompts.


@pytest.mark.parametrize("is_chosen", [False, True])
def test_a_prompt_behind_a_switch_is_the_prompt(inferred, is_chosen):
    switch = {"switch": False, "on_false": "a house", "on_true": ["1", 0]}
    nodes = enhanced(**{"2": ("ComfySwitchNode", switch), "6": says(["2", 0])})
    export = None
    expected = ("2.on_false",)
    defaults = []
    if is_chosen:
        nodes, export = promoted(nodes, (2, "switch"), (2, "on_false"), (1, "prompt"))
        expected = ("7:2.on_false", "7:1.prompt")
        defaults = [False]
    workflow = inferred(nodes, export=export)
    switches = [one for one in workflow.manifest.inputs if one.type is InputType.BOOLEAN]
    assert [one.default for one in switches] == defaults
    assert workflow.manifest.find("prompt").required
    assert set(targets(workflow)["prompt"]) == set(expected)


def test_what_is_put_before_others_is_the_prompt(inferred):
    joined = {"string_a": "cat", "string_b": "gummy style", "delimiter": ","}
    nodes = {**PAINT, "1": ("StringConcatenate", joined), "6": says(["1", 0])}
    assert targets(inferred(nodes))["prompt"] == ("1.string_a",)


def test_a_text_that_others_are_put_into_is_no_prompt(inferred):
    formatted = {"f_string": "{a}, by night", "values.a": ["2", 0]}
    nodes = {
        **PAINT,
        "2": ("PrimitiveStringMultiline", {"value": "a house"}),
        "1": ("StringFormat", formatted),
        "6": says(["1", 0]),
    }
    workflow = inferred(nodes)
    assert targets(workflow)["prompt"] == ("2.value",)
    assert not any("f_string" in str(each.targets) for each in workflow.manifest.inputs)


def test_an_inferred_input_has_only_fields_that_say_something(inferred):
    given = [each.model_dump(exclude_unset=True) for each in inferred(PAINT).manifest.inputs]
    assert given
    assert not [one for fields in given for one in fields.values() if one in (None, "", ())]


def test_a_text_that_a_number_is_put_into_is_no_prompt(inferred):
    formatted = {"f_string": "{a} houses", "values.a": 3}
    workflow = inferred({**PAINT, "1": ("StringFormat", formatted), "6": says(["1", 0])})
    assert not any("f_string" in str(each.targets) for each in workflow.manifest.inputs)


@pytest.mark.parametrize(
    ("template", "title"),
    [("Anything {x}", "Prompt Template"), ("You are an assistant that draws. {x}", "Words")],
)
def test_instructions_are_no_prompt(inferred, template, title):
    nodes = {
        **PAINT,
        "1": ("PrimitiveStringMultiline", {"value": template}, title),
        "2": ("PrimitiveStringMultiline", {"value": "a house"}, "User Prompt"),
        "11": ("StringReplace", {"string": ["1", 0], "find": "{x}", "replace": ["2", 0]}),
        "6": says(["11", 0]),
    }
    workflow = inferred(nodes)
    assert [each.targets for each in workflow.manifest.inputs if each.required] == [("2.value",)]
    assert not any("1.value" in each.targets for each in workflow.manifest.inputs)


@pytest.mark.parametrize(
    "said", [says("make it snow", "Instruction"), says("You are a painter who loves snow")]
)
def test_what_reads_as_instructions_is_the_prompt_beside_a_negative_alone(inferred, said):
    assert targets(inferred({**PAINT, "6": said}))["prompt"] == ("6.text",)


def test_one_prompt_feeds_a_sampler_and_the_one_that_refines(inferred):
    nodes = {
        **PAINT,
        "16": says("a house, detailed"),
        "13": sampler(positive="16", latent="3", denoise=0.3),
        "8": ("VAEDecode", {"samples": ["13", 0], "vae": ["4", 2]}),
    }
    workflow = inferred(nodes)
    assert targets(workflow)["prompt"] == ("6.text", "16.text")
    assert workflow.manifest.kind is Kind.TXT2IMG


def test_only_one_of_two_prompts_is_required(inferred):
    nodes = {
        **PAINT,
        "16": says("an endless hill", "Background"),
        "6": says("a house", "Prompt"),
        "17": ("ConditioningCombine", {"conditioning_1": ["16", 0], "conditioning_2": ["6", 0]}),
        "3": sampler(positive="17"),
    }
    workflow = inferred(nodes)
    required = [each.targets for each in workflow.manifest.inputs if each.required]
    assert required == [("6.text",)]
    assert workflow.manifest.find("background").default == "an endless hill"


# Pictures and their names.


def guided(*pictures, **more):
    """A text that is encoded along with pictures."""
    links = {f"image{number}": [node, 0] for number, node in enumerate(pictures, start=1)}
    encoder = ("TextEncodeQwenImageEditPlus", {"prompt": "by night", "clip": ["4", 1], **links})
    return {**PAINT, "6": encoder, **more}


def test_several_pictures_are_numbered_as_their_inputs_are(inferred):
    nodes = guided("21", "20", **{"20": PICTURE, "21": OTHER_PICTURE})
    workflow = inferred(nodes)
    assert targets(workflow)["image"] == ("21.image",)
    assert targets(workflow)["image_2"] == ("20.image",)
    assert workflow.manifest.kind is Kind.EDIT


def test_what_their_author_calls_pictures_is_their_description(inferred):
    nodes = guided("20", "21", **{"20": (*PICTURE, "Load the light"), "21": OTHER_PICTURE})
    assert inferred(nodes).manifest.find("image").description == "Load the light"


def test_no_picture_is_called_after_a_wire(inferred):
    applied = {
        "positive": ["6", 0],
        "negative": ["7", 0],
        "control_net": ["31", 0],
        "image": ["20", 0],
        "strength": 1.0,
        "start_percent": 0.0,
        "end_percent": 1.0,
        "vae": ["4", 2],
    }
    nodes = {
        **PAINT,
        "20": PICTURE,
        "21": OTHER_PICTURE,
        "31": ("ControlNetLoader", {"control_net_name": "pose.safetensors"}),
        "30": ("ControlNetApplyAdvanced", applied),
        "5": ("VAEEncode", {"pixels": ["21", 0], "vae": ["4", 2]}),
        "3": sampler(positive="30", negative="30", latent="5"),
    }
    workflow = inferred(nodes)
    pictures = [each.name for each in workflow.manifest.inputs if each.type is InputType.IMAGE]
    assert pictures == ["image", "image_2"]
    assert workflow.manifest.kind is Kind.EDIT


@pytest.mark.parametrize("title", ["Pose", "Reference image", "Load pose"])
def test_a_picture_whose_title_says_what_it_is_is_called_so(inferred, title):
    nodes = guided("20", "21", **{"20": PICTURE, "21": (*OTHER_PICTURE, title)})
    names = [each.name for each in inferred(nodes).manifest.inputs if each.required]
    assert names == ["prompt", "image", "pose" if "ose" in title else "reference"]


# Options about the machine.


def test_a_choice_of_one_is_hidden(inferred, classes):
    only = ("UpscaleModelLoader", {"model_name": "x"})
    assert classes.has(only[0])
    listed = {
        **PAINT,
        "20": ("CustomCombo", {"choice": "ink", "index": 0, "option1": "ink"}, "Style"),
        "6": says(["20", 0]),
    }
    workflow = inferred(listed, export=app(["20", "choice"], nodes=[{"id": 20, "type": "X"}]))
    style = next(each for each in workflow.manifest.inputs if each.type is InputType.CHOICE)
    assert style.hidden


@pytest.mark.parametrize("name", ["device", "weight_dtype", "attention", "cache_device"])
def test_options_about_the_machine_are_hidden_whoever_shows_them(inferred, name):
    cache = ("CacheElsewhere", {"model": ["4", 0], name: "auto"})
    nodes = {**PAINT, "20": cache, "3": sampler()}
    nodes["3"][1]["model"] = ["20", 0]
    workflow = inferred(nodes, export=app(["20", name], nodes=[{"id": 20, "type": "X"}]))
    assert next(each for each in workflow.manifest.inputs if each.targets == (f"20.{name}",)).hidden


# Rank, where there is no room.


def test_the_seed_and_the_model_are_kept_where_options_are_too_many(inferred):
    options = {f"pose_end_{number}": float(number) for number in range(40)}
    many = ("PosesElsewhere", {"model": ["4", 0], **options})
    nodes = {**PAINT, "20": many}
    chosen = [["20", name] for name in options]
    workflow = inferred(nodes, export=promoted_at_top(nodes, chosen))
    names = shown(workflow)
    assert len(names) == 23
    assert names[:5] == ["prompt", "negative", "size", "count", "seed"]
    assert "model" in names


def promoted_at_top(nodes, chosen):
    """An export whose subgraph shows widgets of these nodes as they are called at the top."""
    proxies = [[node, name] for node, name in chosen]
    inner = {"id": "abc", "name": "All", "nodes": [{"id": 20, "type": "X"}], "links": []}
    host = {"id": 7, "type": "abc", "properties": {"proxyWidgets": proxies}}
    nodes["7:20"] = nodes.pop("20")
    nodes["3"] = sampler()
    nodes["3"][1]["model"] = ["7:20", 0]
    return {"nodes": [host], "definitions": {"subgraphs": [inner]}}


# Kinds.

TEXT_WRITER = {"clip": ["4", 1], "prompt": "Describe it", "max_length": 256}


@pytest.mark.parametrize(
    ("nodes", "kind"),
    [
        ({"1": ("TextGenerate", TEXT_WRITER)}, Kind.ENHANCE),
        ({"1": ("TextGenerate", {**TEXT_WRITER, "image": ["2", 0]}), "2": PICTURE}, Kind.DESCRIBE),
    ],
)
def test_words_come_of_words_or_of_a_picture(inferred, nodes, kind):
    shower = ("PreviewAny", {"source": ["1", 0]})
    workflow = inferred({"4": CHECKPOINT, **nodes, "9": shower})
    assert (workflow.results, workflow.manifest.kind) == (("texts",), kind)


def test_a_text_that_is_looked_for_in_the_words_shown_is_no_prompt(inferred):
    nodes = {
        "1": ("PrimitiveStringMultiline", {"value": "a house"}),
        "2": ("PrimitiveStringMultiline", {"value": "house"}),
        "11": ("StringReplace", {"string": ["1", 0], "find": ["2", 0], "replace": "hut"}),
        "9": ("PreviewAny", {"source": ["11", 0]}),
    }
    assert targets(inferred(nodes)) == {"prompt": ("1.value",)}


def test_sound_of_words_is_audio(inferred):
    nodes = {
        "4": CHECKPOINT,
        "6": ("TextEncodeAceStepAudio", {"tags": "jazz", "lyrics": "", "clip": ["4", 1]}),
        "5": ("EmptyAceStepLatentAudio", {"seconds": 30.0, "batch_size": 1}),
        "3": sampler(negative="6"),
        "8": ("VAEDecodeAudio", {"samples": ["3", 0], "vae": ["4", 2]}),
        "9": ("SaveAudioMP3", {"audio": ["8", 0], "filename_prefix": "a"}),
    }
    assert inferred(nodes).manifest.kind is Kind.AUDIO


def test_a_picture_that_is_where_the_sampler_starts_is_made_anew(inferred):
    nodes = {**PAINT, "20": PICTURE, "5": ("VAEEncode", {"pixels": ["20", 0], "vae": ["4", 2]})}
    assert inferred(nodes).manifest.kind is Kind.IMG2IMG


def test_what_a_mask_that_the_graph_makes_marks_is_painted_anew(inferred):
    nodes = {
        **PAINT,
        "20": PICTURE,
        "21": ("ImageToMask", {"image": ["20", 0], "channel": "red"}),
        "22": ("VAEEncode", {"pixels": ["20", 0], "vae": ["4", 2]}),
        "5": ("SetLatentNoiseMask", {"samples": ["22", 0], "mask": ["21", 0]}),
    }
    workflow = inferred(nodes)
    assert "mask" not in shown(workflow)
    assert workflow.manifest.kind is Kind.INPAINT


def test_a_padded_picture_is_painted_around(inferred):
    nodes = guided(
        "21", **{"20": PICTURE, "21": ("ImagePadForOutpaint", {"image": ["20", 0], "left": 64})}
    )
    assert inferred(nodes).manifest.kind is Kind.OUTPAINT


# Outputs that make nothing.


def test_an_output_that_nothing_is_connected_to_makes_the_workflow_unusable(inferred):
    nodes = {"9": ("SaveVideo", {"filename_prefix": "v"}, "Keep")}
    with pytest.raises(InvalidGraph) as caught:
        inferred(nodes)
    assert caught.value.sentences == (
        'Nothing is connected to video of "Keep" (9), so "Keep" (9) makes nothing.',
    )


def test_an_input_that_is_open_further_up_makes_it_unusable_too(inferred):
    nodes = {**PAINT, "8": ("VAEDecode", {"vae": ["4", 2]})}
    with pytest.raises(InvalidGraph, match='connected to samples of "VAEDecode"'):
        inferred(nodes)


def test_an_output_among_others_that_makes_nothing_is_told(inferred):
    workflow = inferred({**PAINT, "10": ("PreviewImage", {})})
    assert any('Nothing is connected to images of "PreviewImage"' in one for one in workflow.notes)


def test_a_graph_without_outputs_is_unusable(inferred):
    with pytest.raises(InvalidGraph, match="saves or shows anything"):
        inferred({"4": CHECKPOINT, "5": LATENT, "6": says("a")})


# What App mode does not show.


def test_models_that_app_mode_does_not_show_are_hidden_inputs(inferred):
    workflow = inferred(PAINT, export=app(["6", "text"], nodes=[{"id": 6, "type": "X"}]))
    model = next(each for each in workflow.manifest.inputs if each.targets == ("4.ckpt_name",))
    assert (model.type, model.hidden) == (InputType.CHECKPOINT, True)


def test_app_mode_gives_the_order_the_labels_and_the_descriptions(inferred):
    nodes = [
        {"id": 3, "inputs": [{"name": "steps", "label": "Quality", "widget": {"name": "steps"}}]},
        {"id": 6, "type": "X"},
    ]
    entries = (["3", "steps", {"height": 20, "description": "More is finer"}], ["g:6:text", "text"])
    workflow = inferred(PAINT, export=app(*entries, nodes=nodes, id="g"))
    assert shown(workflow)[:2] == ["steps", "prompt"]
    assert workflow.manifest.find("steps").description == "More is finer"


def test_stale_entries_of_app_mode_are_told(inferred):
    export = app(["6", "text"], ["404", "text"], nodes=[{"id": 6, "type": "X"}])
    notes = inferred(PAINT, export=export).notes
    assert any(note.startswith('App mode asks for "text" of node 404') for note in notes)


def test_a_part_of_a_whole_number_gives_way_to_what_its_class_starts_with(inferred):
    nodes = {**PAINT, "5": ("EmptyLatentImage", {"width": 512, "height": 512, "batch_size": 0.6})}
    assert inferred(nodes).manifest.find("count").default == 1


def test_what_the_author_calls_an_input_is_its_name(inferred):
    cache = ("StyleElsewhere", {"model": ["4", 0], "mode": "fine", "other": "x"})
    nodes = {**PAINT, "20": cache, "3": sampler()}
    nodes["3"][1]["model"] = ["20", 0]
    labelled = [
        {"name": "other", "label": "Nothing", "widget": {"name": "other"}},
        {"name": "mode", "label": "Quality", "widget": {"name": "mode"}},
    ]
    other = {"id": 3, "inputs": [{"name": "mode", "label": "Wrong", "widget": {"name": "mode"}}]}
    export = app(["20", "mode"], nodes=[other, {"id": 20, "type": "X", "inputs": labelled}])
    assert shown(inferred(nodes, export=export))[0] == "quality"


def test_one_prompt_feeds_a_refiner_behind_other_latents(inferred):
    nodes = {
        **PAINT,
        "16": says("a house, detailed"),
        "12": ("RepeatLatentBatch", {"samples": ["3", 0], "amount": 1}),
        "13": sampler(positive="16", latent="12", denoise=0.3),
        "8": ("VAEDecode", {"samples": ["13", 0], "vae": ["4", 2]}),
    }
    assert targets(inferred(nodes))["prompt"] == ("6.text", "16.text")


def test_a_mask_that_only_joins_pictures_is_no_inpainting(inferred):
    joined = {
        "destination": ["20", 0],
        "source": ["8", 0],
        "x": 0,
        "y": 0,
        "resize_source": True,
        "mask": ["21", 0],
    }
    nodes = {
        **PAINT,
        "20": PICTURE,
        "21": ("LoadImageMask", {"image": "m.png", "channel": "red"}),
        "5": ("VAEEncode", {"pixels": ["20", 0], "vae": ["4", 2]}),
        "17": ("ImageCompositeMasked", joined),
        "9": ("SaveImage", {"images": ["17", 0], "filename_prefix": "x"}),
    }
    workflow = inferred(nodes)
    assert "mask" in shown(workflow)
    assert workflow.manifest.kind is Kind.IMG2IMG


def test_classes_that_nobody_described_are_taken_to_paint(inferred):
    assert inferred(PAINT, known=False).manifest.kind is Kind.TXT2IMG
