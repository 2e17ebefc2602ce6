"""The contents of a file: the graph that ran, the editor's export, or both."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from workflows.carriers.container import READERS, Container, detect
from workflows.carriers.cursor import Truncated
from workflows.carriers.document import Document, parse_document
from workflows.carriers.limits import MAX_ALL_TEXTS, MAX_TEXT_BYTES, MAX_TEXTS
from workflows.carriers.texts import Text
from workflows.errors import InvalidGraph, NothingCarried, Sentence
from workflows.graph import Graph, is_ui_export, parse_graph

_LABEL = re.compile(r"\s*(?:prompt|workflow)\s*:\s*(?=[{\"])", re.IGNORECASE)
"""Prefix of ComfyUI's JSON in containers without named fields."""

_WRAPPERS = ("prompt", "output", "workflow", "extra_data", "extra_pnginfo")
"""Keys under which requests and other programs' files contain a workflow."""

MAX_WRAPPERS = 4
"""Nesting of wrappers, and of JSON inside the strings of JSON."""


@dataclass(frozen=True, slots=True)
class Carried:
    """The workflow found in a file; at least one of `graph` and `export` is set.

    `graph` is in the API format, `export` in the editor's, which `workflows.convert` converts. The
    graph is preferred, because it is what ran; the export has the editor's names. `origin` is where
    in the file the preferred one was. `remarks` are sentences for the uploader.
    """

    container: Container
    graph: Graph | None
    export: Mapping[str, Any] | None
    origin: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a file that looks like a workflow, and its location."""

    value: Mapping[str, Any]
    name: str
    is_repaired: bool


def read(content: bytes | memoryview) -> Carried:
    """Find the workflow in a file's bytes, independent of its name.

    Raises NothingCarried if there is none, InvalidGraph if it cannot be read.
    """
    view = memoryview(content)
    container = detect(view)
    if container is None:
        raise NothingCarried(["This kind of file cannot carry a workflow that Limner can read."])
    if container is Container.JSON:
        return _read_json(view)
    texts = _collect(container, view)
    return _choose(container, [piece for one in texts for piece in _decode(one.text, one.name)])


def list_texts(content: bytes | memoryview) -> tuple[Text, ...]:
    """Return all texts in a picture, video or sound, by any program; none for other files."""
    view = memoryview(content)
    container = detect(view)
    if container is None or container is Container.JSON:
        return ()
    try:
        return tuple(_collect(container, view))
    except InvalidGraph:  # not one of ComfyUI's files
        return ()


def _read_json(content: memoryview) -> Carried:
    if len(content) > MAX_TEXT_BYTES:
        raise InvalidGraph([Sentence("This file is larger than 16 MiB: no workflow is.")])
    has_utf_16_mark = bytes(content[:2]) in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = bytes(content).decode("utf-16" if has_utf_16_mark else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidGraph(
            [Sentence("This file is neither a known picture or video nor UTF-8 text.")]
        ) from error
    if not text.strip():
        raise NothingCarried(["This file is empty."])
    document = parse_document(text)
    pieces = list(_unwrap(document, Container.JSON.value))
    if pieces:
        return _choose(Container.JSON, pieces)
    # `parse_graph` reports its mistakes better.
    return Carried(Container.JSON, parse_graph(document.value), None, "")


def _collect(container: Container, content: memoryview) -> list[Text]:
    """Collect texts, up to where the file is damaged or the limits are reached."""
    found: list[Text] = []
    with contextlib.suppress(Truncated):
        for text in islice(READERS[container](content), MAX_TEXTS):
            found.append(text)
            if sum(len(one.text) for one in found) > MAX_ALL_TEXTS:
                break
    return found


def _decode(text: str, name: str, depth: int = MAX_WRAPPERS) -> Iterator[_Piece]:
    """Parse workflows from a text that may be JSON, with or without a label."""
    label = _LABEL.match(text)
    body = text[label.end() :] if label else text.lstrip()
    if body.startswith(("{", '"')):
        with contextlib.suppress(InvalidGraph):  # a text that only begins like JSON
            yield from _unwrap(parse_document(body), name, depth)


def _unwrap(document: Document, name: str, depth: int = MAX_WRAPPERS) -> Iterator[_Piece]:
    value = document.value
    if isinstance(value, str) and depth:
        yield from _decode(value, name, depth - 1)
    if not isinstance(value, dict):
        return
    if is_ui_export(value) or _looks_like_graph(value):
        yield _Piece(value, name, document.is_repaired)
    elif depth:
        for wrapper in _WRAPPERS:
            if wrapper in value:
                yield from _unwrap(replace(document, value=value[wrapper]), name, depth - 1)


def _looks_like_graph(value: Mapping[str, Any]) -> bool:
    return any(isinstance(node, dict) and "class_type" in node for node in value.values())


def _choose(container: Container, pieces: list[_Piece]) -> Carried:
    graph, origin, mistake = _find_graph(pieces)
    export = next((one for one in pieces if is_ui_export(one.value)), None)
    if graph is None and export is None:
        if mistake:
            raise mistake
        raise NothingCarried([_NOTHING.format(container=container.value)])
    if graph is None and export is not None:
        origin = export.name
    has_both = graph is not None and export is not None
    return Carried(
        container,
        graph,
        export.value if export else None,
        container.value if origin == container.value else f'{container.value}, text "{origin}"',
        tuple(_remarks(container, pieces, mistake, has_both=has_both)),
    )


_NOTHING = (
    "This {container} carries no ComfyUI workflow. Many sites remove it: use the file that ComfyUI"
    " itself saved."
)


def _find_graph(pieces: list[_Piece]) -> tuple[Graph | None, str, InvalidGraph | None]:
    """Return the first readable graph, else the error of the first piece."""
    mistake = None
    for one in pieces:
        if not is_ui_export(one.value):
            try:
                return parse_graph(_without_traces(one.value)), one.name, None
            except InvalidGraph as error:
                mistake = mistake or error
    return None, "", mistake


def _without_traces(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Remove keys that ComfyUI adds to a graph when it runs."""
    return {
        node_id: {name: value for name, value in node.items() if name != "is_changed"}
        if isinstance(node, dict)
        else node
        for node_id, node in raw.items()
    }


def _remarks(
    container: Container,
    pieces: list[_Piece],
    mistake: InvalidGraph | None,
    *,
    has_both: bool,
) -> Iterator[str]:
    if has_both:
        yield (
            "The file carries both the graph that ran and what the editor saved;"
            " the graph that ran is used."
        )
    if mistake:
        yield f"The graph in the file cannot be used, what the editor saved can: {mistake}"
    if container is Container.JSON and any(one.is_repaired for one in pieces):
        # Usual in media: ComfyUI writes computed values into them.
        yield "Numbers that are not finite are taken as empty, as ComfyUI's editor takes them."
