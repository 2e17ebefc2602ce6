"""Uploads and downloads."""

import asyncio
import io
import mimetypes
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from PIL import Image

from sandbox.comfyui.engine import Engine
from sandbox.comfyui.folders import FOLDER_TYPES, OutsideFolderError, split_annotation
from sandbox.comfyui.routes.internal_error import internal_error
from sandbox.comfyui.transcript import Upload
from sandbox.comfyui.validation import InternalServerError
from sandbox.scenarios import UploadTooLarge, WrongFile

DANGEROUS: Final = (".html", ".htm", ".js", ".css", ".svg", ".xml", ".xhtml")
"""Types that a browser would execute: the newer version serves them as attachments only."""
PREVIEW_QUALITY: Final = 90

Route = tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]


@dataclass(frozen=True)
class _Incoming:
    """The fields of an upload."""

    filename: str
    content: bytes
    fields: dict[str, str]

    @property
    def kind(self) -> str:
        """The folder type it goes to."""
        return self.fields.get("type", "input")

    @property
    def subfolder(self) -> str:
        """The subfolder it goes to."""
        return self.fields.get("subfolder", "")

    @property
    def overwrites(self) -> bool:
        """Whether it replaces a file of its name."""
        return self.fields.get("overwrite") in {"true", "1"}


class FileRoutes:
    """/view and /upload/image."""

    def __init__(self, server: Engine) -> None:
        self._server = server

    def routes(self) -> list[Route]:
        """Return method, path and handler of each."""
        return [
            ("GET", "/view", self._view),
            ("HEAD", "/view", self._view),
            ("POST", "/upload/image", self._upload_image),
        ]

    async def _upload_image(self, request: web.Request) -> web.Response:
        too_large = self._server.faults.take(UploadTooLarge)
        if too_large is not None:
            raise web.HTTPRequestEntityTooLarge(too_large.limit, too_large.limit + 1)
        incoming = await _read_upload(request)
        if incoming is None:
            return web.Response(status=400)
        return await asyncio.to_thread(self._store, incoming, incoming.content)

    def _store(self, incoming: _Incoming, content: bytes) -> web.Response:
        if incoming.kind not in FOLDER_TYPES:
            raise InternalServerError
        folders = self._server.folders
        try:
            directory = folders.inside(incoming.kind, incoming.subfolder)
            path = folders.inside(incoming.kind, incoming.subfolder, incoming.filename)
        except OutsideFolderError:
            return web.Response(status=400)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            path = path if incoming.overwrites else _free_name(path, content)
            path.write_bytes(content)
        except OSError as error:
            raise InternalServerError from error
        name = str(path.relative_to(directory))
        upload = Upload(name, incoming.subfolder, incoming.kind, len(content))
        self._server.log.uploads.append(upload)
        return web.json_response(_stored_as(name, incoming))

    async def _view(self, request: web.Request) -> web.StreamResponse:
        wrong = self._server.faults.take(WrongFile)
        if wrong is not None:
            elsewhere = {"Location": wrong.location} if wrong.location else {}
            return web.Response(status=wrong.status, body=wrong.content, headers=elsewhere)
        return await self._find(request)

    async def _find(self, request: web.Request) -> web.StreamResponse:
        if "filename" not in request.query:
            return web.Response(status=404)
        path = self._requested(request)
        if isinstance(path, int):
            return web.Response(status=path)
        named = {"Content-Disposition": f'filename="{path.name}"'}
        try:
            if "preview" in request.query:
                return await asyncio.to_thread(_as_preview, path, request.query["preview"], named)
            if request.query.get("channel") in {"rgb", "a"}:
                return await asyncio.to_thread(_as_channel, path, request.query["channel"], named)
        except (OSError, ValueError, SyntaxError):
            return internal_error()
        return self._whole(path, named)

    def _requested(self, request: web.Request) -> Path | int:
        """Return the requested file, or the status that refuses it."""
        annotation, filename = split_annotation(request.query["filename"])
        kind = request.query.get("type", annotation or "output")
        if not filename or ".." in filename or filename.startswith("/") or kind not in FOLDER_TYPES:
            return 400
        try:
            path = self._server.folders.inside(kind, request.query.get("subfolder", ""), filename)
        except OutsideFolderError:
            return 403
        return path if path.is_file() else 404

    def _whole(self, path: Path, named: dict[str, str]) -> web.FileResponse:
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if self._server.version != "0.3.64" and path.suffix.lower() in DANGEROUS:
            media_type = "application/octet-stream"
            named = {
                "Content-Disposition": f'attachment; filename="{path.name}"',
                "Cache-Control": "no-store",
            }
        headers = {**named, "Content-Type": media_type, "X-Content-Type-Options": "nosniff"}
        return _File(path, headers=headers)


class _File(web.FileResponse):
    """A file that is closed in every case.

    aiohttp opens it in a thread, and leaves it open if its request is cancelled meanwhile.
    """

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send the file; a cancellation takes effect once it is sent or the connection is cut."""
        sending = asyncio.ensure_future(super().prepare(request))
        try:
            return await asyncio.shield(sending)
        except asyncio.CancelledError:
            await asyncio.gather(sending, return_exceptions=True)
            raise


async def _read_upload(request: web.Request) -> _Incoming | None:
    """Read the form, or None when it has no image field at all."""
    if not request.content_type.startswith("multipart/"):
        return None
    form = await request.post()
    image = form.get("image")
    if image is None:
        return None
    if not isinstance(image, web.FileField) or not image.filename:
        raise InternalServerError
    content = await asyncio.to_thread(image.file.read)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    return _Incoming(image.filename, content, fields)


def _stored_as(name: str, incoming: _Incoming) -> dict[str, str]:
    return {"name": name, "subfolder": incoming.subfolder, "type": incoming.kind}


def _free_name(path: Path, content: bytes) -> Path:
    """Return the name itself when it is free or holds the same bytes, else "name (1).ext"..."""
    candidate, number = path, 0
    while candidate.exists() and candidate.read_bytes() != content:
        number += 1
        candidate = path.with_name(f"{path.stem} ({number}){path.suffix}")
    return candidate


def _as_preview(path: Path, wish: str, named: dict[str, str]) -> web.Response:
    kind, _, quality = wish.partition(";")
    kind = kind if kind in {"webp", "jpeg"} else "webp"
    with Image.open(path) as opened:
        keeps_alpha = kind == "webp" and opened.mode in {"RGBA", "LA", "P"}
        picture = opened.convert("RGBA" if keeps_alpha else "RGB")
    number = int(quality) if quality.isdigit() else PREVIEW_QUALITY
    if number > 100:  # noqa: PLR2004 - a percentage
        raise ValueError(wish)
    return _encoded(picture, kind, named, quality=number)


def _as_channel(path: Path, channel: str, named: dict[str, str]) -> web.Response:
    with Image.open(path) as opened:
        whole = opened.convert("RGBA")
    if channel == "rgb":
        return _encoded(whole.convert("RGB"), "png", named)
    alpha = Image.new("RGBA", whole.size)
    alpha.putalpha(whole.getchannel("A"))
    return _encoded(alpha, "png", named)


def _encoded(
    picture: Image.Image, kind: str, named: dict[str, str], **options: int
) -> web.Response:
    stream = io.BytesIO()
    picture.save(stream, kind.upper(), **options)
    return web.Response(body=stream.getvalue(), content_type=f"image/{kind}", headers=named)
