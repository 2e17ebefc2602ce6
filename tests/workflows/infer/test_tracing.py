import pytest

from workflows.manifest import InputType, Kind

CHECKPOINT = ("CheckpointLoaderSimple", {"ckpt_name": "sdxl.safetensors"})
LATENT = ("EmptyLatentImage", {"width": 832, "height": 1216, "batch_size": 1})


def says(text, *title):
    return ("CLIPTextEncode", {"text": text, "clip": ["4", 1]}, *title)


def sampler(positive="6", negative="7", latent="5", **changed):
    return (
        "KSampler",
        {
            "model": ["4", 0],
            "positive": [positive, 0],
            "negative": [negative, 0],
            "latent_image": [latent, 0],
            "seed": 5,
            "steps": 25,
            "cfg": 6.5,
            "sampler_name": "euler",
            "scheduler": "normal",
            "denoise": 1.0,
            **changed,
        },
    )


DECODE = ("VAEDecode", {"samples": ["3", 0], "vae": ["4", 2]})
SAVE = ("SaveImage", {"images": ["8", 0], "filename_prefix": "ComfyUI"})
PAINT = {
    "4": CHECKPOINT,
    "5": LATENT,
    "6": says("a house"),
    "7": says("blurry"),
    "3": sampler(),
    "8": DECODE,
    "9": SAVE,
}


def targets(workflow):
    return {each.name: each.targets for each in workflow.manifest.inputs if not each.hidden}


@pytest.mark.parametrize("known", [True, False], ids=["described", "unknown"])
def test_what_people_expect_of_the_usual_graph(inferred, known):
    workflow = inferred(PAINT, known=known)
    assert workflow.manifest.kind is Kind.TXT2IMG
    assert targets(workflow) == {
        "prompt": ("6.text",),
        "negative": ("7.text",),
        "size": (),
        "count": ("5.batch_size",),
        "seed": ("3.seed",),
        "steps": ("3.steps",),
        "cfg": ("3.cfg",),
        "model": ("4.ckpt_name",),
        "lora": (),
    }
    size = workflow.manifest.find("size")
    assert (size.width, size.height, size.default) == (("5.width",), ("5.height",), "832x1216")
    assert workflow.manifest.find("prompt").required
    assert workflow.manifest.find("lora").wraps == "4"
    hidden = {each.name for each in workflow.manifest.inputs if each.hidden}
    assert hidden == {"sampler", "scheduler"}


def test_a_number_of_a_class_that_is_unknown_has_no_upper_bound(inferred):
    assert inferred(PAINT, known=False).manifest.find("cfg").max is None


def test_every_input_has_a_reason_that_names_its_node(inferred):
    workflow = inferred(PAINT)
    assert set(workflow.reasons) == {each.name for each in workflow.manifest.inputs}
    assert workflow.reasons["prompt"] == "It is written as positive for KSampler."
    assert workflow.reasons["seed"] == "It is the seed of KSampler."


def test_nodes_that_no_result_needs_are_not_asked_for(inferred):
    lonely = {**PAINT, "20": says("forgotten"), "21": ("LoadImage", {"image": "x.png"})}
    assert targets(inferred(lonely)) == targets(inferred(PAINT))


def test_base_and_refiner_share_one_prompt_and_one_seed(inferred):
    refined = {
        **PAINT,
        "14": ("CheckpointLoaderSimple", {"ckpt_name": "refiner.safetensors"}),
        "16": ("CLIPTextEncode", {"text": "a house", "clip": ["14", 1]}),
        "17": ("CLIPTextEncode", {"text": "blurry", "clip": ["14", 1]}),
        "3": (
            "KSamplerAdvanced",
            {**sampler()[1], "noise_seed": 5, "add_noise": "enable"},
        ),
        "13": (
            "KSamplerAdvanced",
            {
                "model": ["14", 0],
                "positive": ["16", 0],
                "negative": ["17", 0],
                "latent_image": ["3", 0],
                "noise_seed": 0,
                "add_noise": "disable",
                "steps": 25,
                "cfg": 8.0,
                "sampler_name": "euler",
                "scheduler": "normal",
            },
        ),
        "8": ("VAEDecode", {"samples": ["13", 0], "vae": ["4", 2]}),
    }
    del refined["3"][1]["seed"]
    workflow = inferred(refined)
    found = targets(workflow)
    assert found["prompt"] == ("6.text", "16.text")
    assert found["negative"] == ("7.text", "17.text")
    assert found["steps"] == ("3.steps", "13.steps")
    assert found["seed"] == ("3.noise_seed",)
    assert "model" not in found  # two checkpoints: neither is the one that people mean


def test_the_texts_of_one_encoder_are_one_prompt(inferred):
    flux = ("CLIPTextEncodeFlux", {"clip_l": "car", "t5xxl": "a small car", "clip": ["4", 1]})
    workflow = inferred({**PAINT, "6": flux})
    assert targets(workflow)["prompt"] == ("6.clip_l", "6.t5xxl")
    assert workflow.manifest.kind is Kind.TXT2IMG


def test_one_text_for_two_encoders_is_one_prompt(inferred):
    flux = ("CLIPTextEncodeFlux", {"clip_l": "car", "t5xxl": "car", "clip": ["4", 1]})
    assert targets(inferred({**PAINT, "6": flux}))["prompt"] == ("6.clip_l", "6.t5xxl")


def test_titles_tell_two_prompts_apart(inferred):
    combined = {
        **PAINT,
        "6": says("a house", "Foreground"),
        "16": says("a hill", "Background"),
        "17": ("ConditioningCombine", {"conditioning_1": ["6", 0], "conditioning_2": ["16", 0]}),
        "3": sampler(positive="17"),
    }
    found = targets(inferred(combined))
    assert (found["foreground"], found["background"]) == (("6.text",), ("16.text",))


def test_guiders_and_custom_samplers_are_followed(inferred):
    workflow = inferred(
        {
            "1": ("UNETLoader", {"unet_name": "flux.safetensors", "weight_dtype": "default"}),
            "4": ("DualCLIPLoader", {"clip_name1": "a.safetensors", "clip_name2": "b.safetensors"}),
            "6": ("CLIPTextEncode", {"text": "a fox", "clip": ["4", 0]}),
            "7": ("FluxGuidance", {"conditioning": ["6", 0], "guidance": 3.5}),
            "10": ("BasicGuider", {"model": ["1", 0], "conditioning": ["7", 0]}),
            "11": ("RandomNoise", {"noise_seed": 3}),
            "12": ("KSamplerSelect", {"sampler_name": "euler"}),
            "13": (
                "BasicScheduler",
                {"model": ["1", 0], "steps": 20, "scheduler": "simple", "denoise": 1.0},
            ),
            "5": LATENT,
            "3": (
                "SamplerCustomAdvanced",
                {
                    "noise": ["11", 0],
                    "guider": ["10", 0],
                    "sampler": ["12", 0],
                    "sigmas": ["13", 0],
                    "latent_image": ["5", 0],
                },
            ),
            "2": ("VAELoader", {"vae_name": "ae.safetensors"}),
            "8": ("VAEDecode", {"samples": ["3", 0], "vae": ["2", 0]}),
            "9": SAVE,
        }
    )
    found = targets(workflow)
    assert found["prompt"] == ("6.text",)
    assert found["seed"] == ("11.noise_seed",)
    assert found["steps"] == ("13.steps",)
    assert found["cfg"] == ("7.guidance",)
    assert "model" not in found  # no checkpoint: what it loads is for the operator
    files = {each.default for each in workflow.manifest.inputs if each.type is InputType.CHECKPOINT}
    assert files == {"flux.safetensors", "a.safetensors", "b.safetensors", "ae.safetensors"}


@pytest.mark.parametrize("known", [True, False], ids=["described", "unknown"])
def test_a_node_with_both_sides_is_followed_by_the_names_or_order_of_its_outputs(inferred, known):
    controlled = {
        **PAINT,
        "20": ("LoadImage", {"image": "pose.png"}),
        "21": ("ControlNetLoader", {"control_net_name": "pose.safetensors"}),
        "22": (
            "ControlNetApplyAdvanced",
            {
                "positive": ["6", 0],
                "negative": ["7", 0],
                "control_net": ["21", 0],
                "image": ["20", 0],
                "strength": 1.0,
            },
        ),
        "3": sampler(positive="22", negative="22"),
    }
    controlled["3"][1]["negative"] = ["22", 1]
    found = targets(inferred(controlled, known=known))
    assert found["prompt"] == ("6.text",)
    assert found["negative"] == ("7.text",)
    assert found["image"] == ("20.image",)


def test_a_negative_of_nothing_is_not_asked_for(inferred):
    zeroed = {**PAINT, "7": ("ConditioningZeroOut", {"conditioning": ["6", 0]})}
    assert "negative" not in targets(inferred(zeroed))


def test_with_a_guidance_of_one_nobody_looks_at_the_negative(inferred):
    found = targets(inferred({**PAINT, "3": sampler(cfg=1.0)}))
    assert "negative" not in found
    assert "cfg" not in found


def test_texts_are_followed_to_where_they_are_written(inferred):
    told = {
        **PAINT,
        "20": ("PrimitiveStringMultiline", {"value": "a fox"}),
        "21": ("StringConcatenate", {"string_a": ["20", 0], "string_b": "oil", "delimiter": ", "}),
        "6": ("CLIPTextEncode", {"text": ["21", 0], "clip": ["4", 1]}),
    }
    assert targets(inferred(told))["prompt"] == ("20.value",)


def test_what_tells_a_language_model_how_to_answer_is_no_prompt(inferred):
    rewritten = {
        **PAINT,
        "19": ("PrimitiveStringMultiline", {"value": "You are …"}, "System Prompt"),
        "20": ("PrimitiveStringMultiline", {"value": "a fox"}, "User Prompt"),
        "21": (
            "StringConcatenate",
            {"string_a": ["19", 0], "string_b": ["20", 0], "delimiter": ""},
        ),
        "22": ("TextGenerate", {"clip": ["4", 1], "prompt": ["21", 0], "max_length": 99}),
        "6": ("CLIPTextEncode", {"text": ["22", 0], "clip": ["4", 1]}),
    }
    assert targets(inferred(rewritten))["prompt"] == ("20.value",)


def test_of_a_switch_only_the_branch_it_takes_counts(inferred):
    switched = {
        **PAINT,
        "18": ("PrimitiveBoolean", {"value": False}),
        "19": ("PrimitiveStringMultiline", {"value": "off"}),
        "20": ("PrimitiveStringMultiline", {"value": "on"}),
        "21": (
            "ComfySwitchNode",
            {"switch": ["18", 0], "on_false": ["19", 0], "on_true": ["20", 0]},
        ),
        "6": ("CLIPTextEncode", {"text": ["21", 0], "clip": ["4", 1]}),
    }
    assert targets(inferred(switched))["prompt"] == ("19.value",)


def test_numbers_are_followed_to_where_they_are_set(inferred):
    counted = {
        **PAINT,
        "20": ("PrimitiveInt", {"value": 30}),
        "21": ("PrimitiveInt", {"value": 640}, "Width"),
        "22": ("ComfyMathExpression", {"expression": "a / 2", "values.a": ["21", 0]}),
        "5": ("EmptyLatentImage", {"width": ["22", 1], "height": 512, "batch_size": 1}),
        "3": sampler(steps=["20", 0]),
    }
    workflow = inferred(counted)
    assert targets(workflow)["steps"] == ("20.value",)
    assert workflow.manifest.find("steps").max == 100
    assert workflow.manifest.find("size").width == ("21.value",)


def test_a_node_that_chooses_the_size_is_asked_instead(inferred):
    chosen = {
        **PAINT,
        "20": ("ResolutionSelector", {"aspect_ratio": "1:1 (Square)", "megapixels": 1.0}),
        "5": ("EmptyLatentImage", {"width": ["20", 0], "height": ["20", 1], "batch_size": 1}),
    }
    workflow = inferred(chosen)
    ratio = workflow.manifest.find("aspect_ratio")
    assert ratio.type is InputType.CHOICE
    assert "16:9 (Widescreen)" in ratio.choices
    assert workflow.manifest.find("megapixels").max == 4.0


def test_a_given_picture_and_how_far_to_leave_it(inferred):
    started = {
        **PAINT,
        "20": ("LoadImage", {"image": "photo.png"}),
        "5": ("VAEEncode", {"pixels": ["20", 0], "vae": ["4", 2]}),
        "3": sampler(denoise=0.6),
    }
    workflow = inferred(started)
    assert workflow.manifest.kind is Kind.IMG2IMG
    assert targets(workflow)["image"] == ("20.image",)
    assert targets(workflow)["strength"] == ("3.denoise",)
    assert workflow.manifest.find("image").required


def test_transparency_as_a_mask_can_be_replaced_by_a_picture(inferred):
    masked = {
        **PAINT,
        "20": ("LoadImage", {"image": "photo.png"}),
        "5": (
            "VAEEncodeForInpaint",
            {"pixels": ["20", 0], "mask": ["20", 1], "vae": ["4", 2], "grow_mask_by": 6},
        ),
    }
    workflow = inferred(masked)
    mask = workflow.manifest.find("mask")
    assert workflow.manifest.kind is Kind.INPAINT
    assert (mask.replaces, mask.required) == ("20", False)


def test_a_mask_of_its_own_is_required(inferred):
    masked = {
        **PAINT,
        "20": ("LoadImage", {"image": "photo.png"}),
        "21": ("LoadImageMask", {"image": "mask.png", "channel": "red"}),
        "5": (
            "VAEEncodeForInpaint",
            {"pixels": ["20", 0], "mask": ["21", 0], "vae": ["4", 2], "grow_mask_by": 6},
        ),
    }
    mask = inferred(masked).manifest.find("mask")
    assert (mask.targets, mask.required) == (("21.image",), True)


def test_an_upscaler_is_known_by_its_model(inferred):
    workflow = inferred(
        {
            "10": ("LoadImage", {"image": "photo.png"}),
            "11": ("UpscaleModelLoader", {"model_name": "x4.safetensors"}),
            "12": ("ImageUpscaleWithModel", {"upscale_model": ["11", 0], "image": ["10", 0]}),
            "9": ("SaveImage", {"images": ["12", 0], "filename_prefix": "x"}),
        }
    )
    assert workflow.manifest.kind is Kind.UPSCALE
    assert targets(workflow) == {"image": ("10.image",)}
    assert workflow.results == ("pictures",)
    assert any("no prompt" in note for note in workflow.notes)


def test_a_film_from_two_pictures(inferred):
    workflow = inferred(
        {
            "4": CHECKPOINT,
            "6": says("a fox runs"),
            "7": says("still"),
            "20": ("LoadImage", {"image": "a.png"}, "Start"),
            "21": ("LoadImage", {"image": "b.png"}, "End"),
            "30": (
                "WanImageToVideo",
                {
                    "positive": ["6", 0],
                    "negative": ["7", 0],
                    "vae": ["4", 2],
                    "width": 832,
                    "height": 480,
                    "length": 81,
                    "batch_size": 1,
                    "start_image": ["20", 0],
                    "clip_vision_output": ["21", 0],
                },
            ),
            "3": sampler(positive="30", negative="7", latent="30"),
            "8": DECODE,
            "40": ("CreateVideo", {"images": ["8", 0], "fps": 16.0}),
            "41": ("SaveVideo", {"video": ["40", 0], "filename_prefix": "v"}),
        }
    )
    found = targets(workflow)
    assert (found["image"], found["last_image"]) == (("20.image",), ("21.image",))
    length = workflow.manifest.find("length")
    assert (length.type, length.min, length.max, length.step) == (InputType.INTEGER, 1, 162, 4)
    assert workflow.manifest.find("size").multiple == 16
    assert workflow.manifest.kind is Kind.IMG2VID
    assert workflow.results == ("videos",)
    assert "count" not in found


def test_the_last_frames_of_several_parts_are_pictures_in_order(inferred):
    size = {"width": 832, "height": 480, "length": 81, "batch_size": 1}
    texts = {"positive": ["6", 0], "negative": ["7", 0], "vae": ["4", 2]}
    parts = {"start_image": ["20", 0], "clip_vision_output": ["50", 0]}
    workflow = inferred(
        {
            "4": CHECKPOINT,
            "6": says("a fox runs"),
            "7": says("still"),
            "20": ("LoadImage", {"image": "a.png"}, "Start Frame"),
            "21": ("LoadImage", {"image": "b.png"}, "End Frame"),
            "22": ("LoadImage", {"image": "c.png"}, "End Frame"),
            "50": ("ImageBatch", {"image1": ["21", 0], "image2": ["22", 0]}),
            "30": ("WanImageToVideo", {**texts, **size, **parts}),
            "3": sampler(positive="30", negative="7", latent="30"),
            "8": DECODE,
            "40": ("CreateVideo", {"images": ["8", 0], "fps": 16.0}),
            "41": ("SaveVideo", {"video": ["40", 0], "filename_prefix": "v"}),
        }
    )
    found = targets(workflow)
    pictures = {name: to for name, to in found.items() if "image" in name}
    assert pictures == {
        "image": ("20.image",),
        "image_2": ("21.image",),
        "image_3": ("22.image",),
    }


def test_frames_that_are_saved_as_a_film_make_no_picture(inferred):
    film = {"images": ["8", 0], "filename_prefix": "v", "codec": "vp9", "fps": 24.0, "crf": 32.0}
    workflow = inferred({**PAINT, "9": ("SaveWEBM", film)})
    assert workflow.results == ("videos",)
    assert workflow.manifest.kind is Kind.TXT2VID


def test_whatever_is_shown_as_text_makes_a_text(inferred):
    workflow = inferred(
        {"1": ("LoadImage", {"image": "a.png"}), "9": ("PreviewAny", {"source": ["1", 0]})}
    )
    assert workflow.results == ("texts",)


def test_a_song_has_words_beside_its_prompt(inferred):
    workflow = inferred(
        {
            "4": CHECKPOINT,
            "14": (
                "TextEncodeAceStepAudio",
                {"tags": "rock", "lyrics": "la la", "lyrics_strength": 1.0, "clip": ["4", 1]},
            ),
            "7": ("ConditioningZeroOut", {"conditioning": ["14", 0]}),
            "17": ("EmptyAceStepLatentAudio", {"seconds": 120.0, "batch_size": 1}),
            "3": sampler(positive="14", latent="17"),
            "18": ("VAEDecodeAudio", {"samples": ["3", 0], "vae": ["4", 2]}),
            "19": ("SaveAudioMP3", {"audio": ["18", 0], "filename_prefix": "a", "quality": "V0"}),
        }
    )
    found = targets(workflow)
    assert (found["prompt"], found["lyrics"]) == (("14.tags",), ("14.lyrics",))
    assert workflow.manifest.find("duration").max == 240
    assert workflow.results == ("sounds",)


def test_videos_and_sounds_are_attached(inferred):
    workflow = inferred(
        {
            "1": ("LoadVideo", {"file": "in.mp4"}),
            "2": ("LoadAudio", {"audio": "in.mp3"}),
            "3": ("GetVideoComponents", {"video": ["1", 0]}),
            "4": ("CreateVideo", {"images": ["3", 0], "audio": ["2", 0], "fps": 24.0}),
            "5": ("SaveVideo", {"video": ["4", 0], "filename_prefix": "v"}),
        }
    )
    assert targets(workflow) == {"video": ("1.file",), "audio": ("2.audio",)}
    assert workflow.manifest.find("fps").hidden


def test_a_lora_of_a_checkpoint_can_be_changed(inferred):
    styled = {
        **PAINT,
        "20": (
            "LoraLoader",
            {
                "lora_name": "style.safetensors",
                "strength_model": 0.8,
                "strength_clip": 0.8,
                "model": ["4", 0],
                "clip": ["4", 1],
            },
        ),
        "3": sampler(model=["20", 0]),
    }
    workflow = inferred(styled)
    assert targets(workflow)["lora"] == ("20.lora_name",)
    assert targets(workflow)["lora_strength"] == ("20.strength_model", "20.strength_clip")
    assert workflow.manifest.find("lora").default == "style.safetensors"


def test_a_choice_with_a_place_in_its_list_keeps_both_in_step(inferred):
    listed = {
        **PAINT,
        "20": (
            "CustomCombo",
            {"choice": "ink", "index": 0, "option1": "ink", "option2": "oil", "option3": ""},
            "Style",
        ),
        "6": ("CLIPTextEncode", {"text": ["20", 0], "clip": ["4", 1]}),
    }
    export = {"nodes": [], "extra": {"linearData": {"inputs": [["20", "choice"]], "outputs": []}}}
    export["nodes"] = [{"id": 20, "type": "CustomCombo"}]
    style = inferred(listed, export=export).manifest.inputs[0]
    assert (style.type, style.choices) == (InputType.CHOICE, ("ink", "oil"))
    assert style.positions == ("20.index",)


def test_a_graph_without_anything_to_set_is_still_a_command(inferred):
    workflow = inferred({"1": ("PreviewAny", {"source": 5})})
    assert targets(workflow) == {}
    assert any("no prompt" in note for note in workflow.notes)


def test_of_many_prompts_nobody_has_to_write_all(inferred):
    views = {**PAINT, "7": ("ConditioningZeroOut", {"conditioning": ["6", 0]})}
    for number, text in enumerate(("front", "side", "back"), start=30):
        views[str(number)] = says(text, f"{text} view")
        views[f"4{number}"] = sampler(positive=str(number))
        views[f"5{number}"] = ("VAEDecode", {"samples": [f"4{number}", 0], "vae": ["4", 2]})
        views[f"6{number}"] = ("PreviewImage", {"images": [f"5{number}", 0]})
    found = {each.name: each for each in inferred(views).manifest.inputs}
    assert found["side_view"].default == "side"
    assert not any(found[f"{side}_view"].required for side in ("front", "side", "back"))
