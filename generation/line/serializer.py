"""Serialization of the engine's values as JSON, so that its database holds data, never code."""

import json
from typing import Any

from dbos import Serializer

_ERROR = "__error__"


class StoredError(Exception):
    """An error of a step or workflow, as the engine stored it."""


class JSONSerializer(Serializer):
    """Plain JSON values; of an error only the message is kept."""

    def serialize(self, data: Any) -> str:  # noqa: ANN401 - the engine's contract
        """Serialize a value."""
        return json.dumps(data, default=_error)

    def deserialize(self, serialized_data: str) -> Any:  # noqa: ANN401 - the engine's contract
        """Deserialize a value; tuples come back as lists."""
        value = json.loads(serialized_data)
        if isinstance(value, dict) and _ERROR in value:
            return StoredError(value[_ERROR])
        return value

    def name(self) -> str:
        """Name that the engine stores beside each value."""
        return "limner_json"


def _error(value: object) -> object:
    if isinstance(value, BaseException):
        return {_ERROR: f"{type(value).__name__}: {value}"}
    raise TypeError(f"The engine stores plain JSON values, not {type(value).__name__}.")
