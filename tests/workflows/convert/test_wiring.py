"""The file's table of links decides what is connected to what."""

import pytest

from workflows.convert import convert

LOAD = (1, "LoadImage", ["a.png", "image"], (), ["IMAGE", "MASK"])
LINKS = [[4, 1, 0, 2, 0, "IMAGE"], [5, 1, 1, 2, 1, "MASK"], [6, 2, 0, 9, 0, "IMAGE"]]


def blur(made, image=None, mask=None):
    return made.node(2, "Blur", (), [("image", "IMAGE", image), ("mask", "MASK", mask)], ["IMAGE"])


def show(made, link=None):
    return made.node(9, "Show", (), [("value", "IMAGE", link)])


def bare(node):
    return {name: value for name, value in node.items() if name != "inputs"}


def test_nodes_without_inputs_are_connected_by_the_table(inputs, made):
    nodes = [bare(made.node(*LOAD)), bare(blur(made)), bare(show(made))]
    found = inputs(nodes, LINKS)
    assert found["2"] == {"image": ["1", 0], "mask": ["1", 1]}
    assert found["9"] == {"value": ["2", 0]}


def test_inputs_that_name_no_link_are_connected_by_the_table(inputs, made):
    found = inputs([made.node(*LOAD), blur(made), show(made)], LINKS)
    assert found["2"] == {"image": ["1", 0], "mask": ["1", 1]}
    assert found["9"] == {"value": ["2", 0]}


def test_a_widget_is_connected_by_its_place_behind_the_sockets(inputs, made):
    text = bare(made.node(6, "CLIPTextEncode", ["a"], (), ["CONDITIONING"]))
    other = made.node(5, "PrimitiveString", ["a fox"], (), ["STRING"])
    found = inputs([other, text], [[1, 5, 0, 6, 1, "STRING"]])
    assert found["6"]["text"] == ["5", 0]


def test_an_input_that_a_file_lacks_of_a_class_with_dynamic_ones_is_connected_by_the_table(
    inputs, made
):
    sockets = [("mode", "COMFY_DYNAMICCOMBO_V3", None, "mode")]
    pick = made.node(6, "Pick", ["plain", "n"], sockets, ["IMAGE"])
    other = made.node(5, "PrimitiveString", ["a fox"], (), ["STRING"])
    found = inputs([other, pick], [[1, 5, 0, 6, 1, "STRING"]])
    assert found["6"] == {"mode": "plain", "name": ["5", 0]}


def test_an_input_that_names_a_link_which_is_not_in_the_table_is_open(inputs, made):
    found = inputs([made.node(*LOAD), blur(made, 4, 5)], LINKS[:1])
    assert found["2"] == {"image": ["1", 0]}


def test_an_input_that_names_the_link_of_another_node_is_open(inputs, made):
    found = inputs([made.node(*LOAD), blur(made, 4), show(made, 4)], LINKS[:1])
    assert found["2"] == {"image": ["1", 0]}
    assert found["9"] == {}


def test_of_two_links_to_one_input_the_first_counts(inputs, made):
    other = made.node(3, "LoadImage", ["b.png", "image"], (), ["IMAGE", "MASK"])
    links = [[4, 1, 0, 9, 0, "IMAGE"], [5, 3, 0, 9, 0, "IMAGE"]]
    nodes = [made.node(*LOAD), other]
    assert inputs([*nodes, show(made)], links)["9"] == {"value": ["1", 0]}
    assert inputs([*nodes, show(made, 4)], links)["9"] == {"value": ["1", 0]}


def test_of_two_links_to_one_input_the_one_that_it_alone_names_counts(inputs, made):
    other = made.node(3, "LoadImage", ["b.png", "image"], (), ["IMAGE", "MASK"])
    links = [[4, 1, 0, 9, 0, "IMAGE"], [5, 3, 0, 9, 0, "IMAGE"]]
    nodes = [made.node(*LOAD), other, show(made, 5)]
    assert inputs(nodes, links)["9"] == {"value": ["3", 0]}


def test_the_first_of_two_links_with_one_id_counts(inputs, made):
    links = [[4, 1, 0, 9, 0, "IMAGE"], [4, 1, 1, 2, 1, "MASK"]]
    found = inputs([made.node(*LOAD), blur(made, mask=4), show(made, 4)], links)
    assert found["9"] == {"value": ["1", 0]}
    assert found["2"] == {}


def test_two_inputs_that_name_links_to_one_place_leave_the_other_open(inputs, made):
    links = [[4, 1, 1, 2, 1, "MASK"], [5, 1, 0, 2, 1, "IMAGE"]]
    found = inputs([made.node(*LOAD), blur(made, 4, 5)], links)
    assert found["2"] == {"mask": ["1", 1]}


def test_an_input_keeps_its_link_where_its_class_has_other_places_now(inputs, made):
    moved = made.node(2, "Blur", (), [("mask", "MASK", 5), ("image", "IMAGE", 4)], ["IMAGE"])
    links = [[5, 1, 1, 2, 0, "MASK"], [4, 1, 0, 2, 1, "IMAGE"]]
    assert inputs([made.node(*LOAD), moved], links)["2"] == {"image": ["1", 0], "mask": ["1", 1]}


def test_a_link_that_moves_does_not_take_the_place_of_one_that_stays(inputs, made):
    moved = made.node(2, "Blur", (), [("mask", "MASK", 5), ("image", "IMAGE", None)], ["IMAGE"])
    links = [[5, 1, 1, 2, 0, "MASK"], [4, 1, 0, 2, 1, "IMAGE"]]
    # 4 stays at the second place, the mask, which 5 names; 5 keeps the first.
    assert inputs([made.node(*LOAD), moved], links)["2"] == {"image": ["1", 1], "mask": ["1", 0]}


def test_an_input_that_the_class_has_no_more_keeps_its_link(inputs, made):
    grown = made.node(2, "Blur", (), [("image", "IMAGE", None), ("third", "IMAGE", 4)], ["IMAGE"])
    found = inputs([made.node(*LOAD), grown], [[4, 1, 0, 2, 1, "IMAGE"]])
    assert found["2"] == {"third": ["1", 0]}


def test_a_link_beyond_the_inputs_is_left_out(inputs, made):
    assert inputs([made.node(*LOAD), show(made)], [[4, 1, 0, 9, 7, "IMAGE"]])["9"] == {}


def test_the_first_link_to_an_output_of_a_subgraph_counts(classes, made):
    def link(link_id, origin, target, slot=0):
        ends = {"origin_id": origin, "origin_slot": 0, "target_id": target, "target_slot": slot}
        return {"id": link_id, "type": "IMAGE", **ends}

    inner = {
        "id": "abc",
        "name": "Two",
        "version": 1,
        "nodes": [made.node(*LOAD), made.node(2, *LOAD[1:])],
        "links": [link(1, 1, -20), link(2, 2, -20)],
        "inputs": [],
        "outputs": [{"name": "IMAGE", "type": "IMAGE", "linkIds": [2, 1]}],
    }
    nodes = [made.node(7, "abc", (), (), ["IMAGE"]), show(made)]
    export = made.export(nodes, [[4, 7, 0, 9, 0, "IMAGE"]], definitions={"subgraphs": [inner]})
    assert convert(export, classes).graph["9"]["inputs"] == {"value": ["7:1", 0]}


@pytest.mark.parametrize(("mode", "expected"), [(0, {"value": ["1", 0]}), (2, {})])
def test_a_muted_reroute_cuts_the_wire(inputs, made, mode, expected):
    reroute = made.node(2, "Reroute", (), [("", "*", 4)], ["IMAGE"], mode=mode)
    links = [[4, 1, 0, 2, 0, "*"], [6, 2, 0, 9, 0, "IMAGE"]]
    assert inputs([made.node(*LOAD), reroute, show(made, 6)], links)["9"] == expected


@pytest.mark.parametrize("author", ["comfy-core", "somebody"])
def test_an_input_that_comfyuis_own_class_lacks_is_left_out_and_told(classes, made, author):
    shown = made.node(9, "Show", (), [("value", "*", None), ("colour", "COMBO", 4)])
    shown["inputs"][1]["widget"] = {"name": "colour"}
    shown["properties"] = {"cnr_id": author}
    export = made.export([made.node(*LOAD), shown], [[4, 1, 0, 9, 1, "COMBO"]])
    conversion = convert(export, classes)
    is_core = author == "comfy-core"
    assert conversion.graph["9"]["inputs"] == ({} if is_core else {"colour": ["1", 0]})
    assert [
        'The node "Show" (9) has a value for colour' in sentence for sentence in conversion.losses
    ] == [True] * is_core


def test_lists_are_links_in_files_of_version_0_4_alone(classes, made):
    export = made.export([made.node(*LOAD), show(made, 4)], [[4, 1, 0, 9, 0, "IMAGE"]])
    del export["version"]
    conversion = convert(export, classes)
    assert conversion.graph["9"]["inputs"] == {}
    (sentence,) = conversion.losses
    assert sentence.startswith("The file does not say that it is of version 0.4")
    assert not conversion.is_whole
