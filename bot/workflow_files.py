"""Workflow files that an operator names, and the node classes by which they are understood."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.app import ANSWER_TIMEOUT_S, build_pool_members
from bot.settings import Settings
from comfy.backend import Backend
from comfy.errors import ComfyError
from comfy.object_info import ObjectInfo
from workflows.carriers import Carried, read
from workflows.convert import Conversion, convert
from workflows.errors import UnknownClasses
from workflows.graph import Graph

MAX_FILE_BYTES = 1024 * 1024 * 1024
"""Films with a workflow are smaller; a mistaken argument must not fill the memory."""

MAX_OBJECT_INFO_BYTES = 256 * 1024 * 1024
"""Unpacked; backends with very many custom nodes have some 30 MB."""

_GZIP = b"\x1f\x8b"


class FileUnusable(Exception):
    """A file named on the command line cannot be used; the text is the sentence that says why."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What to print for a file: the graph, and sentences about it.

    `is_whole` when all of it is known: otherwise the sentences say which classes are not.
    """

    graph: Graph
    sentences: tuple[str, ...]
    is_whole: bool


async def convert_file(path: Path, backends: AsyncIterator[ObjectInfo]) -> Converted:
    """The API-format graph of any file that carries a workflow.

    What the editor saved is understood by the node classes of the first of `backends` that has
    them all, or else of the one that lacks the fewest; a graph needs none. Raises FileUnusable,
    InvalidGraph, and what asking the backends raises.
    """
    carried = load_carried(path)
    if carried.graph is not None or carried.export is None:
        return Converted(carried.graph or {}, carried.remarks, is_whole=True)
    conversion = await _convert(carried.export, backends)
    unknown = UnknownClasses(conversion.unknown).sentences
    return Converted(
        conversion.sent, (*carried.remarks, *conversion.remarks, *unknown), is_whole=not unknown
    )


def load_carried(path: Path) -> Carried:
    """What a file carries. Raises FileUnusable and InvalidGraph."""
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise FileUnusable(f"{path} is larger than 1 GiB, which no workflow file is.")
    return read(content)


def load_object_info(path: Path) -> ObjectInfo:
    """Read a saved answer of /object_info, packed with gzip or not. Raises FileUnusable."""
    with path.open("rb") as file:
        is_packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        try:
            stream = gzip.GzipFile(fileobj=file) if is_packed else file
            content = stream.read(MAX_OBJECT_INFO_BYTES + 1)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise FileUnusable(f"{path} is a damaged gzip file: save it again.") from error
    if len(content) > MAX_OBJECT_INFO_BYTES:
        raise FileUnusable(f"{path} is larger than 256 MiB, which no /object_info is.")
    try:
        found = ObjectInfo.parse(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise FileUnusable(_NO_OBJECT_INFO.format(path=path)) from error
    if not found.classes:
        raise FileUnusable(_NO_OBJECT_INFO.format(path=path))
    return found


_NO_OBJECT_INFO = (
    "{path} is not what ComfyUI answers under /object_info: save that address of a running ComfyUI."
)


async def saved_object_info(path: Path) -> AsyncIterator[ObjectInfo]:
    """The node classes of a saved /object_info alone. Raises FileUnusable."""
    yield load_object_info(path)


async def fetch_object_infos(
    settings: Settings, *, backend: str | None
) -> AsyncIterator[ObjectInfo]:
    """The node classes of each configured backend that answers, or only of the one so named.

    Raises FileUnusable when there is none, with what each backend said.
    """
    members = build_pool_members(settings)
    chosen = [one.backend for one in members if backend in (None, one.backend.name)]
    if not chosen:
        known = ", ".join(one.backend.name for one in members)
        raise FileUnusable(f"There is no backend called {backend}; there is: {known}.")
    refusals = []
    for one in chosen:
        answer = await _ask(one)
        if isinstance(answer, ObjectInfo):
            yield answer
        else:
            refusals.append(f"{one.name}: {answer}")
    if len(refusals) == len(chosen):
        raise FileUnusable(
            "No backend could be asked for its node classes: start ComfyUI, or give a saved"
            f" /object_info with --object-info. {' '.join(refusals)}"
        )


async def _ask(backend: Backend) -> ObjectInfo | str:
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return await backend.fetch_object_info()
    except TimeoutError:
        return "It does not answer in time."
    except ComfyError as error:
        return str(error)
    finally:
        await backend.close()


async def _convert(export: Mapping[str, Any], backends: AsyncIterator[ObjectInfo]) -> Conversion:
    best: Conversion | None = None
    async for classes in backends:
        conversion = convert(export, classes)
        if best is None or len(conversion.unknown) < len(best.unknown):
            best = conversion
        if not best.unknown:
            break
    if best is None:
        raise FileUnusable("No backend could be asked for its node classes.")
    return best
