"""Loading of workflows from files; missing manifests are inferred."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from workflows.carriers import Carried, read
from workflows.convert import convert
from workflows.errors import InvalidGraph, InvalidManifest, Sentence, WorkflowUnusable
from workflows.folders.sources import (
    MAX_FILE_BYTES,
    MAX_MANIFEST_BYTES,
    Source,
    decode_text,
    load_bytes,
)
from workflows.graph import Graph, parse_graph
from workflows.infer.inference import Inference, infer
from workflows.infer.partial import complete, is_partial
from workflows.manifest import Manifest
from workflows.model_files import with_model_sources
from workflows.nodes import NodeClasses
from workflows.reading import parse_table, read_table
from workflows.workflow import Workflow, build_workflow

Report = Callable[..., None]
"""Called with the path and the sentences of a file that cannot be used."""

_Written = Manifest | Mapping[str, Any]
"""A whole manifest, or the table of a partial one."""

WAITING = Sentence(
    "This is the editor's own format: it waits until a backend has said what its nodes are."
)


class NeedsClasses(WorkflowUnusable):
    """The file can be read once a backend has described its node classes."""


_loaded: WeakValueDictionary[tuple[object, ...], Workflow] = WeakValueDictionary()
"""Workflows in use by the contents of their files: of a folder that changes, most stay the same."""


def load_workflow(source: Source, classes: NodeClasses | None, report: Report) -> Workflow | None:
    """Load a workflow; None after every invalid file was reported.

    Files with the same contents give the same object while it is in use. Raises NeedsClasses for
    the editor's format while no backend has described its classes.
    """
    graph_file = manifest_file = graph = export = written = None
    with _reporting(source.graph, report):
        graph_file = load_bytes(source.graph, MAX_FILE_BYTES)
    if source.manifest is not None:
        with _reporting(source.manifest, report):
            manifest_file = load_bytes(source.manifest, MAX_MANIFEST_BYTES)
    key = (source, classes, _digest(graph_file), _digest(manifest_file))
    workflow = _loaded.get(key)
    if workflow is not None:
        return workflow
    if graph_file is not None:
        with _reporting(source.graph, report):
            graph, export = settle_graph(read(graph_file), classes)
    if manifest_file is not None:
        with _reporting(source.manifest, report):
            written = _parse_manifest(decode_text(manifest_file))
    if graph is None or (source.manifest is not None and written is None):
        return None
    try:
        workflow = with_model_sources(_build(source, graph, export, written, classes), export)
    except InvalidManifest as error:
        report(source.manifest or source.graph, *error.sentences)
        return None
    _loaded[key] = workflow
    return workflow


@contextmanager
def _reporting(path: Path | None, report: Report) -> Iterator[None]:
    """Report an invalid file; raise NeedsClasses."""
    try:
        yield
    except NeedsClasses:
        raise
    except WorkflowUnusable as error:
        report(path, *error.sentences)


def _digest(content: bytes | None) -> bytes | None:
    return None if content is None else hashlib.sha256(content).digest()


def settle_graph(
    carried: Carried, classes: NodeClasses | None
) -> tuple[Graph, Mapping[str, Any] | None]:
    """Return a file's graph, converted if necessary, and its export if there is one.

    Raises NeedsClasses or WorkflowUnusable.
    """
    if carried.graph is not None:
        return parse_graph(carried.graph), carried.export
    if classes is None:
        raise NeedsClasses([WAITING])
    export = carried.export or {}
    return parse_graph(convert(export, classes).require_known()), export


@lru_cache(maxsize=128)
def _parse_manifest(text: str) -> _Written:
    table = read_table(text)
    # Report its mistakes even if the graph has some too.
    return table if is_partial(table) else parse_table(table)


def _build(
    source: Source,
    graph: Graph,
    export: Mapping[str, Any] | None,
    written: _Written | None,
    classes: NodeClasses | None,
) -> Workflow:
    if isinstance(written, Manifest):
        return build_workflow(source.name, written, graph, classes)
    inferred = infer(graph, classes, title=source.name, command=source.name, export=export)
    if written is not None:
        inferred = complete(written, inferred)
    return with_inference(source.name, graph, inferred, classes)


def with_inference(
    name: str, graph: Graph, inferred: Inference, classes: NodeClasses | None = None
) -> Workflow:
    """Build a workflow with its inferred manifest. Raises as `build_workflow` does."""
    if inferred.problems:
        raise InvalidGraph(inferred.problems)
    workflow = build_workflow(name, inferred.manifest, graph, classes)
    return replace(
        workflow,
        reasons=inferred.reasons,
        results=inferred.results,
        notes=(*workflow.notes, *inferred.notes),
    )
