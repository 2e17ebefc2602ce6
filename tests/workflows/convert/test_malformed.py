"""Files that nobody saved so: a sentence, never another error and never an endless search."""

import contextlib
import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.convert import convert
from workflows.errors import InvalidGraph


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"nodes": None},
        {"nodes": {}},
        {"nodes": [None]},
        {"nodes": [{"id": 1}]},
        {"nodes": [{"type": "Sum"}]},
        {"nodes": [], "definitions": {"subgraphs": [{"id": "a"}]}},
    ],
)
def test_what_is_no_export_is_refused(classes, raw):
    with pytest.raises(InvalidGraph) as caught:
        convert(raw, classes)
    assert caught.value.sentences


def test_definitions_without_end_are_refused(classes):
    raw = {"nodes": []}
    for _ in range(50):
        raw = {"nodes": [], "id": "a", "definitions": {"subgraphs": [raw | {"id": "a"}]}}
    with pytest.raises(InvalidGraph, match="nested too deeply"):
        convert(raw, classes)


def links(draw_slot):
    return st.tuples(st.integers(1, 6), NODE, draw_slot, NODE, draw_slot, st.just("IMAGE"))


NODE = st.integers(1, 5)
MODE = st.sampled_from([0, 0, 0, 2, 4])
KNOWN = ("Sum", "Blur", "Show", "Pick", "Dream")
VIRTUAL = ("Reroute", "PrimitiveNode", "GetNode", "SetNode")
KINDS = st.sampled_from([*KNOWN, *VIRTUAL, "sub", "deep", "workflow>Mix", "workflow>Loop"])


def nodes():
    sockets = st.lists(
        st.fixed_dictionaries(
            {
                "name": st.sampled_from(["a", "b", "image", "mask", "value", "number"]),
                "type": st.sampled_from(["INT", "IMAGE", "MASK", "*", "INT,FLOAT"]),
                "link": st.none() | st.integers(1, 6),
            },
            optional={"widget": st.fixed_dictionaries({"name": st.sampled_from(["a", "b"])})},
        ),
        max_size=3,
    )
    one = st.fixed_dictionaries(
        {"id": NODE, "type": KINDS, "mode": MODE, "inputs": sockets},
        optional={
            "outputs": st.lists(st.fixed_dictionaries({"type": st.just("IMAGE")}), max_size=2),
            "widgets_values": st.lists(st.integers() | st.text(max_size=3), max_size=4),
            "properties": st.fixed_dictionaries(
                {"proxyWidgets": st.just([["1", "a"], ["-1", "number"], ["2"], 3])}
            ),
        },
    )
    return st.lists(one, max_size=5)


def graphs():
    slot = st.integers(-1, 3)
    inside = links(slot) | st.tuples(
        st.integers(1, 6), st.just(-10), slot, NODE, slot, st.just("IMAGE")
    )
    return st.fixed_dictionaries({"nodes": nodes(), "links": st.lists(inside, max_size=6)})


def subgraphs(name):
    ports = st.lists(
        st.fixed_dictionaries(
            {
                "name": st.sampled_from(["number", "a", "value"]),
                "type": st.just("IMAGE"),
                "linkIds": st.lists(st.integers(1, 6), max_size=2),
            }
        ),
        max_size=2,
    )
    return st.builds(
        lambda graph, inputs, outputs: {"id": name, "inputs": inputs, "outputs": outputs, **graph},
        graphs(),
        ports,
        ports,
    )


def groups():
    inside = st.tuples(NODE, st.integers(0, 2), NODE, st.integers(0, 2), NODE, st.just("IMAGE"))
    return st.fixed_dictionaries({"nodes": nodes(), "links": st.lists(inside, max_size=4)})


@settings(max_examples=200)
@given(
    graphs(),
    subgraphs("sub"),
    subgraphs("deep"),
    st.fixed_dictionaries({"Mix": groups(), "Loop": groups()}),
)
def test_any_wiring_converts_or_is_refused(classes, graph, sub, deep, made):
    raw = {
        **graph,
        "definitions": {"subgraphs": [sub, deep]},
        "extra": {"groupNodes": made},
    }
    before = copy.deepcopy(raw)
    with contextlib.suppress(InvalidGraph):
        converted = convert(raw, classes).graph
        json.dumps(converted)
        assert all(isinstance(one["class_type"], str) for one in converted.values())
    assert raw == before


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**20) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=3,
)


@settings(max_examples=200)
@given(st.data())
def test_junk_anywhere_converts_or_is_refused(classes, data):
    raw = data.draw(graphs()) | {"definitions": {"subgraphs": [data.draw(subgraphs("sub"))]}}
    raw["extra"] = {"groupNodes": {"Mix": data.draw(groups())}}
    places = list(_places(raw))
    for _ in range(data.draw(st.integers(1, 4))):
        holder, key = data.draw(st.sampled_from(places))
        holder[key] = data.draw(JUNK)
    with contextlib.suppress(InvalidGraph):
        convert(raw, classes)


def _places(value):
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        if isinstance(value, tuple):
            continue
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])
