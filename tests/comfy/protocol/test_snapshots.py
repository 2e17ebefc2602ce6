import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from comfy.protocol.events import StepDone
from comfy.protocol.messages import (
    Message,
    NodeExecuting,
    ProgressState,
    StepProgress,
    UnreadSnapshot,
    parse_frame,
)
from comfy.protocol.snapshots import find_owner, find_running
from comfy.run import Run

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


def read(frame):
    message = parse_frame(frame)
    return message.read() if isinstance(message, UnreadSnapshot) else message


@given(snapshots())
@example({"type": "progress_state", "data": {"prompt_id": "p", "nodes": {}}})
def test_the_short_way_reads_what_the_full_parser_reads(snapshot):
    spaced, dense = json.dumps(snapshot), json.dumps(snapshot, separators=(",", ":"))
    assert find_owner(dense) is None
    assert read(spaced) == read(dense)


@given(st.text(max_size=80))
def test_the_short_way_never_raises(rest):
    beginning = '{"type": "progress_state", "data": {"prompt_id": "'
    for frame in (
        beginning + rest,
        beginning + 'p", "nodes": {' + rest,
        beginning + 'p", "nodes": {"state": "running"' + rest,
    ):
        assert isinstance(read(frame), Message)
        find_running(frame)


@given(
    st.dictionaries(
        names,
        st.recursive(
            names | numbers | st.just("running"),
            lambda inner: (
                st.lists(inner, max_size=2)
                | st.dictionaries(
                    st.sampled_from(["state", "value", "max", "node_id", "display_node_id"]), inner
                )
            ),
        ),
        max_size=4,
    )
)
def test_nothing_among_the_nodes_can_raise(nodes):
    frame = json.dumps({"type": "progress_state", "data": {"prompt_id": "p", "nodes": nodes}})
    assert read(frame).prompt_id == "p"


def snapshot(node_id, value, maximum):
    entry = {"value": value, "max": maximum, "state": "running", "node_id": node_id}
    content = {"prompt_id": "p", "nodes": {node_id: entry}}
    return parse_frame(json.dumps({"type": "progress_state", "data": content}))


def follow(*messages):
    """The steps that a caller is told of, each taken before the next message comes."""
    run = Run("p", {}, stall_after=1.0, now=0.0)
    steps = []
    for message in messages:
        run.receive(message, 0.0)
        steps += [event for event in run.mailbox._events if isinstance(event, StepDone)]
        run.mailbox._events.clear()
    return [(step.node_id, step.value) for step in steps]


def test_steps_that_come_both_ways_are_told_once():
    assert follow(
        NodeExecuting("p", "3", "3"),
        snapshot("3", 1.0, 4.0),
        StepProgress("p", "3", 1, 4),
        snapshot("3", 2.0, 4.0),
        StepProgress("p", "3", 2, 4),
    ) == [("3", 1), ("3", 2)]


def test_a_node_that_tells_its_steps_in_snapshots_only_is_heard_after_one_that_does_not():
    assert follow(
        NodeExecuting("p", "3", "3"),
        StepProgress("p", "3", 1, 1),
        NodeExecuting("p", "5", "5"),
        snapshot("5", 1.0, 9.0),
        snapshot("5", 2.0, 9.0),
    ) == [("3", 1), ("5", 1), ("5", 2)]


def test_a_snapshot_that_is_cut_off_has_no_nodes():
    frame = '{"type": "progress_state", "data": {"prompt_id": "p", "nodes": {"1": {'
    assert read(frame) == ProgressState("p", ())


def test_only_the_nodes_that_run_are_decoded():
    nodes = {
        str(number): {"value": 1.0, "max": 1.0, "state": "finished", "node_id": str(number)}
        for number in range(20)
    }
    nodes["20"] = {"value": 2.0, "max": 9.0, "state": "running", "node_id": "20"}
    frame = json.dumps({"type": "progress_state", "data": {"prompt_id": "p", "nodes": nodes}})
    assert find_owner(frame) == "p"
    assert find_running(frame) == [nodes["20"]]


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
    assert find_owner('{"type": "progress_state", "data": {' + content) is None
    assert find_owner('{"type": "progress", "data": {' + content) is None
