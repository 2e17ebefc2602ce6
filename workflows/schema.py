"""JSON schema of `workflow.toml`, for checks and completion in editors."""

from typing import Any

from workflows.manifest import Manifest

SCHEMA_FILE = "workflow.schema.json"

_FROM = {
    "description": "The name of the inferred input that this table changes, to rename it.",
    "minLength": 1,
    "title": "From",
    "type": "string",
}


def manifest_schema() -> dict[str, Any]:
    """Return the schema as JSON values.

    A table that changes an inferred input may leave out everything but its name.
    """
    schema = Manifest.model_json_schema(by_alias=True)
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "workflow.toml",
        "description": "Which inputs people are asked for, and where they go in the graph.",
    }
    schema.pop("required", None)
    table = schema["$defs"]["Input"]
    table["properties"]["from"] = _FROM
    table["required"] = ["name"]
    for definition in schema["$defs"].values():
        definition.pop("description", None)
    return schema
