"""From the files of a workflow to one that can be used, its manifest inferred where it lacks."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from workflows.errors import InvalidManifest, WorkflowUnusable
from workflows.graph import Graph, is_ui_export, parse_graph
from workflows.infer.inference import Inference, infer
from workflows.infer.partial import complete, is_partial
from workflows.nodes import NodeClasses
from workflows.reading import parse_manifest
from workflows.sources import Source, load_json, load_text
from workflows.workflow import Workflow, build_workflow

Report = Callable[..., None]
"""Told the path and the sentences of a file that cannot be used."""


WAITING = "This is the editor's own format: it waits until a backend has said what its nodes are."


class NeedsClasses(WorkflowUnusable):
    """It can be read as soon as a backend has said what its nodes are."""


def load_workflow(source: Source, classes: NodeClasses | None, report: Report) -> Workflow | None:
    """Read a workflow; None after every file that is wrong was reported.

    Raises NeedsClasses for the editor's own format while no backend has described its nodes.
    """
    graph, export = _load_graph(source, classes, report)
    text = _load_manifest_text(source, report)
    if graph is None or (source.manifest is not None and text is None):
        return None
    try:
        return _build(source, graph, export, text, classes)
    except InvalidManifest as error:
        report(source.manifest or source.graph, *error.sentences)
        return None


def read_graph(raw: object, classes: NodeClasses | None) -> tuple[Graph, Mapping[str, Any] | None]:
    """The graph of decoded JSON, and the editor's own format when it was that.

    Raises NeedsClasses or WorkflowUnusable.
    """
    if not isinstance(raw, dict) or not is_ui_export(raw):
        return parse_graph(raw), None
    if classes is None:
        raise NeedsClasses([WAITING])
    return parse_graph(raw), raw


def _load_graph(
    source: Source, classes: NodeClasses | None, report: Report
) -> tuple[Graph | None, Mapping[str, Any] | None]:
    try:
        return read_graph(load_json(source.graph), classes)
    except NeedsClasses:
        raise
    except WorkflowUnusable as error:
        report(source.graph, *error.sentences)
        return None, None


def _load_manifest_text(source: Source, report: Report) -> str | None:
    if source.manifest is None:
        return None
    try:
        text = load_text(source.manifest)
        if not is_partial(text):
            parse_manifest(text)  # its mistakes are told even when the graph has some too
    except WorkflowUnusable as error:
        report(source.manifest, *error.sentences)
        return None
    return text


def _build(
    source: Source,
    graph: Graph,
    export: Mapping[str, Any] | None,
    text: str | None,
    classes: NodeClasses | None,
) -> Workflow:
    if text is not None and not is_partial(text):
        return build_workflow(source.name, parse_manifest(text), graph)
    inferred = infer(graph, classes, title=source.name, command=source.name, export=export)
    if text is not None:
        inferred = complete(text, inferred)
    return with_inference(source.name, graph, inferred)


def with_inference(name: str, graph: Graph, inferred: Inference) -> Workflow:
    """A workflow with the manifest that was inferred for it. Raises InvalidManifest."""
    workflow = build_workflow(name, inferred.manifest, graph)
    return replace(
        workflow,
        reasons=inferred.reasons,
        results=inferred.results,
        notes=inferred.notes,
    )
