"""What a graph requires of a backend: node classes, values of list inputs, model files."""

from collections.abc import Mapping
from typing import Any

from comfy.backend import Graph
from comfy.protocol.object_info import ObjectInfo
from workflows.model_files import MODEL_SUFFIXES


def can_run(info: ObjectInfo, graph: Graph) -> bool:
    """Return whether the backend has every node class and lists every value of a list input."""
    return all(_offers(info, node) for node in graph.values())


def find_classes(graph: Graph) -> frozenset[str]:
    """Return the node classes of a graph."""
    return frozenset(str(node["class_type"]) for node in graph.values())


def find_models(graph: Graph) -> frozenset[str]:
    """Return the model files that a graph names, whichever node loads them."""
    return frozenset(
        value
        for node in graph.values()
        for value in (node.get("inputs") or {}).values()
        if isinstance(value, str) and value.lower().endswith(MODEL_SUFFIXES)
    )


def _offers(info: ObjectInfo, node: Mapping[str, Any]) -> bool:
    class_type = str(node.get("class_type"))
    if not info.has(class_type):
        return False
    for input_name, value in (node.get("inputs") or {}).items():
        if not isinstance(value, str):
            continue
        spec = info.input(class_type, input_name)
        if spec is None or spec.upload is not None:
            continue
        choices = info.choices(class_type, input_name)
        if choices is not None and value not in choices:
            return False
    return True
