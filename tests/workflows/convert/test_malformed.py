"""Files that nobody saved so: a sentence, never another error and never an endless search."""

import contextlib
import copy
import json
from random import Random

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


NODES = range(1, 6)
LINKS = range(1, 7)
MODES = (0, 0, 0, 2, 4)
NODE_CLASSES = ("Sum", "Blur", "Show", "Pick", "Dream")
VIRTUAL = ("Reroute", "PrimitiveNode", "GetNode", "SetNode")
TYPES = (*NODE_CLASSES, *VIRTUAL, "sub", "deep", "workflow>Mix", "workflow>Loop")


class Drawn(Random):
    """Parts of files: a few ids and names, so that some fit and others do not."""

    def some(self, most, draw):
        return [draw() for _ in range(self.randint(0, most))]

    def maybe(self, value):
        return value if self.random() < 0.5 else None

    def text(self):
        return "".join(self.choices("aä\n{|}%0 \0", k=self.randint(0, 3)))

    def socket(self):
        socket = {
            "name": self.choice(["a", "b", "image", "mask", "value", "number"]),
            "type": self.choice(["INT", "IMAGE", "MASK", "*", "INT,FLOAT"]),
            "link": self.maybe(self.choice(LINKS)),
        }
        widget = self.maybe({"widget": {"name": self.choice("ab")}})
        return socket | (widget or {})

    def node(self):
        optional = {
            "outputs": self.some(2, lambda: {"type": "IMAGE"}),
            "widgets_values": self.some(4, lambda: self.choice([self.randint(-9, 9), self.text()])),
            "properties": {"proxyWidgets": [["1", "a"], ["-1", "number"], ["2"], 3]},
        }
        return {
            "id": self.choice(NODES),
            "type": self.choice(TYPES),
            "mode": self.choice(MODES),
            "inputs": self.some(3, self.socket),
            **{name: one for name, one in optional.items() if self.maybe(name)},
        }

    def link(self):
        ends = (self.choice([*NODES, -10]), self.randint(-1, 3), self.choice(NODES))
        return [self.choice(LINKS), *ends, self.randint(-1, 3), "IMAGE"]

    def graph(self):
        nodes, links = self.some(5, self.node), self.some(6, self.link)
        return {"version": 0.4, "nodes": nodes, "links": links}

    def port(self):
        name = self.choice(["number", "a", "value"])
        return {"name": name, "type": "IMAGE", "linkIds": self.some(2, lambda: self.choice(LINKS))}

    def subgraph(self, name):
        ports = {"inputs": self.some(2, self.port), "outputs": self.some(2, self.port)}
        return {"id": name, **ports, **self.graph()}

    def group_link(self):
        ends = (self.choice(NODES), self.randint(0, 2), self.choice(NODES), self.randint(0, 2))
        return [*ends, self.choice(NODES), "IMAGE"]

    def group(self):
        return {"nodes": self.some(5, self.node), "links": self.some(4, self.group_link)}

    def export(self):
        return {
            **self.graph(),
            "definitions": {"subgraphs": [self.subgraph("sub"), self.subgraph("deep")]},
            "extra": {"groupNodes": {"Mix": self.group(), "Loop": self.group()}},
        }

    def junk(self, depth=2):
        plain = [None, True, False, -3, 10**20, float("nan"), float("inf"), 0.5, self.text()]
        if depth == 0:
            return self.choice(plain)
        inner = self.some(2, lambda: self.junk(depth - 1))
        return self.choice([*plain, inner, {self.text(): one for one in inner}])


SEEDS = st.integers(0, 2**64)
"""A strategy for each part of a file would take twenty times as long as the conversions."""


@settings(max_examples=300)
@given(SEEDS)
def test_any_wiring_converts_or_is_refused(classes, seed):
    raw = Drawn(seed).export()
    before = copy.deepcopy(raw)
    with contextlib.suppress(InvalidGraph):
        converted = convert(raw, classes).graph
        json.dumps(converted)
        assert all(isinstance(one["class_type"], str) for one in converted.values())
    assert raw == before


@settings(max_examples=300)
@given(SEEDS)
def test_junk_anywhere_converts_or_is_refused(classes, seed):
    drawn = Drawn(seed)
    raw = drawn.export()
    places = list(_places(raw))
    for _ in range(drawn.randint(1, 4)):
        holder, key = drawn.choice(places)
        holder[key] = drawn.junk()
    with contextlib.suppress(InvalidGraph):
        convert(raw, classes)


def _places(value):
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])
