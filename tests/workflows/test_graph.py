import pytest

from workflows.errors import InvalidGraph
from workflows.graph import (
    MAX_NODES,
    MAX_TOLD,
    Link,
    Slot,
    consumers,
    find_link,
    parse_graph,
    title,
    unused_id,
    upstream,
)

NODE = {"class_type": "A", "inputs": {}}


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ([], "This is not a graph: the file must hold a JSON object. Export it from ComfyUI."),
        (None, "This is not a graph: the file must hold a JSON object. Export it from ComfyUI."),
        ({}, "The graph has no nodes. Export it from ComfyUI once more."),
        ({"1": 5}, 'Node "1" is not a JSON object.'),
        ({"1": {"inputs": {}}}, 'Node "1" has no class_type.'),
        ({"1": {"class_type": "", "inputs": {}}}, 'Node "1" has no class_type.'),
        ({"1": {"class_type": "A"}}, 'Node "1" has no inputs object.'),
        ({"1": {"class_type": "A", "inputs": []}}, 'Node "1" has no inputs object.'),
        (
            {"1": {"class_type": "A", "inputs": {"x": ["2", 0]}}},
            'Input "x" of node "1" is connected to node "2", which does not exist.',
        ),
    ],
)
def test_a_broken_graph_gets_its_sentence(raw, sentence):
    with pytest.raises(InvalidGraph) as caught:
        parse_graph(raw)
    assert caught.value.sentences == (sentence,)


def test_every_broken_node_is_told_at_once():
    with pytest.raises(InvalidGraph) as caught:
        parse_graph({"1": 5, "2": {"class_type": "A"}, "3": NODE})
    assert len(caught.value.sentences) == 2


def test_of_very_many_mistakes_the_first_are_told():
    with pytest.raises(InvalidGraph) as caught:
        parse_graph({str(number): 5 for number in range(1_000)})
    *told, last = caught.value.sentences
    assert len(told) == MAX_TOLD
    assert last == "There are more mistakes like these."


def test_a_graph_has_no_more_nodes_than_anybody_draws():
    parse_graph({str(number): NODE for number in range(MAX_NODES)})
    with pytest.raises(InvalidGraph, match="more than 20,000 nodes"):
        parse_graph({str(number): NODE for number in range(MAX_NODES + 1)})


def test_of_a_large_circle_some_nodes_are_told():
    around = {
        str(number): {"class_type": "A", "inputs": {"x": [str((number + 1) % 500), 0]}}
        for number in range(500)
    }
    with pytest.raises(InvalidGraph, match=r"circle: .*, …") as caught:
        parse_graph(around)
    assert len(str(caught.value)) < 500


def test_a_circle_is_refused():
    around = {
        "1": {"class_type": "A", "inputs": {"x": ["2", 0]}},
        "2": {"class_type": "A", "inputs": {"x": ["1", 0]}},
    }
    with pytest.raises(InvalidGraph, match="depend on each other in a circle"):
        parse_graph(around)


def test_an_export_of_the_editor_is_recognised():
    with pytest.raises(InvalidGraph, match=r"Export \(API\)"):
        parse_graph({"nodes": [{"id": 1}], "links": [], "version": 0.4})


@pytest.mark.parametrize("value", ["text", 1, None, [], ["1"], [1, 0], ["1", True], ["1", 0, 0]])
def test_only_an_id_and_an_output_are_a_link(value):
    assert find_link(value) is None


def test_consumers_are_the_inputs_connected_to_one_output(graph):
    assert consumers(graph, Link("4", 0)) == (Slot("3", "model"),)
    assert consumers(graph, Link("4", 1)) == (Slot("6", "clip"),)
    assert consumers(graph, Link("4", 2)) == ()


def test_upstream_is_all_that_an_output_depends_on(graph):
    assert upstream(graph, ["9"]) == {"9", "3", "4", "5", "6"}
    assert upstream(graph, ["6"]) == {"6", "4"}


def test_a_node_is_called_by_its_title_or_else_by_its_class(graph):
    assert title(graph, "9") == "Keep"
    assert title(graph, "3") == "KSampler"
    graph["3"]["_meta"] = "odd"
    assert title(graph, "3") == "KSampler"


def test_an_unused_id_is_one_more_than_the_largest(graph):
    assert unused_id(graph) == "11"
    assert unused_id({"12:7": NODE, "²": NODE}) == "1"
