"""Protection of file paths: members' values never reach one, through any nodes of the graph."""

import copy
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workflows.errors import InvalidGraph, Sentence
from workflows.graph import Graph, Link, Slot, links, reach, title
from workflows.manifest import InputType, Manifest
from workflows.nodes import NodeClasses
from workflows.reading import name_input, state_mistake

_PATH = re.compile(
    r"(prefix|path|folder|folder_name|dir|directory|file|filename)s?$", re.IGNORECASE
)
"""Suffixes of the names of inputs that take a path or a part of one."""

_TEXT = re.compile(
    r"(^|[._])(text|prompt|string|value|source|caption|lyrics|tags)s?([._]\d+)?$", re.IGNORECASE
)
"""Inputs of an output node with the text that it shows or saves."""

_NUMBERS = frozenset({"INT", "FLOAT", "BOOLEAN"})
_TEXTS = frozenset({"STRING", "COMBO", "*", "COMFY_MATCHTYPE_V3", ""})
"""Types of outputs that may carry text; empty if unknown."""

_PREFIX = "filename_prefix"
_DRIVE = re.compile(r"[a-zA-Z]:")


@dataclass(frozen=True, slots=True)
class Protected:
    """A graph in which members' values reach no path, and sentences about removed connections."""

    graph: Graph
    notes: tuple[str, ...] = ()


def names_file(slot: Slot, graph: Graph, classes: NodeClasses | None) -> bool:
    """Return whether an input's value is, or may become, part of a file's path.

    That holds for inputs with such a name, for uploads, and for all inputs of an output node but
    the text that it shows or saves.
    """
    if _PATH.search(slot.input_name):
        return True
    class_type = str(graph[slot.node_id]["class_type"])
    if classes is None or not classes.has(class_type):
        return False
    spec = classes.input(class_type, slot.input_name)
    if spec is None or spec.type not in {"STRING", "COMBO"}:
        return False
    if spec.upload is not None:
        return True
    is_text = spec.multiline or _TEXT.search(slot.input_name)
    return classes.is_output_node(class_type) and not is_text


def find_written_paths(manifest: Manifest, graph: Graph, classes: NodeClasses | None) -> list[str]:
    """Return a sentence for each text input that the manifest writes to a path."""
    return [
        state_mistake(
            name_input(each.name),
            "targets",
            f'has "{slot}", which names a file, where no text of members may go: take it away, or'
            " add hidden = true",
        )
        for each in manifest.inputs
        if each.type is InputType.TEXT and not each.hidden
        for slot in each.slots
        if names_file(slot, graph, classes)
    ]


def protect(manifest: Manifest, graph: Graph, classes: NodeClasses | None) -> Protected:
    """Remove the connections by which members' values would reach a path.

    The input gets its class's default. Raises InvalidGraph if it has none.
    """
    cut = _find_wires(_given_nodes(manifest, graph), graph, classes)
    if not cut:
        return Protected(graph)
    changed = copy.deepcopy(graph)
    notes, mistakes = [], []
    for slot in cut:
        where = f'{slot.input_name} of "{title(graph, slot.node_id)}" ({slot.node_id})'
        default = _default(slot, graph, classes)
        if default is None:
            mistakes.append(
                Sentence(
                    "What members type would reach {where}, which names a file and has no other"
                    " value: disconnect it in ComfyUI and type a name.",
                    where=where,
                )
            )
            continue
        changed[slot.node_id]["inputs"][slot.input_name] = default
        notes.append(
            f"What people give does not reach {where}, which names a file: the connection is cut,"
            f' and it is "{default}".'
        )
    if mistakes:
        raise InvalidGraph(mistakes)
    return Protected(changed, tuple(notes))


def find_escapes(graph: Graph) -> Iterator[str]:
    """Return a sentence for each name of saved files that leaves ComfyUI's output folder."""
    for node_id, node in graph.items():
        prefix = node["inputs"].get(_PREFIX)
        if isinstance(prefix, str) and _is_outside(prefix):
            yield (
                f'The {_PREFIX} "{prefix}" of "{title(graph, node_id)}" ({node_id}) leaves'
                " ComfyUI's output folder, where ComfyUI refuses to save: change it."
            )


def _is_outside(prefix: str) -> bool:
    path = prefix.replace("\\", "/")
    is_absolute = path.startswith("/") or _DRIVE.match(path) is not None
    return is_absolute or posixpath.normpath(path).split("/")[0] == ".."


def _given_nodes(manifest: Manifest, graph: Graph) -> set[str]:
    """Return the nodes to which members' texts or files are written."""
    return {
        slot.node_id
        for each in manifest.inputs
        if not each.hidden and (each.type is InputType.TEXT or each.type.is_attached)
        for slot in each.slots
        if slot.node_id in graph
    }


def _find_wires(given: Iterable[str], graph: Graph, classes: NodeClasses | None) -> list[Slot]:
    """Yield connected inputs that name a file and depend on these nodes, in the graph's order."""
    users: dict[str, list[tuple[Slot, Link]]] = {}
    for node_id, node in graph.items():
        for name, link in links(node):
            users.setdefault(link.node_id, []).append((Slot(node_id, name), link))
    found: set[Slot] = set()

    def following(node_id: str) -> Iterator[str]:
        for slot, link in users.get(node_id, ()):
            kind = _output_type(link, graph, classes)
            if kind in _TEXTS and names_file(slot, graph, classes):
                found.add(slot)
            # A number computed from a text cannot carry a path.
            elif kind not in _NUMBERS:
                yield slot.node_id

    reach(given, following)
    places = {node_id: place for place, node_id in enumerate(graph)}
    return sorted(found, key=lambda slot: (places[slot.node_id], slot))


def _output_type(link: Link, graph: Graph, classes: NodeClasses | None) -> str:
    if classes is None:
        return ""
    types = classes.outputs(str(graph[link.node_id]["class_type"]))
    return types[link.output] if 0 <= link.output < len(types) else ""


def _default(slot: Slot, graph: Graph, classes: NodeClasses | None) -> object:
    if classes is None:
        return None
    spec = classes.input(str(graph[slot.node_id]["class_type"]), slot.input_name)
    if spec is None:
        return None
    return spec.default if spec.default is not None else next(iter(spec.choices or ()), None)
