"""Generation metadata that ComfyUI and A1111 embed in pictures.

ComfyUI writes the graph as JSON. A1111 and compatible programs write one text: the prompt, a line
that begins with "Negative prompt:", and a last line of "Steps: 20, Sampler: Euler, ...".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from workflows.carriers import list_texts, read
from workflows.errors import InvalidGraph, NothingCarried
from workflows.graph import Graph, Node, find_link
from workflows.model_files import MODEL_SUFFIXES

MAX_TEXTS_TAKEN = 4
"""Prompts of one sampler; more texts are data."""

_NEGATIVE = "Negative prompt:"
_FACTS_LINE = re.compile(r"^Steps: \d+\b", re.MULTILINE)
_FACT = re.compile(r'([^:,"]{1,60}):\s*("(?:[^"\\]|\\.)*"|[^,]*)(?:,|$)')
_FACTS_CHARACTERS = 4_000
"""Longest line of facts that is parsed: real ones have some hundreds, and parsing takes quadratic
time."""

_TEXT_INPUTS = ("text", "text_g", "text_l", "clip_l", "t5xxl", "prompt", "value", "string")
_SAMPLED = {
    "seed": "seed",
    "noise_seed": "seed",
    "steps": "steps",
    "cfg": "cfg",
    "guidance": "guidance",
    "sampler_name": "sampler",
    "scheduler": "scheduler",
    "denoise": "denoise",
}


class Program(StrEnum):
    """The program that wrote the metadata."""

    COMFYUI = "ComfyUI"
    A1111 = "A1111"


@dataclass(frozen=True, slots=True)
class Metadata:
    """Generation metadata of a file; `facts` by name, in the file's order."""

    program: Program
    prompt: str = ""
    negative: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


def read_metadata(content: bytes) -> Metadata | None:
    """Read a file's metadata, in up to a second; None if there is none in a known form."""
    try:
        carried = read(content)
    except (NothingCarried, InvalidGraph):
        carried = None
    if carried is not None and carried.graph is not None:
        return describe_graph(carried.graph)
    for _name, text in list_texts(content):
        if _FACTS_LINE.search(text):
            return parse_parameters(text)
    if carried is not None and carried.export is not None:
        nodes = carried.export.get("nodes")
        count = len(nodes) if isinstance(nodes, list) else 0
        return Metadata(Program.COMFYUI, facts={"nodes": str(count)})
    return None


def parse_parameters(text: str) -> Metadata:
    """Parse A1111's text."""
    said, line = text, ""
    for found in _FACTS_LINE.finditer(text):
        said = text[: found.start()]
        line = text[found.start() : found.start() + _FACTS_CHARACTERS]
    prompt, _, negative = said.partition(_NEGATIVE)
    facts = {
        match[1].strip(): match[2].strip().strip('"')
        for match in _FACT.finditer(line.splitlines()[0] if line else "")
    }
    return Metadata(Program.A1111, prompt.strip(), negative.strip(), facts)


def describe_graph(graph: Graph) -> Metadata:
    """Describe a graph: the first sampler's prompts and numbers, and every model file."""
    sampler = next((node for node in graph.values() if _is_sampler(node)), None)
    inputs = sampler["inputs"] if sampler is not None else {}
    facts: dict[str, str] = {}
    for name, value in _numbers(graph, sampler):
        facts.setdefault(name, value)
    models = dict.fromkeys(_models(graph))
    if models:
        facts["models"] = ", ".join(models)
    facts["nodes"] = str(len(graph))
    positive = "\n".join(dict.fromkeys(_texts(graph, inputs.get("positive"))))
    negative = "\n".join(dict.fromkeys(_texts(graph, inputs.get("negative"))))
    if not positive:
        # Samplers with guiders have no prompt input: use any node that takes a prompt.
        anywhere = (_own_texts(node) for node in graph.values() if "Encode" in node["class_type"])
        positive = next((text for texts in anywhere for text in texts), "")
    return Metadata(Program.COMFYUI, positive, negative, facts)


def _is_sampler(node: Node) -> bool:
    inputs = node.get("inputs", {})
    return find_link(inputs.get("positive")) is not None and (
        "seed" in inputs or "noise_seed" in inputs or "latent_image" in inputs
    )


def _numbers(graph: Graph, sampler: Node | None) -> Iterator[tuple[str, str]]:
    nodes = [sampler, *graph.values()] if sampler is not None else list(graph.values())
    for node in nodes:
        for name, value in node.get("inputs", {}).items():
            if name in _SAMPLED and isinstance(value, str | int | float):
                yield _SAMPLED[name], str(value)
    for node in graph.values():
        inputs = node.get("inputs", {})
        width, height = inputs.get("width"), inputs.get("height")
        if "Latent" in node["class_type"] and isinstance(width, int) and isinstance(height, int):
            yield "size", f"{width}x{height}"


def _models(graph: Graph) -> Iterator[str]:
    for node in graph.values():
        for value in node.get("inputs", {}).values():
            if isinstance(value, str) and value.lower().endswith(MODEL_SUFFIXES):
                yield value


def _texts(graph: Graph, value: object) -> Iterator[str]:
    """Yield the texts of the nodes upstream of an input, the nearest first."""
    waiting, seen, found = [value], set[str](), 0
    while waiting and found < MAX_TEXTS_TAKEN:
        link = find_link(waiting.pop(0))
        if link is None or link.node_id in seen or link.node_id not in graph:
            continue
        seen.add(link.node_id)
        node = graph[link.node_id]
        own = tuple(_own_texts(node))
        yield from own
        found += len(own)
        if not own:
            waiting.extend(node.get("inputs", {}).values())


def _own_texts(node: Node) -> Iterator[str]:
    inputs = node.get("inputs", {})
    for name in _TEXT_INPUTS:
        value = inputs.get(name)
        if isinstance(value, str) and value.strip():
            yield value.strip()
