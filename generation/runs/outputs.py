"""Fetching of a run's results while it runs, and their description for recording."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Self

from comfy.backend import Backend
from comfy.protocol.events import MediaKind, Output, OutputBytes, OutputFile, OutputText
from db.repositories.outputs import NewOutput
from generation.errors import FailureKind, GenerationFailed
from generation.media import imaging, video
from generation.media.decoding import decode
from generation.media.media_types import guess_media_type
from generation.runs.result_check import require_kind
from generation.text import legible

MAX_OUTPUT_BYTES = 256 * 1024 * 1024
"""Bytes of one result, such as a long video; larger ones would exhaust memory."""

MAX_RESULTS = 100
"""Results of one run, which are in memory together: ten messages of files."""

MAX_TOTAL_BYTES = 1024 * 1024 * 1024
"""Bytes of all results of one run."""

MAX_FILENAME_CHARACTERS = 100
"""Characters kept of a file name, which every file system and chat accepts."""

UNPLACED = -1
"""Position of a result before all of them are known."""

_log = logging.getLogger(__name__)


class OutputFetcher:
    """Fetches each result once, while later nodes may still run."""

    def __init__(
        self,
        backend: Backend,
        wanted_nodes: Collection[str] = (),
        graph: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._backend = backend
        self._graph = graph or {}
        self._wanted_nodes = frozenset(wanted_nodes)
        self._fetches: dict[Output, asyncio.Task[NewOutput]] = {}
        self._total_bytes = 0

    async def __aenter__(self) -> Self:
        """Start with nothing fetched."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cancel downloads in progress."""
        tasks = tuple(self._fetches.values())
        for task in tasks:
            task.cancel()
        # The first error was raised to the caller; further ones are retrieved and dropped.
        await asyncio.gather(*tasks, return_exceptions=True)

    def collect(self, outputs: Sequence[Output]) -> None:
        """Start downloads of results that were not started yet."""
        for output in outputs:
            is_room = len(self._fetches) < MAX_RESULTS
            if is_room and self._is_wanted(output) and not _is_temporary(output):
                self._fetch(output)

    async def finish(self, outputs: Sequence[Output]) -> tuple[NewOutput, ...]:
        """Return every result of the run in order.

        Raises ComfyError if one cannot be fetched, GenerationFailed if they are too many or too
        large, and UnusableResult if one is not of its node's kind.
        """
        selected = self._select(outputs)
        if len(selected) > MAX_RESULTS:
            raise GenerationFailed(
                FailureKind.WORKFLOW_ERROR,
                "The workflow made {count} results, and {limit} is the most: have it save fewer, "
                "or put them into one file.",
                {"count": len(selected), "limit": MAX_RESULTS},
            )
        fetched = [await self._fetch(output) for output in selected]
        return tuple(replace(one, position=position) for position, one in enumerate(fetched))

    def _select(self, outputs: Sequence[Output]) -> Sequence[Output]:
        wanted = [output for output in dict.fromkeys(outputs) if self._is_wanted(output)]
        lasting = [output for output in wanted if not _is_temporary(output)]
        has_files = any(not isinstance(output, OutputText) for output in lasting)
        return lasting if has_files else wanted

    def _is_wanted(self, output: Output) -> bool:
        return not self._wanted_nodes or output.node_id in self._wanted_nodes

    def _fetch(self, output: Output) -> asyncio.Task[NewOutput]:
        known = self._fetches.get(output)
        if known is None or (known.done() and (known.cancelled() or known.exception())):
            known = asyncio.create_task(self._fetch_one(output), name=f"fetch {output.node_id}")
            self._fetches[output] = known
        return known

    async def _fetch_one(self, output: Output) -> NewOutput:
        match output:
            case OutputText():
                text = legible(output.text)
                return NewOutput(UNPLACED, "text.txt", "text/plain", text.encode(), text=text)
            case OutputBytes():
                await self._require_kind(output, f"{output.node_id}.png", output.content)
                return await _picture_result(f"{output.node_id}.png", "image/png", output.content)
            case OutputFile():
                content = await self._download(output)
                name = _plain_name(output.filename)
                await self._require_kind(output, name, content)
                guessed = guess_media_type(name)
                if output.kind is MediaKind.IMAGE:
                    return await _picture_result(name, guessed, content)
                if guessed.startswith("video/"):
                    return await _video_result(name, guessed, content)
                return NewOutput(UNPLACED, name, guessed, content)

    async def _require_kind(
        self, output: OutputFile | OutputBytes, name: str, content: bytes
    ) -> None:
        kind = output.kind if isinstance(output, OutputFile) else MediaKind.IMAGE
        class_type = self._graph.get(output.node_id, {}).get("class_type", "")
        # In a thread: a text may have many megabytes.
        await asyncio.to_thread(require_kind, content, name, kind, class_type)

    async def _download(self, output: OutputFile) -> bytes:
        content = await self._backend.fetch_output(output, max_bytes=MAX_OUTPUT_BYTES)
        self._total_bytes += len(content)
        if self._total_bytes > MAX_TOTAL_BYTES:
            raise GenerationFailed(
                FailureKind.WORKFLOW_ERROR,
                "The results are too large together (limit {limit} MiB). Ask for fewer or "
                "smaller ones.",
                {"limit": MAX_TOTAL_BYTES // 2**20},
            )
        return content


async def _video_result(filename: str, media_type: str, content: bytes) -> NewOutput:
    """Return a video as a result, with size and thumbnail if it can be decoded."""
    picture = await decode(video.still, content)
    description = await decode(imaging.describe, picture) if picture else None
    if picture is None or description is None:
        return NewOutput(UNPLACED, filename, media_type, content)
    return NewOutput(
        UNPLACED,
        filename,
        media_type,
        content,
        description.width,
        description.height,
        await decode(imaging.thumbnail, picture),
    )


async def _picture_result(filename: str, guessed_type: str, content: bytes) -> NewOutput:
    """Return a picture as a result, with its true type and size if it is readable."""
    description = await decode(imaging.describe, content)
    if description is None:
        _log.warning("The result %s could not be read as a picture.", filename)
        return NewOutput(UNPLACED, filename, guessed_type, content)
    return NewOutput(
        UNPLACED,
        filename,
        description.media_type,
        content,
        description.width,
        description.height,
    )


def _is_temporary(output: Output) -> bool:
    """Return whether it is a preview, which is used only if there is nothing else."""
    return isinstance(output, OutputFile) and output.folder_type == "temp"


def _plain_name(filename: str) -> str:
    """Return the file name alone: backends may send folders or control characters."""
    name = PurePosixPath(filename.replace("\\", "/")).name
    kept = "".join(character for character in name if character.isprintable())
    return kept[-MAX_FILENAME_CHARACTERS:] or "result"
