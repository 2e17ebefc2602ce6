"""Slots of widgets, links and groups that only some files have."""

import pytest

from comfy.protocol.object_info import ObjectInfo
from workflows.convert import convert
from workflows.errors import InvalidGraph

LOAD = (1, "LoadImage", ["a.png", "image"], (), ["IMAGE", "MASK"])
SIZE = ["INT", {"default": 64}]
DESCRIBED = {
    "Film": {"required": {"file": [["a.mp4"], {"video_upload": True}]}, "optional": {"size": SIZE}},
    "Sound": {
        "required": {"file": [["a.mp3"], {"audio_upload": True}]},
        "optional": {"size": SIZE},
    },
    "Photo": {
        "required": {"file": [["a.png"], {"image_upload": True}]},
        "optional": {"size": SIZE},
    },
    "Load3D": {"required": {"model_file": [["a.glb"], {}], "width": SIZE}},
    "Compared": {"required": {"view": ["IMAGECOMPARE", {"socketless": True}], "size": SIZE}},
    "Old": {
        "required": {
            "text": ["STRING", {"forceInput": True}],
            "seed": ["INT", {"default": 0}],
            "picture": ["IMAGE", {"forceInput": True}],
            "size": SIZE,
        }
    },
    "Bare": {
        "required": {
            "text": ["STRING", {}],
            "count": ["INT", {}],
            "share": ["FLOAT", {}],
            "tiled": ["BOOLEAN", {}],
        }
    },
    "Mesh": {"required": {"file": [["a.glb"], {"file_upload": True}]}, "optional": {"size": SIZE}},
    "Controlled": {
        "required": {
            "seed": ["INT", {"control_after_generate": False}],
            "count": ["INT", {"control_after_generate": True}],
            "look": [["a", "b"], {"control_after_generate": True}],
            "size": SIZE,
        }
    },
    "Given": {
        "required": {
            "count": ["INT", {"default": 0}],
            "text": ["STRING", {"default": ""}],
            "on": ["BOOLEAN", {"default": False}],
            "look": [["a", "b"], {}],
        }
    },
    "CustomCombo": {"required": {"choice": ["COMBO", {"options": []}]}},
    "Mixed": {"required": {"first": ["IMAGE", {}], "second": ["IMAGE", {}], "size": SIZE}},
    "Show": {"required": {"value": ["IMAGE", {}]}},
}


@pytest.fixture
def special(classes, made):
    """What every node of a converted file gets, by its id, with some classes more."""
    entry = {"output": ["IMAGE", "IMAGE"], "output_name": [], "output_node": False}
    described = {name: entry | {"input": one} for name, one in DESCRIBED.items()}
    info = ObjectInfo.parse({**classes.raw, **described})

    def run(nodes, links=(), **more):
        graph = convert(made.export(nodes, links, **more), info).graph
        return {node_id: one["inputs"] for node_id, one in graph.items()}

    return run


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Photo", ["b.png", "image", 9]),
        ("Film", ["b.mp4", "image", 9]),
        ("Sound", ["b.mp3", None, "", 9]),
        ("Mesh", ["b.glb", 9]),
    ],
)
def test_upload_buttons_stand_before_what_is_optional(special, made, name, values):
    assert special([made.node(1, name, values)])["1"] == {"file": values[0], "size": 9}


def test_a_control_follows_what_its_class_says_has_one(special, made):
    found = special([made.node(1, "Controlled", [1, 2, "fixed", "b", "fixed", "", 9])])
    assert found["1"] == {"seed": 1, "count": 2, "look": "b", "size": 9}


def test_a_default_may_be_empty(special, made):
    found = special([made.node(1, "Given", [])])
    assert found["1"] == {"count": 0, "text": "", "on": False, "look": "a"}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], {"mode": "plain", "name": "x"}),
        (
            {"mode": "sized", "mode.width": 8},
            {"mode": "sized", "mode.width": 8, "mode.height": 64, "name": "x"},
        ),
        ({"name": "n"}, {"mode": "plain", "name": "n"}),
    ],
)
def test_what_a_dynamic_list_lacks_is_as_its_class_says(special, made, values, found):
    assert special([made.node(1, "Pick", values)])["1"] == found


def test_values_by_position_count_where_every_choice_is_known(special, made):
    node = made.node(1, "Pick", ["plain", "a {b|c} // d"])
    node["widgets_values_named"] = {"mode": "plain", "name": "other"}
    assert special([node])["1"] == {"mode": "plain", "name": "a {b|c} // d"}


@pytest.mark.parametrize("name", ["Load3D", "Load3DAnimation"])
def test_a_model_to_look_at_has_three_buttons(special, made, name):
    found = special([made.node(1, name, ["b.glb", "", "", "", 9])])
    assert found["1"] == {"model_file": "b.glb", "width": 9}


def test_pictures_that_were_compared_are_not_sent(special, made):
    found = special([made.node(1, "Compared", [["a.png", "b.png"], 9])])
    assert found["1"] == {"view": {"__value__": ["", ""]}, "size": 9}


def test_older_files_have_values_for_what_can_only_be_connected(special, made):
    assert special([made.node(1, "Old", ["typed", 7, "fixed", 9])])["1"] == {"seed": 7, "size": 9}
    assert special([made.node(1, "Old", [7, "fixed", 9])])["1"] == {"seed": 7, "size": 9}


def test_what_the_file_lacks_and_its_class_has_no_default_for_is_empty(special, made):
    empty = {"text": "", "count": 0, "share": 0, "tiled": False}
    assert special([made.node(1, "Bare", [])])["1"] == empty


@pytest.mark.parametrize("node", ["Sum", [1, "Sum"], {"id": 1}, {"type": "Sum"}, {"type": 1}])
def test_a_node_without_an_id_or_a_type_is_refused(special, node):
    with pytest.raises(InvalidGraph, match="has no id or no type"):
        special([node])


def test_a_choice_that_is_listed_has_its_position(special, made):
    listed = special([made.node(1, "CustomCombo", ["blue", "red", "blue"])])["1"]
    assert listed == {"choice": "blue", "index": 1, "option1": "red", "option2": "blue"}
    assert special([made.node(1, "CustomCombo", ["blue"])])["1"] == {"choice": "blue", "index": 0}


def test_a_choice_that_is_not_listed_has_the_first_position(special, made):
    listed = special([made.node(1, "CustomCombo", ["gone", "red", "blue"])])["1"]
    assert (listed["choice"], listed["index"]) == ("gone", 0)
    named = {"choice": "gone", "index": 1, "option1": "red", "option2": "blue"}
    assert special([made.node(1, "CustomCombo", named)])["1"]["index"] == 1


def test_the_position_of_a_choice_is_found_for_a_class_of_the_editor_only(special, made):
    named = {"choice": "blue", "index": 7, "option1": "red", "option2": "blue"}
    assert special([made.node(1, "CustomCombo", named)])["1"]["index"] == 1
    assert special([made.node(1, "Bare", named)])["1"]["index"] == 7


def test_an_output_of_a_bypassed_node_is_the_input_beside_it(special, made):
    other = (3, "LoadImage", ["b.png", "image"], (), ["IMAGE", "MASK"])
    sockets = [("first", "IMAGE", 4), ("second", "IMAGE", 5)]
    nodes = [
        made.node(*LOAD),
        made.node(*other),
        made.node(2, "Mixed", [9], sockets, ["IMAGE", "IMAGE"], mode=4),
        made.node(9, "Show", (), [("value", "IMAGE", 6)]),
    ]
    links = [[4, 1, 0, 2, 0, "IMAGE"], [5, 3, 0, 2, 1, "IMAGE"], [6, 2, 1, 9, 0, "IMAGE"]]
    assert special(nodes, links)["9"] == {"value": ["3", 0]}


@pytest.mark.parametrize(
    ("inputs", "outputs", "slot", "wanted", "passed"),
    [
        (["IMAGE", "MASK"], ["MASK"], 0, "MASK", 1),
        (["IMAGE", "MASK", "MASK"], ["IMAGE", "LATENT", "MASK"], 2, "MASK", 2),
        (["IMAGE", "MASK"], ["LATENT", "LATENT"], 1, "*", 1),
        (["IMAGE", "MASK"], ["LATENT", "LATENT"], 2, "*", 0),
        (["*", "IMAGE"], ["IMAGE"], 0, "IMAGE", 0),
        (["MASK", "IMAGE,MASK"], ["IMAGE"], 0, "IMAGE", 1),
        (["MASK", "image"], ["IMAGE"], 0, "IMAGE", 1),
        (["MASK", "*"], ["IMAGE"], 0, "IMAGE", 1),
        (["LATENT", "image"], ["IMAGE"], 3, "IMAGE", 1),
        (["LATENT", "image"], ["IMAGE"], 1, "IMAGE", 1),
        (["LATENT", "image"], ["IMAGE", "IMAGE", "IMAGE"], 2, "IMAGE", 1),
        (["MASK", "LATENT"], ["IMAGE"], 0, "IMAGE", None),
        (["MASK"], ["MASK"], 0, "IMAGE", None),
        (["IMAGE,MASK"], ["MASK"], 0, "LATENT", None),
        ([], ["IMAGE"], 0, "IMAGE", None),
    ],
)
def test_a_bypassed_node_passes_on_the_input_that_fits(
    special, made, inputs, outputs, slot, wanted, passed
):
    nodes = [
        made.node(10 + n, "LoadImage", ["a.png", "image"], (), ["IMAGE", "MASK"])
        for n in range(len(inputs))
    ]
    links = [[10 + n, 10 + n, 0, 2, n, "IMAGE"] for n in range(len(inputs))]
    sockets = [(f"in{n}", kind, 10 + n) for n, kind in enumerate(inputs)]
    nodes += [
        made.node(2, "Own", (), sockets, outputs, mode=4),
        made.node(9, "Show", (), [("value", wanted, 6)]),
    ]
    found = special(nodes, [*links, [6, 2, slot, 9, 0, wanted]])
    assert found["9"] == ({} if passed is None else {"value": [str(10 + passed), 0]})


@pytest.mark.parametrize("target", [77, 5])
def test_a_subgraphs_input_that_leads_nowhere_is_passed_over(special, made, target):
    """One of its links is not in the table, or ends at a node or an input that is not there."""
    ends = {"origin_id": -10, "origin_slot": 0, "type": "INT"}
    inner = {
        "id": "inner",
        "version": 1,
        "nodes": [made.node(5, "Sum", [3, 4], [("a", "INT", 2, "a")], ["INT"])],
        "links": [
            {"id": 1, "target_id": target, "target_slot": 8, **ends},
            {"id": 2, "target_id": 5, "target_slot": 0, **ends},
        ],
        "inputs": [{"name": "number", "type": "INT", "linkIds": [99, 1, 2]}],
        "outputs": [],
    }
    host = made.node(2, "inner", [42], [("number", "INT", None, "number")])
    found = special([host], definitions={"subgraphs": [inner]})
    assert found["2:5"] == {"a": 42, "b": 4}


# Group nodes.


def grouped(made, group, values, sockets=(), links=()):
    nodes = [made.node(*LOAD), made.node(2, "workflow>Mix", values, sockets, ["IMAGE"])]
    return nodes, links, {"extra": {"groupNodes": {"Mix": group}}}


def test_inputs_of_a_group_keep_their_names(special, made):
    blur = made.node(0, "Blur", (), [("image", "IMAGE"), ("mask", "MASK")], ["IMAGE"])
    group = {"nodes": [blur], "links": [], "external": []}
    nodes, links, more = grouped(
        made,
        group,
        (),
        [("image", "IMAGE", 4), ("mask", "MASK", 5)],
        [[4, 1, 0, 2, 0, "IMAGE"], [5, 1, 1, 2, 1, "MASK"]],
    )
    assert special(nodes, links, **more)["2:0"] == {"image": ["1", 0], "mask": ["1", 1]}


def test_a_hidden_input_of_a_group_is_not_shown(special, made):
    blur = made.node(0, "Blur", (), [("image", "IMAGE"), ("mask", "MASK")], ["IMAGE"])
    group = {
        "nodes": [blur],
        "links": [],
        "external": [],
        "config": {"0": {"input": {"mask": {"visible": False}}}},
    }
    nodes, links, more = grouped(
        made,
        group,
        (),
        [("image", "IMAGE", 4), ("mask", "MASK", 5)],
        [[4, 1, 0, 2, 0, "IMAGE"], [5, 1, 1, 2, 1, "MASK"]],
    )
    assert special(nodes, links, **more)["2:0"] == {"image": ["1", 0]}


def test_three_equal_names_in_a_group_are_numbered(special, made):
    group = {
        "nodes": [made.node(0, "Sum", [1, 2], (), ["INT"], title="T") for _ in range(4)],
        "links": [],
        "external": [],
    }
    values = {"a": 10, "T a": 20, "T 2 a": 30, "T 3 a": 40}
    nodes, links, more = grouped(made, group, values)
    found = special(nodes, links, **more)
    assert [found[f"2:{number}"]["a"] for number in range(4)] == [10, 20, 30, 40]


def test_a_widget_of_a_group_may_be_connected_by_its_name_alone(special, made):
    """Older editors did not say which widget an input stands for."""
    group = {"nodes": [made.node(0, "Sum", [1, 2], (), ["INT"])], "links": [], "external": []}
    nodes, links, more = grouped(made, group, [1, 2], [("a", "INT", 7)], [[7, 3, 0, 2, 0, "INT"]])
    nodes.append(made.node(3, "Sum", [5, 6], (), ["INT"]))
    assert special(nodes, links, **more)["2:0"] == {"a": ["3", 0], "b": 2}


def test_groups_inside_each_other_without_end_are_refused(special, made):
    definitions = {
        "A": {"nodes": [made.node(0, "workflow>B")], "links": []},
        "B": {"nodes": [made.node(0, "workflow>A")], "links": []},
    }
    with pytest.raises(InvalidGraph, match="contains itself"):
        special([made.node(1, "workflow>A")], extra={"groupNodes": definitions})


def test_a_reroute_in_a_group_is_named_by_what_comes_to_it(special, made):
    """Where what it goes to is outside of the group."""
    group = {
        "nodes": [
            made.node(0, "LoadImage", ["b.png", "image"], (), ["IMAGE", "MASK"]),
            made.node(0, "Reroute", (), [("", "*")], ["*"]),
        ],
        "links": [[0, 0, 1, 0, 5, "IMAGE"]],
        "external": [[1, 0, "IMAGE"]],
    }
    nodes = [
        made.node(2, "workflow>Mix", ["c.png", "image"], (), ["MASK", "IMAGE"]),
        made.node(9, "Show", (), [("value", "IMAGE", 6)]),
    ]
    links = [[6, 2, 1, 9, 0, "IMAGE"]]
    found = special(nodes, links, extra={"groupNodes": {"Mix": group}})
    assert found["9"] == {"value": ["2:0", 0]}


@pytest.mark.parametrize(("output", "shown"), [(1, {"value": ["2:0", 1]}), (2, {}), (3, {})])
def test_a_link_from_an_output_that_a_group_lacks_is_left_out(special, made, output, shown):
    group = {
        "nodes": [made.node(0, "LoadImage", ["b.png", "image"], (), ["IMAGE", "MASK"])],
        "links": [],
        "external": [],
    }
    nodes, links, more = grouped(made, group, ["c.png", "image"], (), [[6, 2, output, 9, 0, "*"]])
    nodes.append(made.node(9, "Show", (), [("value", "IMAGE", 6)]))
    assert special(nodes, links, **more)["9"] == shown
