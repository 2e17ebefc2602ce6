"""The schema that editors check `workflow.toml` by is the one of the code."""

import json
from pathlib import Path

from workflows.manifest import Input, InputType
from workflows.schema import SCHEMA_FILE, manifest_schema

PUBLISHED = Path(__file__).parents[2] / "docs" / SCHEMA_FILE


def test_the_published_schema_is_current():
    assert json.loads(PUBLISHED.read_text(encoding="utf-8")) == manifest_schema()


def test_it_knows_every_field_and_every_type():
    schema = manifest_schema()
    table = schema["$defs"]["Input"]
    assert set(table["properties"]) == {*Input.model_fields, "from"}
    assert schema["$defs"]["InputType"]["enum"] == [kind.value for kind in InputType]
    assert table["required"] == ["name"]
    assert schema["additionalProperties"] is False
