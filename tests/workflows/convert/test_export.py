"""What is read of a file of the editor, and what is passed over."""

import pytest

from workflows.convert.export import EditorLink, EditorNode, Port, Socket, parse_export, parse_node
from workflows.errors import InvalidGraph

LISTED = [4, 1, 0, 2, 3, "IMAGE"]
NAMED = {"id": 4, "origin_id": 1, "origin_slot": 0, "target_id": 2, "target_slot": 3}
PARSED = {"4": EditorLink("1", 0, "2", 3)}


def test_all_of_a_node_is_read():
    socket = {"name": "a", "type": "INT", "link": 0, "widget": {"name": "w"}, "label": "Amount"}
    node = {
        "id": 7,
        "type": "Sum",
        "mode": 4,
        "title": "Total",
        "inputs": [socket],
        "outputs": [{"type": "INT"}],
        "widgets_values": [1, 2],
        "properties": {"a": 1},
        "widgets_values_named": {"a": 1},
    }
    inputs = (Socket("a", "INT", "0", "w", "Amount"),)
    read = parse_node(node)
    assert read == EditorNode("7", "Sum", 4, "Total", inputs, ("INT",), [1, 2], {"a": 1}, {"a": 1})
    assert (read.is_off, read.name) == (True, '"Total" (7)')
    assert (read.socket_of("0"), read.socket_of("1")) == (inputs[0], None)


def test_what_has_another_type_in_a_node_is_passed_over():
    node = {
        "id": 7,
        "type": "T2IAdapterLoader",
        "mode": "x",
        "title": 5,
        "inputs": [{"type": ["a", "b"], "widget": "w", "label": ""}, "x"],
        "outputs": [{"type": 0}, {}],
        "widgets_values": "x",
        "properties": [],
        "widgets_values_named": 3,
    }
    read = parse_node(node)
    assert read == EditorNode(
        "7", "ControlNetLoader", inputs=(Socket("", "COMBO"),), outputs=("*", "*")
    )
    assert (read.is_off, read.name) == (False, '"ControlNetLoader" (7)')
    assert parse_node({"id": 1, "type": "Sum"}) == EditorNode("1", "Sum")


@pytest.mark.parametrize(("mode", "is_off"), [(0, False), (1, False), (2, True), (4, True)])
def test_a_muted_or_bypassed_node_is_off(mode, is_off):
    assert parse_node({"id": 1, "type": "Sum", "mode": mode}).is_off == is_off


@pytest.mark.parametrize(
    ("version", "links", "found", "ignores"),
    [
        (0.4, [LISTED], PARSED, False),
        (0.4, [LISTED[:5]], PARSED, False),
        (1, [NAMED], PARSED, False),
        (None, [NAMED], PARSED, False),
        (1, [NAMED, LISTED], PARSED, False),
        (1, [LISTED], {}, True),
        (0.4, [NAMED], {}, False),
        (0.4, [LISTED[:4]], {}, True),
        (0.4, [[4, 1, -1, 2, 0]], {}, True),
        (0.4, [[4, 1, 0, 2, -1]], {}, True),
        (0.4, [[4, 1, "0", 2, 0]], {}, True),
        (1, [{**NAMED, "origin_slot": -1}], {}, False),
        (1, [{**NAMED, "target_slot": "3"}], {}, False),
        (0.4, [LISTED, [4, 9, 9, 9, 9]], PARSED, False),
        (0.4, {"4": LISTED}, {}, False),
        (0.4, None, {}, False),
    ],
)
def test_links_are_read_in_the_form_of_the_files_version(version, links, found, ignores):
    export = parse_export({"nodes": [], "links": links, "version": version})
    assert (export.graph.links, export.ignores_links) == (found, ignores)


@pytest.mark.parametrize(("extra", "read"), [({"a": 1}, {"a": 1}), ([], {}), (None, {})])
def test_extra_of_a_file_is_a_table(extra, read):
    assert parse_export({"nodes": [], "extra": extra}).extra == read


@pytest.mark.parametrize("raw", [{}, {"nodes": None}, {"nodes": {"1": {}}}])
def test_a_file_without_a_list_of_nodes_is_refused(raw):
    with pytest.raises(InvalidGraph, match="no list of nodes"):
        parse_export(raw)


def test_ports_of_a_subgraph_are_read():
    inputs = [
        {"name": "a", "type": "INT", "linkIds": [1, "2"], "label": "Amount"},
        {"linkIds": 3, "label": 4},
        "x",
    ]
    whole = {"id": 5, "name": "Twice", "nodes": [], "inputs": inputs, "outputs": [{"name": "b"}]}
    others = [{"id": 6, "name": "", "nodes": []}, {"nodes": []}, "x"]
    export = parse_export({"nodes": [], "definitions": {"subgraphs": [whole, *others]}})
    assert {name: (one.id, one.name) for name, one in export.subgraphs.items()} == {
        "5": ("5", "Twice"),
        "6": ("6", "6"),
    }
    assert export.subgraphs["5"].inputs == (
        Port("a", "INT", ("1", "2"), "Amount"),
        Port("", "*", ()),
    )
    assert export.subgraphs["5"].outputs == (Port("b", "*", ()),)
    assert export.subgraphs["6"].inputs == ()


@pytest.mark.parametrize("definitions", [None, [], {"subgraphs": None}, {"subgraphs": {}}])
def test_a_file_without_definitions_has_no_subgraphs(definitions):
    assert parse_export({"nodes": [], "definitions": definitions}).subgraphs == {}
