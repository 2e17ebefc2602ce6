"""Subgraphs, and the group nodes of older editors."""

import pytest

from workflows.convert.export import EditorGraph, EditorNode, Export
from workflows.convert.flattening import GraphInstance
from workflows.errors import InvalidGraph
from workflows.graph import MAX_NODES

INNER = {
    "id": "inner",
    "name": "Twice",
    "inputs": [
        {"id": "x", "name": "number", "type": "INT", "linkIds": [1]},
        {"id": "y", "name": "picture", "type": "IMAGE", "linkIds": [2]},
    ],
    "outputs": [{"id": "z", "name": "out", "type": "IMAGE", "linkIds": [3]}],
}


def link(link_id, origin, origin_slot, target, target_slot, kind):
    return {
        "id": link_id,
        "origin_id": origin,
        "origin_slot": origin_slot,
        "target_id": target,
        "target_slot": target_slot,
        "type": kind,
    }


@pytest.fixture
def inner(made):
    """Shows the first number of a sum and a picture that passes a blur."""
    return {
        **INNER,
        "nodes": [
            made.node(5, "Sum", [3, 4], [("a", "INT", 1, "a")], ["INT"]),
            made.node(6, "Blur", (), [("image", "IMAGE", 2)], ["IMAGE"]),
        ],
        "links": [
            link(1, -10, 0, 5, 0, "INT"),
            link(2, -10, 1, 6, 0, "IMAGE"),
            link(3, 6, 0, -20, 0, "IMAGE"),
        ],
    }


def around(made, host_values=(), links=(), **more):
    """An instance with the id 2 between a picture and an output."""
    nodes = [
        made.node(1, "LoadImage", ["a.png", "image"], (), ["IMAGE", "MASK"]),
        made.node(
            2,
            "inner",
            host_values,
            [("number", "INT", None, "number"), ("picture", "IMAGE", 4)],
            ["IMAGE"],
            **more,
        ),
        made.node(9, "Show", (), [("value", "IMAGE", 6)]),
    ]
    return nodes, [[4, 1, 0, 2, 1, "IMAGE"], [6, 2, 0, 9, 0, "IMAGE"], *links]


def test_values_of_an_instance_go_by_name_where_a_class_lacks_a_widget(inputs, made, inner):
    gone = {"id": "w", "name": "gone", "type": "INT", "linkIds": [4]}
    inner["inputs"] = [*inner["inputs"], gone]
    inner["nodes"].append(made.node(8, "Sum", [1, 2], [("gone", "INT", 4, "gone")], ["INT"]))
    inner["links"].append(link(4, -10, 2, 8, 0, "INT"))
    named = {"widgets_values_named": {"gone": 7, "number": 30}}
    nodes, links = around(made, [7, 30], **named)
    found = inputs(nodes, links, definitions={"subgraphs": [inner]})
    assert found["2:5"] == {"a": 30, "b": 4}
    assert found["2:8"] == {"a": 1, "b": 2}


@pytest.mark.parametrize("widget", ["a", None])
def test_a_subgraph_is_unfolded_with_the_instances_values(inputs, made, inner, widget):
    """Older editors did not say which widget an input stands for."""
    inner["nodes"][0] = made.node(5, "Sum", [3, 4], [("a", "INT", 1, widget)], ["INT"])
    nodes, links = around(made, [30])
    found = inputs(nodes, links, definitions={"subgraphs": [inner]})
    assert found["2:5"] == {"a": 30, "b": 4}
    assert found["2:6"] == {"image": ["1", 0]}
    assert found["9"] == {"value": ["2:6", 0]}


@pytest.mark.parametrize("slot", [1, 2])
def test_an_output_that_a_subgraph_has_not_connects_nothing(inputs, made, inner, slot):
    nodes, links = around(made)
    links[1][2] = slot
    found = inputs(nodes, links, definitions={"subgraphs": [inner]})
    assert "value" not in found["9"]


def test_the_definitions_value_stands_where_the_instance_has_none(inputs, made, inner):
    nodes, links = around(made)
    found = inputs(nodes, links, definitions={"subgraphs": [inner]})
    assert found["2:5"] == {"a": 3, "b": 4}


def test_promoted_widgets_by_their_list(inputs, made, inner):
    nodes, links = around(
        made, [30, 40], properties={"proxyWidgets": [["-1", "number"], ["5", "b"]]}
    )
    found = inputs(nodes, links, definitions={"subgraphs": [inner]})
    assert found["2:5"] == {"a": 30, "b": 40}


def test_a_promoted_primitive_changes_what_it_is_connected_to_and_nothing_else(inputs, made, inner):
    inner["nodes"] += [
        made.node(3, "PrimitiveNode", [7, "fixed"], (), ["INT"]),
        made.node(4, "PrimitiveNode", [42, "fixed"], (), ["INT"]),
        made.node(8, "Sum", [0, 0], [("a", "INT", 4, "a"), ("b", "INT", 5, "b")], ["INT"]),
    ]
    inner["links"] += [link(4, 3, 0, 8, 0, "INT"), link(5, 4, 0, 8, 1, "INT")]
    promoted = {"proxyWidgets": [["-1", "number"], ["4", "value"]]}
    nodes, links = around(made, [30, 50], properties=promoted)
    found = inputs(nodes, links, definitions={"subgraphs": [inner]})
    assert found["2:8"] == {"a": 7, "b": 50}


def test_definitions_are_read_from_thirty_two_levels_and_no_more(inputs, made, inner):
    def nested(levels):
        definition = inner
        for level in range(levels - 1):
            definition = {
                "id": f"level {level}",
                "nodes": [],
                "definitions": {"subgraphs": [definition]},
            }
        return inputs(*around(made, [30]), definitions={"subgraphs": [definition]})

    assert nested(32)["2:5"] == {"a": 30, "b": 4}
    with pytest.raises(InvalidGraph, match="nested too deeply"):
        nested(33)


def test_values_of_widgets_whose_class_is_unknown_are_not_taken_for_others(inputs, made, inner):
    style = {"id": "w", "name": "style", "type": "STRING", "linkIds": [4]}
    inner["inputs"] = [style, *inner["inputs"]]
    inner["nodes"].append(made.node(8, "NotInstalled", ["a"], [("style", "STRING", 4, "style")]))
    for one in inner["links"]:
        one["origin_slot"] += one["origin_id"] == -10
    inner["links"].append(link(4, -10, 0, 8, 0, "STRING"))
    nodes, links = around(made, ["bold", 30])
    found = inputs(nodes, links, definitions={"subgraphs": [inner]})
    assert found["2:5"] == {"a": 30, "b": 4}
    assert found["2:8"]["style"] == "bold"


@pytest.mark.parametrize("mode", [2, 4])
def test_a_subgraph_that_is_switched_off_is_not_unfolded(inputs, made, inner, mode):
    nodes, links = around(made, mode=mode)
    found = inputs(nodes, links, definitions={"subgraphs": [inner]})
    assert set(found) == {"1", "9"}
    assert found["9"] == ({"value": ["1", 0]} if mode == 4 else {})


@pytest.mark.parametrize("slot", [1, 2])
def test_an_output_that_is_an_input_passes_it_on(inputs, made, inner, slot):
    """The picture, or an input that the subgraph does not have."""
    inner["links"][2] = link(3, -10, slot, -20, 0, "IMAGE")
    found = inputs(*around(made), definitions={"subgraphs": [inner]})
    assert found["9"] == ({"value": ["1", 0]} if slot == 1 else {})


@pytest.mark.parametrize("mode", [2, 4])
def test_a_subgraph_inside_another_runs_even_if_it_is_switched_off(inputs, made, inner, mode):
    host = made.node(7, "inner", [50], [("number", "INT"), ("picture", "IMAGE")], ["IMAGE"])
    outer = {**INNER, "id": "outer", "nodes": [{**host, "mode": mode}], "links": []}
    nodes, links = around(made)
    nodes[1]["type"] = "outer"
    found = inputs(nodes, links, definitions={"subgraphs": [outer, inner]})
    assert found["2:7:5"] == {"a": 50, "b": 4}


def test_subgraphs_are_unfolded_to_thirty_two_levels_and_no_more(inputs, made):
    def nested(levels):
        definitions = [
            {"id": str(n), "nodes": [made.node(1, str(n + 1))], "links": []} for n in range(levels)
        ]
        definitions[-1]["nodes"] = [made.node(1, "Sum", [3, 4])]
        return inputs([made.node(1, "0")], definitions={"subgraphs": definitions})

    assert nested(32) == {":".join(["1"] * 33): {"a": 3, "b": 4}}
    with pytest.raises(InvalidGraph, match="contains itself"):
        nested(33)


def test_subgraphs_inside_subgraphs(inputs, made, inner):
    outer = {
        **INNER,
        "id": "outer",
        "nodes": [
            made.node(
                7,
                "inner",
                [50],
                [("number", "INT", 1, "number"), ("picture", "IMAGE", 2)],
                ["IMAGE"],
            )
        ],
        "links": [
            link(1, -10, 0, 7, 0, "INT"),
            link(2, -10, 1, 7, 1, "IMAGE"),
            link(3, 7, 0, -20, 0, "IMAGE"),
        ],
    }
    nodes, links = around(made, [60])
    nodes[1]["type"] = "outer"
    found = inputs(nodes, links, definitions={"subgraphs": [outer, inner]})
    assert found["2:7:5"] == {"a": 60, "b": 4}
    assert found["2:7:6"] == {"image": ["1", 0]}
    assert found["9"] == {"value": ["2:7:6", 0]}


def test_a_subgraph_that_contains_itself_is_refused(inputs, made, inner):
    inner["nodes"].append(made.node(7, "inner"))
    nodes, links = around(made)
    with pytest.raises(InvalidGraph, match="contains itself"):
        inputs(nodes, links, definitions={"subgraphs": [inner]})


def test_doubling_subgraphs_are_refused(inputs, made):
    levels = [
        {
            **INNER,
            "id": f"level{n}",
            "nodes": [made.node(1, f"level{n + 1}"), made.node(2, f"level{n + 1}")] * (n < 14),
            "links": [],
        }
        for n in range(15)
    ]
    with pytest.raises(InvalidGraph, match="more than 20,000 nodes"):
        inputs([made.node(1, "level0")], definitions={"subgraphs": levels})


def test_so_many_nodes_are_flattened_and_no_more(classes):
    def flattened(count):
        graph = EditorGraph({str(n): EditorNode(str(n), "Note") for n in range(count)}, {})
        return GraphInstance(Export(graph, {}, {}, ignores_links=False), classes, graph)

    assert list(flattened(MAX_NODES).walk()) == []
    with pytest.raises(InvalidGraph, match="more than 20,000 nodes"):
        flattened(MAX_NODES + 1)


@pytest.fixture
def group(made):
    """A sum whose first number a primitive gives, a seed, and a blur; their outputs are open."""
    return {
        "nodes": [
            made.node(0, "PrimitiveNode", [42, "fixed"], (), ["INT"], title="Count"),
            made.node(0, "Sum", [3, 4], [("a", "INT", None, "a")], ["INT"]),
            made.node(0, "KSampler", [7, "fixed", 20, 8.0, "euler", "normal", 1.0], (), ["LATENT"]),
            made.node(0, "Blur", (), [("image", "IMAGE"), ("mask", "MASK")], ["IMAGE"]),
            made.node(0, "Blur", (), [("image", "IMAGE"), ("mask", "MASK")], ["IMAGE"]),
        ],
        "links": [[0, 0, 1, 0, 5, "INT"], [3, 0, 4, 0, 6, "IMAGE"]],
        "external": [],
    }


@pytest.mark.parametrize("prefix", ["workflow>", "workflow/"])
def test_a_group_node_is_unfolded(inputs, made, group, prefix):
    values = [99, "fixed", 44, 11, "fixed", 21, 7.5, "heun", "simple", 0.5]
    sockets = [("model", "MODEL"), ("image", "IMAGE", 4), ("Blur mask", "MASK", 5)]
    nodes = [
        made.node(1, "LoadImage", ["a.png", "image"], (), ["IMAGE", "MASK"]),
        made.node(2, f"{prefix}Mix", values, sockets, ["INT", "LATENT", "IMAGE"]),
        made.node(9, "Show", (), [("value", "IMAGE", 6)]),
    ]
    links = [[4, 1, 0, 2, 1, "IMAGE"], [5, 1, 1, 2, 2, "MASK"], [6, 2, 2, 9, 0, "IMAGE"]]
    found = inputs(nodes, links, extra={"groupNodes": {"Mix": group}})
    assert found == {
        "1": {"image": "a.png"},
        "2:1": {"a": 99, "b": 44},
        "2:2": {
            "seed": 11,
            "steps": 21,
            "cfg": 7.5,
            "sampler_name": "heun",
            "scheduler": "simple",
            "denoise": 0.5,
        },
        "2:3": {"image": ["1", 0]},
        "2:4": {"image": ["2:3", 0], "mask": ["1", 1]},
        "9": {"value": ["2:4", 0]},
    }


@pytest.mark.parametrize(
    ("config", "shown"),
    [({}, "MASK"), ({"0": {"input": {"MASK": {"name": "where"}}}}, "where")],
)
def test_a_reroute_at_a_groups_border_is_named_by_what_passes(inputs, made, config, shown):
    group = {
        "nodes": [
            made.node(0, "Reroute", (), [("", "*")], ["*"]),
            made.node(0, "Blur", (), [("image", "IMAGE"), ("mask", "MASK")], ["IMAGE"]),
        ],
        "links": [[None, 1, 0, 0, 50, "MASK"], [0, 0, 1, 1, 66, "MASK"]],
        "external": [],
        "config": config,
    }
    sockets = [(shown, "MASK", 5), ("image", "IMAGE", 4)]
    nodes = [
        made.node(1, "LoadImage", ["a.png", "image"], (), ["IMAGE", "MASK"]),
        made.node(2, "workflow>Soften", (), sockets, ["IMAGE"]),
        made.node(9, "Show", (), [("value", "IMAGE", 6)]),
    ]
    links = [[4, 1, 0, 2, 1, "IMAGE"], [5, 1, 1, 2, 0, "MASK"], [6, 2, 0, 9, 0, "IMAGE"]]
    found = inputs(nodes, links, extra={"groupNodes": {"Soften": group}})
    assert found["2:1"] == {"image": ["1", 0], "mask": ["1", 1]}


def test_a_primitive_of_a_group_that_has_no_values_takes_one_and_its_control(inputs, made):
    group = {
        "nodes": [
            made.node(0, "PrimitiveNode", (), (), ["INT"]),
            made.node(0, "Sum", [3, 4], [("a", "INT", None, "a")], ["INT"]),
        ],
        "links": [[0, 0, 1, 0, 5, "INT"]],
    }
    nodes = [made.node(1, "workflow>Mix", [99, "fixed", 44])]
    assert inputs(nodes, extra={"groupNodes": {"Mix": group}}) == {"1:1": {"a": 99, "b": 44}}


def test_widgets_that_a_class_got_later_take_no_values_of_an_older_group(inputs, made):
    group = {
        "nodes": [made.node(0, "Sum", [3], (), ["INT"]), made.node(0, "Sum", [5, 6], (), ["INT"])],
        "links": [],
    }
    found = inputs(
        [made.node(1, "workflow>Two", [30, 50, 60])], extra={"groupNodes": {"Two": group}}
    )
    assert found == {"1:0": {"a": 30, "b": 2}, "1:1": {"a": 50, "b": 60}}


def test_a_group_inside_itself_is_refused(inputs, made):
    definition = {"nodes": [made.node(0, "workflow>Loop")], "links": []}
    with pytest.raises(InvalidGraph, match="contain"):
        inputs([made.node(1, "workflow>Loop")], extra={"groupNodes": {"Loop": definition}})


def test_groups_that_multiply_are_refused(inputs, made):
    definitions = {
        f"level{n}": {"nodes": [made.node(0, f"workflow>level{n + 1}")] * size, "links": []}
        for n, size in enumerate((150, 150, 0))
    }
    with pytest.raises(InvalidGraph, match="more than 20,000 nodes"):
        inputs([made.node(1, "workflow>level0")], extra={"groupNodes": definitions})


@pytest.mark.parametrize("depth", [1, 15])
def test_a_value_of_a_group_reaches_the_groups_inside(inputs, made, depth):
    """One value of two: the other stays as the inner group has it."""
    definitions = {"0": {"nodes": [made.node(0, "Sum", [3, 4], (), ["INT"])], "links": []}}
    for n in range(depth):
        inner = made.node(0, f"workflow>{n}", [5, 6], (), ["INT"])
        definitions[str(n + 1)] = {"nodes": [inner], "links": []}
    found = inputs([made.node(1, f"workflow>{depth}", [30])], extra={"groupNodes": definitions})
    assert found == {":".join(["1", *["0"] * (depth + 1)]): {"a": 30, "b": 6}}


@pytest.mark.parametrize(
    ("values", "number"), [({"number": 30, "gone": 1}, 30), ({}, 3), ({"number": None}, None)]
)
def test_an_instances_values_by_name(inputs, made, inner, values, number):
    nodes, links = around(made, values)
    found = inputs(nodes, links, definitions={"subgraphs": [inner]})
    assert found["2:5"] == {"a": number, "b": 4}


@pytest.mark.parametrize("widget", ["number", None])
@pytest.mark.parametrize(
    ("entries", "values", "number"),
    [
        ([["7", "number"], ["7", "gone"]], [60], 60),
        ([["7"], ["7", "1: number"]], [60], 60),
        ([["7", "number"]], [None], 3),
        ([["8", "number"]], [60], 3),
    ],
)
def test_a_widget_promoted_through_two_subgraphs(
    inputs, made, inner, widget, entries, values, number
):
    sockets = [("number", "INT", 1, widget), ("picture", "IMAGE", 2)]
    outer = {
        **INNER,
        "id": "outer",
        "nodes": [made.node(7, "inner", (), sockets, ["IMAGE"])],
        "links": [
            link(1, -10, 0, 7, 0, "INT"),
            link(2, -10, 1, 7, 1, "IMAGE"),
            link(3, 7, 0, -20, 0, "IMAGE"),
        ],
    }
    nodes, links = around(made, values, properties={"proxyWidgets": entries})
    nodes[1]["type"] = "outer"
    found = inputs(nodes, links, definitions={"subgraphs": [outer, inner]})
    assert found["2:7:5"] == {"a": number, "b": 4}


@pytest.mark.parametrize("widget", ["a", None])
@pytest.mark.parametrize(("values", "total"), [([50], 50), ([None], 9), ([], 9)])
def test_a_promoted_primitive_without_a_value_has_that_of_the_widget_behind_it(
    inputs, made, inner, widget, values, total
):
    inner["nodes"] += [
        made.node(4, "PrimitiveNode", [42, "fixed"], (), ["INT"]),
        made.node(7, "Sum", [1, 1], (), ["INT"], mode=2),
        made.node(8, "Sum", [9, 10], [("a", "INT", 4, widget), ("b", "INT", 5, "b")], ["INT"]),
    ]
    inner["links"] += [link(4, 4, 0, 8, 0, "INT"), link(5, 7, 0, 8, 1, "INT")]
    nodes, links = around(made, values, properties={"proxyWidgets": [["4", "value"]]})
    found = inputs(nodes, links, definitions={"subgraphs": [inner]})
    assert found["2:8"] == {"a": total, "b": 10}
