"""Decoded JSON of unknown shape: what is not of the expected type counts as empty."""

from typing import Any


def as_dict(value: object) -> dict[str, Any]:
    """Return an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """Return a list, or an empty one."""
    return value if isinstance(value, list) else []


def as_dicts(value: object) -> list[dict[str, Any]]:
    """Return the objects in a list."""
    return [item for item in as_list(value) if isinstance(item, dict)]
