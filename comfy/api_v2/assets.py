"""Files that a service stores: uploads, their place in graphs, and downloads."""

import asyncio
import hashlib
import io
import time
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from comfy.api_v2.errors import require_taken
from comfy.backend import Graph
from comfy.errors import BackendUnreachable, NotComfyUI, OutputGone
from comfy.http.client import HttpClient
from comfy.protocol.events import OutputFile
from comfy.timeouts import Timing

ASSETS = "api/v2/assets"
"""Path of assets below a service's URL."""

_HASH_CHARACTERS = 32


class AttachedPicture(str):
    """A picture as an input of a graph, in place of a file name; its text is that name.

    It is uploaded when the graph is sent, so that re-attaching to a job needs no upload. It has a
    type of its own, so that no typed text can refer to a file.
    """

    __slots__ = ("content",)
    content: bytes

    def __new__(cls, content: bytes, extension: str) -> Self:
        """Name it by its content; services store equal files once."""
        name = f"{hashlib.sha256(content).hexdigest()[:_HASH_CHARACTERS]}.{extension}"
        picture = super().__new__(cls, name)
        picture.content = content
        return picture

    def __str__(self) -> Self:
        """Return itself: a plain string would be a file name."""
        return self


async def upload_attached(http: HttpClient, graph: Graph) -> dict[str, Any]:
    """Upload attached pictures; return the graph with references to them."""
    return {
        node_id: {**node, "inputs": await _refer(http, node.get("inputs", {}))}
        for node_id, node in graph.items()
    }


async def fetch(http: HttpClient, timing: Timing, file: OutputFile, *, max_bytes: int) -> bytes:
    """Download a file. Raises OutputGone, or BackendRefused if it is larger.

    Waits for an unreachable service, because its results are paid for.
    """
    path = f"{ASSETS}/{quote(file.asset_id or '', safe='')}/content"
    deadline = time.monotonic() + timing.unknown
    gone = OutputGone(f"{http.name} does not have {file.filename} any more.")
    while True:
        try:
            return await http.download_asset(path, max_bytes=max_bytes)
        except NotComfyUI as error:
            raise gone from error
        except BackendUnreachable as error:
            if http.is_closed:
                raise
            if time.monotonic() > deadline:
                raise gone from error
        await asyncio.sleep(timing.poll_first)


async def _refer(http: HttpClient, inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"__type": "core/ASSET", "info": {"id": await _upload(http, value)}}
        if isinstance(value, AttachedPicture)
        else value
        for name, value in inputs.items()
    }


async def _upload(http: HttpClient, picture: AttachedPicture) -> str:
    filename = "".join(picture)
    media_type = f"image/{filename.rpartition('.')[2]}"
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("content_type", media_type)
    form.add_field("file_path", filename)
    content = io.BytesIO(picture.content)
    form.add_field("file", content, filename=filename, content_type=media_type)
    answer = await http.exchange("POST", ASSETS, form=form)
    require_taken(http, answer)
    asset_id = answer.document.get("id") if isinstance(answer.document, dict) else None
    if not isinstance(asset_id, str) or not asset_id:
        raise NotComfyUI(f"{http.name} answers, but not as the Comfy API v2 does.")
    return asset_id
