"""The guide to writing a workflow is complete, and its examples work."""

import re
from pathlib import Path

import pytest

from workflows.folders.loading import with_inference
from workflows.infer.inference import infer
from workflows.infer.partial import complete, is_partial
from workflows.manifest import Access, Input, InputType, Kind, Manifest, Model, Output
from workflows.reading import parse_manifest, read_table
from workflows.rules import TAKEN, WELL_KNOWN
from workflows.workflow import build_workflow

GUIDE = (Path(__file__).parents[2] / "docs" / "workflows.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
FIELDS = [
    field.alias or name
    for table in (Manifest, Input, Model, Output, Access)
    for name, field in table.model_fields.items()
    if name not in ("inputs", "models", "output")
]


@pytest.mark.parametrize("name", [*FIELDS, *InputType, *Kind, *sorted(WELL_KNOWN), *sorted(TAKEN)])
def test_the_guide_explains(name):
    assert f"`{name}`" in GUIDE


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_fits_its_shipped_graph(library, example):
    name = "txt2img-flux" if "Flux" in example else "txt2img-sd"
    graph = library[name].graph
    if is_partial(read_table(example)):
        inferred = complete(read_table(example), infer(graph, title=name))
        workflow = with_inference("example", graph, inferred)
        assert workflow.manifest.options
        return
    manifest = parse_manifest(example)
    workflow = build_workflow("example", manifest, graph)
    assert workflow.manifest.title == manifest.title


@pytest.mark.parametrize("line", re.findall(r"\| `(\w+ = [^`]+)` \|", GUIDE))
def test_every_field_s_example_is_of_its_form(line):
    field = line.split(" = ")[0]
    if field in Manifest.model_fields and field != "description":
        title = "" if field == "title" else 'title = "a"\n'
        parse_manifest(f"{title}{line}")
        return
    if field in Model.model_fields and field != "name":
        model = {"name": 'name = "a"', "folder": 'folder = "vae"', "url": 'url = "x"', field: line}
        parse_manifest('title = "a"\n[[model]]\n' + "\n".join(model.values()))
        return
    given = {"name": 'name = "a"', "type": 'type = "integer"'}
    given[field] = line
    parse_manifest('title = "a"\n[[input]]\n' + "\n".join(given.values()))
