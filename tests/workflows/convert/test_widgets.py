"""Which of the file's values belong to which input."""

import pytest

from workflows.convert import convert
from workflows.convert.dynamic_prompts import resolve_prompt


def test_a_control_beside_a_seed_is_no_input(inputs, made):
    sampler = made.node(3, "KSampler", [7, "randomize", 20, 8.0, "euler", "normal", 1.0])
    assert inputs([sampler])["3"] == {
        "seed": 7,
        "steps": 20,
        "cfg": 8.0,
        "sampler_name": "euler",
        "scheduler": "normal",
        "denoise": 1.0,
    }


def test_values_that_the_file_lacks_are_the_defaults(inputs, made):
    assert inputs([made.node(1, "Sum", [5])])["1"] == {"a": 5, "b": 2}


def test_a_widget_that_takes_several_types_has_a_value(inputs, made):
    assert inputs([made.node(1, "Sum", [5, 6])])["1"] == {"a": 5, "b": 6}


def test_an_upload_button_is_no_input(inputs, made):
    assert inputs([made.node(1, "LoadImage", ["a.png", "image"])])["1"] == {"image": "a.png"}


def test_values_by_name_are_taken_by_name(inputs, made):
    values = {"format": "mp4", "rate": 24, "videopreview": {"hidden": False}}
    assert inputs([made.node(1, "Film", values)])["1"] == {"rate": 24, "format": "mp4"}


def test_a_list_is_wrapped_so_that_it_is_no_connection(inputs, made):
    points = [[0, 0], [1, 1]]
    assert inputs([made.node(1, "Curve", [points])])["1"] == {"points": {"__value__": points}}


def test_what_an_editor_of_its_own_keeps_is_sent(inputs, made):
    layers = {"canvas": {"width": 64}}
    assert inputs([made.node(1, "Layers", [layers])])["1"] == {"order": layers}


def test_a_3d_file_that_the_editor_draws_is_told(classes, made):
    export = made.export([made.node(13, "Load3D", ["a.glb"], (), ["IMAGE"])])
    conversion = convert(export, classes)
    assert 'The node "Load3D" (13) needs pictures that only the editor' in conversion.losses[0]
    assert not conversion.is_whole


def test_a_3d_viewer_sends_its_camera_and_no_pictures(inputs, made):
    plain = made.node(1, "Viewer", ["", 32])
    turned = made.node(2, "Viewer", ["", 32])
    turned["properties"] = {"Camera Config": {"fov": 35, "state": {"position": {"x": 1}}}}
    found = inputs([plain, turned])
    nothing = {"image": "", "mask": "", "normal": "", "recording": "", "model_3d_info": []}
    assert found["2"] == {
        "state": nothing | {"camera_info": {"position": {"x": 1}}},
        "width": 32,
    }
    assert found["1"]["state"]["camera_info"]["fov"] == 35
    assert found["1"]["state"].keys() == found["2"]["state"].keys()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["plain", "n"], {"mode": "plain", "name": "n"}),
        (
            ["sized", 8, 16, "n"],
            {"mode": "sized", "mode.width": 8, "mode.height": 16, "name": "n"},
        ),
    ],
)
def test_a_dynamic_list_brings_the_inputs_of_its_choice(inputs, made, values, expected):
    assert inputs([made.node(1, "Pick", values)])["1"] == expected


def test_a_choice_that_the_class_lacks_takes_its_inputs_by_name_and_is_told(classes, made):
    values = ["round", 8, True, "n"]
    pick = made.node(1, "Pick", values)
    pick["widgets_values_named"] = {
        "mode": "round",
        "mode.radius": 8,
        "mode.is_soft": True,
        "control_after_generate": "fixed",
        "name": "n",
    }
    conversion = convert(made.export([pick]), classes)
    assert conversion.graph["1"]["inputs"] == {
        "mode": "round",
        "mode.radius": 8,
        "mode.is_soft": True,
        "name": "n",
    }
    (sentence,) = conversion.losses
    assert sentence.startswith('The node "Pick" (1) is set to round (mode), which this ComfyUI')
    assert not conversion.is_whole


def test_comments_and_choices_in_a_prompt_are_resolved(inputs, made):
    text = made.node(1, "CLIPTextEncode", [r"a {red|blue} \{house\} // not this"])
    assert inputs([text])["1"] == {"text": "a red {house} "}


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("a /* b */c", "a c"),
        ("a /* b // c */d", "a d"),
        ("a // b /* c\nd */ e", "a \nd */ e"),
        ("a /* b", "a /* b"),
        ("a */ b /* c // d\ne", "a */ b /* c \ne"),
        ("/**//*/ a */b", "b"),
        ("http://a /*", "http:"),
    ],
)
def test_comments_are_removed(typed, left):
    assert resolve_prompt(typed) == left


def test_a_converted_widget_keeps_its_slot(inputs, made):
    nodes = [
        made.node(1, "Sum", [1, 2], outputs=["INT"]),
        made.node(
            2,
            "KSampler",
            [7, "fixed", 20, 8.0, "euler", "normal", 1.0],
            [("steps", "INT", 9, "steps")],
        ),
    ]
    sampler = inputs(nodes, [[9, 1, 0, 2, 0, "INT"]])["2"]
    assert sampler["steps"] == ["1", 0]
    assert sampler["cfg"] == 8.0


def test_values_that_only_the_editor_of_a_class_knows_are_kept(inputs, made):
    known = {"format": "mp4", "rate": 24, "crf": 19, "look": "{a|b}"}
    film = made.node(1, "Film", {**known, "videopreview": {"hidden": False}})
    assert inputs([film])["1"] == known


def test_loras_of_a_power_loader_are_numbered(inputs, made):
    one = {"on": True, "lora": "a.safetensors", "strength": 1}
    two = {"on": False, "lora": "b.safetensors", "strength": 0.5}
    loader = made.node(1, "Power Lora Loader (rgthree)", [{}, {"type": "Header"}, one, two, {}, ""])
    assert inputs([loader])["1"] == {"lora_1": one, "lora_2": two}


def test_what_is_chosen_in_a_custom_list_decides_its_position(inputs, made):
    nodes = [
        made.node(1, "PrimitiveNode", ["blue", "fixed"], (), ["COMBO"]),
        made.node(2, "CustomCombo", ["red", 0, "red", "blue"], [("choice", "COMBO", 4, "choice")]),
    ]
    found = inputs(nodes, [[4, 1, 0, 2, 0, "COMBO"]])["2"]
    assert (found["choice"], found["index"]) == ("blue", 1)


def test_values_of_an_unknown_class_keep_their_order(inputs, made):
    assert inputs([made.node(1, "Dream", ["a", 2], (), ["INT"])])["1"] == {
        "UNKNOWN": "a",
        "UNKNOWN_1": 2,
    }


def test_a_saved_null_is_the_first_of_a_list_and_no_text_and_stays_a_null_number(inputs, made):
    sampler = made.node(3, "KSampler", [None, "fixed", None, None, None, None, None])
    text = made.node(6, "CLIPTextEncode", [None])
    pick = made.node(7, "Pick", [None, "n"])
    found = inputs([sampler, text, pick])
    assert found["3"] == {
        "seed": None,
        "steps": None,
        "cfg": None,
        "sampler_name": "euler",
        "scheduler": "simple",
        "denoise": None,
    }
    assert found["6"] == {"text": ""}
    assert found["7"] == {"mode": "plain", "name": "n"}


def test_a_saved_null_by_name_is_treated_alike(inputs, made):
    found = inputs([made.node(1, "Film", {"rate": None, "format": None})])
    assert found["1"] == {"rate": None, "format": "gif"}


def test_a_saved_null_for_a_list_without_choices_stays(inputs, made):
    found = inputs([made.node(1, "Empty", [None]), made.node(2, "Empty")])
    assert found == {"1": {"file": None}, "2": {}}
