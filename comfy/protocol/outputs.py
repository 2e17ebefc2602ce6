"""Outputs of nodes: files, texts, and pictures sent over the socket."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from comfy.protocol.events import MediaKind, Output, OutputFile, OutputText

_EXTENSIONS = {
    MediaKind.IMAGE: "png jpg jpeg webp gif bmp tif tiff avif apng svg exr heic jxl",
    MediaKind.VIDEO: "mp4 webm mkv mov avi m4v mpg mpeg",
    MediaKind.AUDIO: "flac mp3 wav ogg opus m4a aac",
    MediaKind.MODEL_3D: "glb gltf obj fbx stl ply usdz splat ksplat spz",
}
_KIND_OF = {
    extension: kind for kind, extensions in _EXTENSIONS.items() for extension in extensions.split()
}
_TEXT_KEYS = frozenset({"text", "string"})
"""Keys whose lists of strings are texts; under other keys strings are hints for the editor."""


def media_kind(filename: str) -> MediaKind:
    """Return the kind by file extension, because videos are listed under `images`, too."""
    extension = PurePosixPath(filename).suffix.lower().removeprefix(".")
    return _KIND_OF.get(extension, MediaKind.OTHER)


def parse_outputs(node_id: str, shown: object) -> tuple[Output, ...]:
    """Parse every list under every key; ignore anything unexpected."""
    if not isinstance(shown, dict):
        return ()
    return tuple(
        output
        for key, items in shown.items()
        for item in _flatten(items)
        if (output := _parse_item(node_id, key, item)) is not None
    )


def choose_results(outputs: Iterable[Output], graph: Mapping[str, object]) -> tuple[Output, ...]:
    """Return saved files, or temporary ones if there are none, in the graph's node order.

    The server's order changes with restarts.
    """
    every = tuple(outputs)
    folders = {output.folder_type for output in every if isinstance(output, OutputFile)}
    best = next((folder for folder in ("output", "temp") if folder in folders), None)
    order = {node_id: position for position, node_id in enumerate(graph)}
    chosen = (
        output
        for output in every
        if not isinstance(output, OutputFile) or best is None or output.folder_type == best
    )
    return tuple(sorted(chosen, key=lambda output: order.get(output.node_id, len(order))))


def _flatten(items: object) -> Iterable[object]:
    if not isinstance(items, list):
        return (items,) if isinstance(items, str | dict) else ()
    return [part for item in items for part in (item if isinstance(item, list) else [item])]


def _parse_item(node_id: str, key: object, item: object) -> Output | None:
    if isinstance(item, str):
        return OutputText(node_id, item) if key in _TEXT_KEYS else None
    if not isinstance(item, dict):
        return None
    filename = item.get("filename")
    if not isinstance(filename, str) or not filename:
        return None
    subfolder, folder_type = item.get("subfolder"), item.get("type")
    return OutputFile(
        node_id,
        filename,
        subfolder if isinstance(subfolder, str) else "",
        folder_type if isinstance(folder_type, str) and folder_type else "output",
        media_kind(filename),
    )
