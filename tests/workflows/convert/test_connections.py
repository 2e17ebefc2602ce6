"""What an input comes from, through all that no backend ever sees."""

import pytest

from workflows.convert import convert
from workflows.errors import InvalidGraph

LOAD = (1, "LoadImage", ["a.png", "image"], (), ["IMAGE", "MASK"])


def show(made, link, **more):
    return made.node(9, "Show", (), [("value", "IMAGE", link)], **more)


def test_a_link_as_a_list_and_as_an_object_are_the_same(classes, made):
    nodes = [made.node(*LOAD), show(made, 4)]
    old = made.export(nodes, [[4, 1, 0, 9, 0, "IMAGE"]])
    link = {"id": 4, "origin_id": 1, "origin_slot": 0, "target_id": 9, "target_slot": 0}
    new = {**made.export(nodes), "version": 1, "links": [{**link, "type": "IMAGE"}]}
    assert convert(old, classes).graph == convert(new, classes).graph
    assert convert(new, classes).graph["9"]["inputs"] == {"value": ["1", 0]}


def test_a_class_that_was_renamed_is_what_it_is_called_now(classes, made):
    export = made.export([made.node(1, "T2IAdapterLoader", ["a.pth"], (), ["CONTROL_NET"])])
    assert set(convert(export, classes).unknown) == {"ControlNetLoader"}


def test_corners_of_a_link_change_nothing(inputs, made):
    found = inputs(
        [made.node(*LOAD), show(made, 4)],
        [[4, 1, 0, 9, 0, "IMAGE"]],
        extra={
            "linkExtensions": [{"id": 4, "parentId": 1}],
            "reroutes": [{"id": 1, "pos": [0, 0], "linkIds": [4]}],
        },
    )
    assert found["9"] == {"value": ["1", 0]}


def test_reroutes_vanish(inputs, made):
    found = inputs(
        [
            made.node(*LOAD),
            made.node(2, "Reroute", (), [("", "*", 4)], ["IMAGE"]),
            made.node(3, "Reroute (rgthree)", (), [("", "*", 5)], ["IMAGE"]),
            show(made, 6),
        ],
        [[4, 1, 0, 2, 0, "*"], [5, 2, 0, 3, 0, "*"], [6, 3, 0, 9, 0, "IMAGE"]],
    )
    assert set(found) == {"1", "9"}
    assert found["9"] == {"value": ["1", 0]}


@pytest.mark.parametrize("kind", ["{}Node", "easy {}Node"])
def test_get_and_set_are_connected_by_name(inputs, made, kind):
    get, put = ("GetNode", "SetNode") if kind == "{}Node" else ("easy getNode", "easy setNode")
    found = inputs(
        [
            made.node(*LOAD),
            made.node(2, put, ["photo"], [("IMAGE", "IMAGE", 4)]),
            made.node(3, get, ["photo"], (), ["IMAGE"]),
            show(made, 6),
        ],
        [[4, 1, 0, 2, 0, "IMAGE"], [6, 3, 0, 9, 0, "IMAGE"]],
    )
    assert found["9"] == {"value": ["1", 0]}
    assert set(found) == {"1", "9"}


def test_a_primitive_gives_its_value(inputs, made):
    found = inputs(
        [
            made.node(1, "PrimitiveNode", [42, "fixed"], (), ["INT"]),
            made.node(2, "Sum", [1, 2], [("a", "INT", 4, "a")]),
        ],
        [[4, 1, 0, 2, 0, "INT"]],
    )
    assert found == {"2": {"a": 42, "b": 2}}


def test_a_stale_position_does_not_mislead_a_primitive(inputs, made):
    found = inputs(
        [
            made.node(1, "PrimitiveNode", [42, "fixed"], (), ["INT"]),
            made.node(2, "Sum", [1, 2], [("b", "INT", 4, "b"), ("a", "INT", None, "a")]),
        ],
        [[4, 1, 0, 2, 1, "INT"]],
    )
    assert found == {"2": {"a": 1, "b": 42}}


def test_a_bypassed_node_passes_what_fits(inputs, made):
    found = inputs(
        [
            made.node(*LOAD),
            made.node(
                2, "Blur", (), [("mask", "MASK", 5), ("image", "IMAGE", 4)], ["IMAGE"], mode=4
            ),
            show(made, 6),
        ],
        [[4, 1, 0, 2, 1, "IMAGE"], [5, 1, 1, 2, 0, "MASK"], [6, 2, 0, 9, 0, "IMAGE"]],
    )
    assert found == {"1": {"image": "a.png"}, "9": {"value": ["1", 0]}}


def test_a_muted_node_takes_its_connections_along(inputs, made):
    found = inputs(
        [made.node(*LOAD, mode=2), show(made, 4)],
        [[4, 1, 0, 9, 0, "IMAGE"]],
    )
    assert found == {"9": {}}


@pytest.mark.parametrize("link", [77, 4])
@pytest.mark.parametrize("origin", [1, -10])
def test_a_link_from_nothing_is_no_link(inputs, made, link, origin):
    """-10 is the outside of a subgraph."""
    assert inputs([show(made, link)], [[4, origin, 0, 9, 0, "IMAGE"]]) == {"9": {}}


def test_notes_are_left_out(inputs, made):
    assert inputs([made.node(1, "Note", ["hi"]), made.node(2, "Label (rgthree)")]) == {}


def test_unknown_classes_are_told_with_their_nodes(classes, made):
    nodes = [
        made.node(1, "Dream", (), (), ["IMAGE"], title="My dream"),
        made.node(2, "Dream", (), (), ["IMAGE"]),
        show(made, 4),
    ]
    conversion = convert(made.export(nodes, [[4, 1, 0, 9, 0, "IMAGE"]]), classes)
    assert conversion.unknown == {"Dream": ('"My dream" (1)', '"Dream" (2)')}
    assert conversion.graph["9"]["inputs"] == {"value": ["1", 0]}
    assert "class_type" not in conversion.sent["1"]
    with pytest.raises(InvalidGraph, match=r'Dream is not installed; "My dream" \(1\)'):
        conversion.require_known()


def test_reroutes_in_a_circle_are_refused(inputs, made):
    nodes = [
        made.node(1, "Reroute", (), [("", "*", 4)], ["*"]),
        made.node(2, "Reroute", (), [("", "*", 5)], ["*"]),
        show(made, 6),
    ]
    links = [[4, 2, 0, 1, 0, "*"], [5, 1, 0, 2, 0, "*"], [6, 2, 0, 9, 0, "*"]]
    with pytest.raises(InvalidGraph, match="in a circle"):
        inputs(nodes, links)


def test_reroutes_are_followed_over_two_hundred_and_no_more(inputs, made):
    def rerouted(count):
        nodes = [made.node(10 + n, "Reroute", (), [("", "*", n)], ["*"]) for n in range(count)]
        links = [[n, 9 + n, 0, 10 + n, 0, "*"] for n in range(1, count)]
        links += [[0, 1, 0, 10, 0, "*"], [count, 9 + count, 0, 9, 0, "IMAGE"]]
        return inputs([made.node(*LOAD), *nodes, show(made, count)], links)

    assert rerouted(200)["9"] == {"value": ["1", 0]}
    with pytest.raises(InvalidGraph, match="too many reroutes"):
        rerouted(201)


def test_a_node_that_connects_without_links_is_told(classes, made):
    nodes = [made.node(1, "Anything Everywhere", (), [("anything", "*", None)])]
    conversion = convert(made.export(nodes), classes)
    assert '"Anything Everywhere" (1) connects others without a link' in conversion.losses[0]


def test_nodes_that_depend_on_each_other_are_refused(inputs, made):
    nodes = [
        made.node(1, "Blur", (), [("image", "IMAGE", 4)], ["IMAGE"]),
        made.node(2, "Blur", (), [("image", "IMAGE", 5)], ["IMAGE"]),
    ]
    with pytest.raises(InvalidGraph, match='in a circle: "'):
        inputs(nodes, [[4, 2, 0, 1, 0, "IMAGE"], [5, 1, 0, 2, 0, "IMAGE"]])
