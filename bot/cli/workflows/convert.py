"""`limner workflows convert`: workflow files to API-format graphs, and node classes for it."""

import asyncio
import json
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bot.cli.invocation import CommandError
from bot.pool_members import ANSWER_TIMEOUT_S, build_pool_members
from bot.settings import Settings
from comfy.backend import Backend
from comfy.errors import ComfyError
from comfy.protocol.object_info import ObjectInfo
from comfy.saved_object_info import load_object_info
from workflows.carriers import Carried, read
from workflows.convert import Conversion, convert
from workflows.errors import UnknownClasses, WorkflowUnusable
from workflows.graph import Graph

MAX_FILE_BYTES = 1024 * 1024 * 1024
"""Limit for a mistaken argument; videos that carry a workflow are smaller."""


@dataclass(frozen=True, slots=True)
class Converted:
    """The graph of a file, and remarks about it.

    `is_whole` is False when parts are missing or unknown; `sentences` names them.
    """

    graph: Graph
    sentences: tuple[str, ...]
    is_whole: bool


class ObjectInfos:
    """Node classes of backends, fetched once for any number of files."""

    def __init__(self, source: AsyncIterator[ObjectInfo]) -> None:
        self._source = source
        self._known: list[ObjectInfo] = []

    async def __aiter__(self) -> AsyncIterator[ObjectInfo]:
        """Iterate over cached node classes, then fetch further ones. Raises the source's errors."""
        for object_info in self._known:
            yield object_info
        async for object_info in self._source:
            self._known.append(object_info)
            yield object_info


async def run_convert(
    paths: Sequence[Path], backends: AsyncIterator[ObjectInfo], *, out: Path | None
) -> int:
    """Print the graph of a file, or write the graph of each into the folder `out`.

    Returns the exit status: 0 when every graph is whole. A single file raises its errors; with
    several, the errors of one are printed and the others are still written.
    """
    infos = ObjectInfos(backends)
    if out is None:
        converted = await convert_file(paths[0], infos)
        click.echo(_as_json(converted.graph))
        _print_sentences(converted.sentences)
        return 0 if converted.is_whole else 1
    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    done = [await _convert_into(out, path, infos) for path in paths]
    return 0 if all(done) else 1


async def _convert_into(out: Path, path: Path, infos: ObjectInfos) -> bool:
    """Write a file's graph into a folder and print remarks; return whether it is whole."""
    target = out / f"{path.stem}.json"
    try:
        converted = await convert_file(path, infos)
        with target.open("xb") as file:
            file.write(_as_json(converted.graph) + b"\n")
    except FileExistsError:
        _print_sentences([f"{target} exists already. Move it first."], path)
    except (CommandError, WorkflowUnusable, OSError) as error:
        _print_sentences([str(error)], path)
    else:
        _print_sentences(converted.sentences, path)
        return converted.is_whole
    return False


def _as_json(graph: Graph) -> bytes:
    return json.dumps(graph, ensure_ascii=False, indent=2).encode()


def _print_sentences(sentences: Iterable[str], path: Path | None = None) -> None:
    for sentence in sentences:
        click.echo(f"{path}: {sentence}" if path else sentence, err=True)


async def convert_file(path: Path, backends: AsyncIterable[ObjectInfo]) -> Converted:
    """Convert any file that carries a workflow to an API-format graph.

    A UI export is converted with the node classes of the first of `backends` that has all of them,
    or else of the one that lacks the fewest; a graph needs none. Raises CommandError, InvalidGraph,
    and the errors of `backends`.
    """
    carried = load_carried(path)
    if carried.graph is not None or carried.export is None:
        return Converted(carried.graph or {}, carried.remarks, is_whole=True)
    conversion = await _convert(carried.export, backends)
    unknown = UnknownClasses(conversion.unknown).sentences
    sentences = (*carried.remarks, *conversion.losses, *unknown)
    return Converted(conversion.sent, sentences, is_whole=conversion.is_whole)


def load_carried(path: Path) -> Carried:
    """Load the graph or UI export that a file carries. Raises CommandError and InvalidGraph."""
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise CommandError(f"{path} is larger than 1 GiB: not a workflow file.")
    return read(content)


def read_object_info(path: Path) -> ObjectInfo:
    """Load a saved /object_info response with node classes. Raises CommandError, OSError."""
    try:
        object_info = load_object_info(path)
    except ValueError as error:
        raise CommandError(str(error)) from error
    if not object_info.classes:
        raise CommandError(f"{path} names no node class: save /object_info of a running ComfyUI.")
    return object_info


async def saved_object_info(path: Path) -> AsyncIterator[ObjectInfo]:
    """Yield the node classes of a saved /object_info only. Raises CommandError."""
    yield read_object_info(path)


async def fetch_object_infos(
    settings: Settings, *, backend: str | None
) -> AsyncIterator[ObjectInfo]:
    """Fetch the node classes of each configured backend that answers, or of the named one only.

    Raises CommandError with the error of each backend when none answers.
    """
    members = build_pool_members(settings)
    chosen = [member.backend for member in members if backend in (None, member.backend.name)]
    if not chosen:
        known = ", ".join(member.backend.name for member in members)
        raise CommandError(f"No backend is called {backend}; there is: {known}.")
    refusals = []
    for candidate in chosen:
        answer = await ask_object_info(candidate)
        if isinstance(answer, ObjectInfo):
            yield answer
        else:
            refusals.append(f"{candidate.name}: {answer}")
    if len(refusals) == len(chosen):
        raise CommandError(
            "No backend could be asked for its node classes: start ComfyUI, or give a saved"
            f" /object_info with --object-info. {' '.join(refusals)}"
        )


async def ask_object_info(backend: Backend) -> ObjectInfo | str:
    """Fetch the node classes of a backend, or why they cannot be; closes it."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await backend.fetch_object_info()
    except TimeoutError:
        return "It does not answer in time."
    except ComfyError as error:
        return str(error)
    finally:
        await backend.close()


async def _convert(export: Mapping[str, Any], backends: AsyncIterable[ObjectInfo]) -> Conversion:
    best: Conversion | None = None
    async for classes in backends:
        conversion = convert(export, classes, now=datetime.now().astimezone())
        if best is None or len(conversion.unknown) < len(best.unknown):
            best = conversion
        if not best.unknown:
            break
    if best is None:
        raise CommandError("No backend could be asked for its node classes.")
    return best
