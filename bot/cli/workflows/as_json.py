"""An inspected workflow as one JSON object, for other programs."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from generation.library.inspection import Inspection
from workflows.manifest import Input, Kind

_RESULTS = {
    "pictures": "pictures",
    "videos": "video",
    "sounds": "audio",
    "3D models": "3d",
    "texts": "text",
}
"""Names of result kinds in the JSON, by those of `workflows.infer.kinds`; latents are left out."""


def inspection_json(file: str, report: Inspection) -> dict[str, Any]:
    """Return the JSON object of `limner workflows inspect --json`."""
    inputs = report.workflow.manifest.inputs if report.workflow else ()
    reasons = report.workflow.reasons if report.workflow else {}
    return {
        "file": file,
        "usable": report.is_usable,
        "problem": " ".join(report.problems) or None,
        "unknown_classes": list(report.unknown_classes),
        "paid": report.is_paid,
        "kind": report.kind,
        "results": [_RESULTS[result] for result in report.results if result in _RESULTS],
        "models": [
            {
                "name": model.name,
                "folder": model.folder,
                "url": model.url,
                "present": None if model.backends is None else not model.is_missing,
            }
            for model in report.models
        ],
        "inputs": [_input_json(each, reasons.get(each.name, "")) for each in inputs],
    }


def unusable_json(file: str, sentences: Iterable[str]) -> dict[str, Any]:
    """Return the same object for an unusable file."""
    nothing = Inspection(file, file, Kind.OTHER.value, None, 0, None, None, (), (), ())
    return inspection_json(file, replace(nothing, problems=tuple(sentences)))


def _input_json(each: Input, reason: str) -> dict[str, Any]:
    return {
        "name": each.name,
        "type": each.type.value,
        "required": each.required,
        "hidden": each.hidden,
        "default": each.default,
        "choices": list(each.choices) or None,
        "minimum": each.min,
        "maximum": each.max,
        "targets": [str(slot) for slot in each.slots]
        or [class_type for class_type in (each.wraps, each.replaces) if class_type],
        "reason": reason,
    }
