"""The official templates, where they are at hand: what is asked of people for each."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from comfy.protocol.object_info import ObjectInfo
from workflows.convert import convert
from workflows.folders.loading import with_inference
from workflows.infer.inference import infer
from workflows.reading import parse_manifest
from workflows.survey import Surveyed
from workflows.writing import write_manifest

FOLDER = os.environ.get("LIMNER_TEST_TEMPLATES")
OBJECT_INFO = os.environ.get("LIMNER_TEST_OBJECT_INFO")

pytestmark = pytest.mark.skipif(
    FOLDER is None or OBJECT_INFO is None,
    reason="no official templates to ask: see LIMNER_TEST_TEMPLATES in convert/test_templates.py",
)


@pytest.fixture(scope="module")
def info():
    return ObjectInfo.parse(json.loads(gzip.decompress(Path(str(OBJECT_INFO)).read_bytes())))


@pytest.fixture(scope="module")
def templates(info):
    """Every template that needs no paid service, with what was inferred and its workflow."""
    found = {}
    for path in sorted((Path(str(FOLDER)) / "ui").glob("*.json")):
        if path.name.startswith("api_"):
            continue
        export = json.loads(path.read_text(encoding="utf-8"))
        graph = convert(export, info).graph
        if any(info.is_partner(str(node["class_type"])) for node in graph.values()):
            continue
        inferred = infer(graph, info, title=path.stem, export=export)
        found[path.stem] = (inferred, with_inference(path.stem, graph, inferred))
    return found


def test_each_becomes_a_workflow_that_asks_for_one_prompt_where_it_has_one(templates):
    counts = Counter(Surveyed(name, (), one[1]).prompts for name, one in templates.items())
    seeds = Counter(Surveyed(name, (), one[1]).seeds for name, one in templates.items())
    assert len(templates) >= 140
    assert counts[1] / len(templates) > 0.8
    assert counts[0] / len(templates) < 0.16
    assert seeds[1] / len(templates) > 0.85


def test_each_is_saved_and_loads_back_equal(templates):
    for name, (inferred, _) in templates.items():
        text = write_manifest(inferred.manifest, inferred.reasons, notes=inferred.notes)
        assert parse_manifest(text) == inferred.manifest, name


def test_each_input_has_its_reason(templates):
    for name, (inferred, workflow) in templates.items():
        assert set(inferred.reasons) == {each.name for each in workflow.manifest.inputs}, name
        assert all(inferred.reasons.values()), name
