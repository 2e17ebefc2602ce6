"""Validation of requests against Discord's OpenAPI document.

`LIMNER_TEST_DISCORD_OPENAPI` names the file, which is published as
https://github.com/discord/discord-api-spec; without it nothing is validated.
"""

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

FILE = os.environ.get("LIMNER_TEST_DISCORD_OPENAPI")
"""Read when this is imported: a running test sees none of the variables of tests."""

DRAFT = "https://json-schema.org/draft/2020-12/schema"
VERSION = re.compile(r"^/api/v\d+")


class Document:
    """Discord's routes, with a validator for the bodies of each."""

    def __init__(self, path: Path) -> None:
        document: dict[str, Any] = json.loads(path.read_bytes())
        self._schemas: dict[str, Any] = document["components"]
        schemas = self._schemas["schemas"]
        # Discord takes numbers for ids as well, which discord.py sends for attachments.
        schemas["SnowflakeType"] = {"type": ["string", "integer"]}
        # https://docs.discord.com/developers/resources/channel has it, and the document does not.
        schemas["ChannelTypes"]["oneOf"].append({"title": "GUILD_MEDIA", "const": 16})
        # A fixed name in a path comes before an id in its place.
        names = sorted(document["paths"], key=lambda name: name.count("{"))
        self._routes = [(_pattern(name), document["paths"][name]) for name in names]
        self._validators: dict[str, Any] = {}

    def find_problems(self, method: str, path: str, body: object) -> list[str]:
        """What is wrong with the body of a request; an unknown route is a problem, too."""
        name = VERSION.sub("", path)
        for pattern, methods in self._routes:
            if pattern.fullmatch(name) and method.lower() in methods:
                asked = methods[method.lower()].get("requestBody", {}).get("content", {})
                if body is None or "application/json" not in asked:
                    return []
                validator = self._validator(asked["application/json"]["schema"])
                return [
                    f"{method} {name}: {error.message} at {list(error.instance_path)}"
                    for error in validator.iter_errors(body)
                ]
        return [f"There is no {method} {name}."]

    def _validator(self, schema: dict[str, Any]) -> Any:
        key = json.dumps(schema)
        if key not in self._validators:
            whole = {"$schema": DRAFT, **schema, "components": self._schemas}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        return self._validators[key]


class Checker:
    """Collects what is wrong with the requests of a test."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def check(self, method: str, path: str, body: object) -> None:
        """Validate one request, if there is a document to do it by."""
        if (document := load_document()) is not None:
            self.problems += document.find_problems(method, path, body)


@cache
def load_document() -> Document | None:
    """Read the document once; None where there is none."""
    return Document(Path(FILE)) if FILE else None


def _pattern(name: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]+\}", name)
    return re.compile("[^/]+".join(map(re.escape, parts)))
