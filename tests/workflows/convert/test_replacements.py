"""What is put into the names of saved files on export."""

from datetime import UTC, datetime

import pytest

from workflows.convert import convert

NOW = datetime(2026, 3, 9, 7, 5, 4, tzinfo=UTC)
SAMPLER = (3, "KSampler", [7, "fixed", 20, 8.0, "euler", "normal", 0.5])


def prefix(made, classes, pattern, *nodes, now=NOW, **more):
    save = made.node(9, "SaveImage", [pattern], [("images", "IMAGE")])
    export = made.export([*nodes, save], **more)
    return convert(export, classes, now=now).graph["9"]["inputs"]["filename_prefix"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("%date:yyyy-MM-dd%", "2026-03-09"),
        ("%date:d-M-yy hhmmss%", "9-3-26 070504"),
        ("%date:d.M.yy%", "9"),
        ("%date:d.M%", "%date:d.M%"),
        ("%date:h:m:s%", "7:5:4"),
        ("a/%date:yyyy%/b", "a/2026/b"),
        ("%date:x%", "x"),
        ("%width%x%height%", "%width%x%height%"),
        ("50% of %nobody%", "50% of %nobody%"),
    ],
)
def test_dates(made, classes, pattern, expected):
    assert prefix(made, classes, pattern) == expected


def test_without_a_time_dates_are_left_to_comfyui(made, classes):
    found = prefix(made, classes, "%date:yyyy-MM-dd hh:mm:ss% %date:yy%", now=None)
    assert found == "%year%-%month%-%day% %hour%:%minute%:%second% %year%"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("%KSampler.seed%", "7"),
        ("%KSampler.cfg%_%KSampler.denoise%", "8_0.5"),
        ("%KSampler.sampler_name%", "euler"),
        ("%KSampler.nothing%", "%KSampler.nothing%"),
        ("%Nobody.seed%", "%Nobody.seed%"),
        ("%KSampler.seed.more%", "%KSampler.seed.more%"),
    ],
)
def test_values_of_widgets(made, classes, pattern, expected):
    assert prefix(made, classes, pattern, made.node(*SAMPLER)) == expected


def test_a_node_is_found_by_its_own_name_before_its_title(made, classes):
    titled = made.node(4, "CLIPTextEncode", ["by title"], title="Words", mode=2)
    named = made.node(5, "CLIPTextEncode", ["by name"], properties={"Node name for S&R": "Words"})
    assert prefix(made, classes, "%Words.text%", titled, named) == "by name"
    assert prefix(made, classes, "%Words.text%", titled) == "by title"
    assert prefix(made, classes, "%CLIPTextEncode.text%", titled, named) == "by title"


def test_values_of_a_subgraph_and_of_what_is_in_it(made, classes):
    link = {"id": 1, "origin_id": -10, "origin_slot": 0, "target_id": 5, "target_slot": 0}
    inner = {
        "id": "inner",
        "nodes": [made.node(5, "Sum", [3, 4], [("a", "INT", 1, "a")], ["INT"])],
        "links": [link],
        "inputs": [{"name": "number", "type": "INT", "linkIds": [1]}],
    }
    host = made.node(2, "inner", [30], [("number", "INT", None, "number")], title="Twice")
    pattern = "%Twice.number% %Sum.b%"
    found = prefix(made, classes, pattern, host, definitions={"subgraphs": [inner]})
    assert found == "30 4"


def test_what_no_file_name_has_becomes_a_line(made, classes):
    text = made.node(4, "CLIPTextEncode", ['../a\\b:c*d?"e<f>g|h\n'], title="Words")
    assert prefix(made, classes, "x/%Words.text%", text) == "x/.._a_b_c_d__e_f_g_h_"


def test_other_classes_and_other_inputs_keep_their_text(made, classes):
    text = made.node(9, "CLIPTextEncode", ["%date:yyyy%"])
    graph = convert(made.export([text]), classes, now=NOW).graph
    assert graph["9"]["inputs"]["text"] == "%date:yyyy%"
