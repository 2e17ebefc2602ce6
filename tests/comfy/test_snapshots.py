import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from comfy.messages import parse_frame
from comfy.snapshots import find_running

names = st.text(max_size=8) | st.sampled_from(["3", '"state": "running"', '{"', "}", "\\\\", "ä"])
numbers = st.none() | st.booleans() | st.integers(-3, 50) | st.floats()


@st.composite
def entries(draw, node_id):
    """A node as a server writes it: its id is its key."""
    entry = {
        "value": draw(numbers),
        "max": draw(numbers),
        "state": draw(st.sampled_from(["running", "finished", "error", "pending"])),
        "node_id": node_id,
        "prompt_id": "p",
        "display_node_id": draw(names | st.none()),
        "parent_node_id": None,
    }
    if draw(st.booleans()):
        entry["of a newer server"] = draw(st.dictionaries(names, names, max_size=2))
    return entry


@st.composite
def snapshots(draw):
    ids = draw(st.lists(names, max_size=5, unique=True))
    nodes = {node_id: draw(entries(node_id)) for node_id in ids}
    return {"type": "progress_state", "data": {"prompt_id": draw(names), "nodes": nodes}}


@given(snapshots())
@example({"type": "progress_state", "data": {"prompt_id": "p", "nodes": {}}})
def test_the_short_way_reads_what_the_full_parser_reads(snapshot):
    spaced, dense = json.dumps(snapshot), json.dumps(snapshot, separators=(",", ":"))
    assert find_running(dense) is None
    assert parse_frame(spaced) == parse_frame(dense)


@given(st.text(max_size=80))
def test_the_short_way_never_raises(rest):
    find_running('{"type": "progress_state", "data": {"prompt_id": "' + rest)
    find_running(
        '{"type": "progress_state", "data": {"prompt_id": "p", "nodes": {"state": "running"' + rest
    )


def test_only_the_nodes_that_run_are_decoded():
    nodes = {
        str(number): {"value": 1.0, "max": 1.0, "state": "finished", "node_id": str(number)}
        for number in range(20)
    }
    nodes["20"] = {"value": 2.0, "max": 9.0, "state": "running", "node_id": "20"}
    frame = json.dumps({"type": "progress_state", "data": {"prompt_id": "p", "nodes": nodes}})
    assert find_running(frame) == ("p", [nodes["20"]])


@pytest.mark.parametrize(
    "content",
    [
        '"prompt_id": "", "nodes": {}}}',
        '"prompt_id": "p',
        '"prompt_id": "p", "nodes": []}}',
        '"prompt_id": "\\u0041", "nodes": {"1": {"state": "finished"}}}}',
    ],
)
def test_anything_else_is_left_to_the_full_parser(content):
    assert find_running('{"type": "progress_state", "data": {' + content) is None
    assert find_running('{"type": "progress", "data": {' + content) is None
