"""Workflow files in a folder, and their contents."""

from dataclasses import dataclass
from pathlib import Path

from workflows.errors import WorkflowUnusable
from workflows.infer.names import name_of_file
from workflows.manifest import NAME

GRAPH_FILE = "graph.json"
MANIFEST_FILE = "workflow.toml"
MANIFEST_SUFFIX = ".toml"

CARRIERS = frozenset(
    {
        ".png",
        ".webp",
        ".jpg",
        ".jpeg",
        ".mp4",
        ".webm",
        ".mov",
        ".mkv",
        ".flac",
        ".mp3",
        ".ogg",
        ".opus",
    }
)
"""Suffixes of files that may carry the workflow that made them."""

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Limit for files read at startup: videos that carry a workflow are large."""

MAX_MANIFEST_BYTES = 1024 * 1024
"""Bytes of a manifest; the longest prompt has a few kB."""


@dataclass(frozen=True, slots=True)
class Source:
    """A workflow in a folder: `path` is its entry there."""

    name: str
    path: Path
    graph: Path
    manifest: Path | None


def find_source(path: Path) -> Source | None:
    """Return the workflow of a folder's entry; None if it is none. Raises WorkflowUnusable."""
    if path.is_dir():
        return _find_folder(path)
    if path.suffix.lower() != ".json" and path.suffix.lower() not in CARRIERS:
        return None  # a note, the manifest of another file, or an editor's backup
    beside = path.with_suffix(MANIFEST_SUFFIX)
    return Source(name_of_file(path.stem), path, path, beside if beside.exists() else None)


def _find_folder(path: Path) -> Source:
    if not NAME.fullmatch(path.name):
        raise WorkflowUnusable(
            ["The name of a workflow must have up to 32 small letters, digits, - or _."]
        )
    manifest = path / MANIFEST_FILE
    graph = path / GRAPH_FILE
    if not graph.exists():
        carriers = sorted(
            one for one in path.iterdir() if one.stem == "graph" and one.suffix in CARRIERS
        )
        if not carriers and not manifest.exists():
            raise WorkflowUnusable(
                [f"This folder has neither a {GRAPH_FILE} nor a {MANIFEST_FILE}."]
            )
        graph = carriers[0] if carriers else graph
    return Source(path.name, path, graph, manifest if manifest.exists() else None)


def load_text(path: Path) -> str:
    """Load a file as text. Raises WorkflowUnusable."""
    return decode_text(load_bytes(path, MAX_MANIFEST_BYTES))


def decode_text(content: bytes) -> str:
    """Decode a file that must be UTF-8. Raises WorkflowUnusable."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WorkflowUnusable(["This file is not UTF-8 text."]) from error


def load_bytes(path: Path, most: int) -> bytes:
    """Load a file. Raises WorkflowUnusable if it exceeds this many bytes."""
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError as error:
        raise WorkflowUnusable(["This file is missing."]) from error
    except OSError as error:
        raise WorkflowUnusable([f"This file cannot be read: {error.strerror}."]) from error
    if len(content) > most:
        raise WorkflowUnusable([f"This file is larger than {most // 1024**2} MiB."])
    return content
