"""Downloads of model files: resumed, verified, and never from the operator's network.

DownloadError
└── AddressRefused    the URL, or an address that it leads to, is none that is downloaded from
"""

import asyncio
import hashlib
import re
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver

from comfy.errors import ComfyError
from comfy.http.public_addresses import NotPublic, is_public, open_public_socket

CHUNK_BYTES: Final = 2**20
"""Bytes written at a time."""

SILENCE_S: Final = 60.0
"""Seconds without data after which a download counts as disconnected."""

CONNECT_S: Final = 20.0
"""Seconds to connect."""

TOLERANCE: Final = 0.1
"""Tolerated deviation of a file's size from its listing, which may be rounded."""

PARTIAL_SUFFIX: Final = ".part"

_SHA256 = re.compile(r"[0-9a-f]{64}")

ReportProgress = Callable[[int, int | None], None]
"""Called with the downloaded bytes and the total, if that is known."""


class DownloadError(ComfyError):
    """A file was not downloaded; the message is one sentence."""


class AddressRefused(DownloadError):
    """The URL, or an address it leads to, is not allowed."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file to download. `size` is in bytes and may be rounded; `sha256` is lower-case hex."""

    url: str
    path: Path
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class _Expected:
    """The server's statements on a file: its total size, and its SHA-256 if known."""

    total: int | None
    sha256: str | None


class Downloader:
    """Downloads files one after another. Use it as an asynchronous context manager.

    Connects only to public addresses, whatever a name resolves to and wherever a redirect leads;
    `may_connect` decides on an address, and `resolver` finds it.
    """

    def __init__(
        self,
        *,
        may_connect: Callable[[str], bool] | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._may_connect = may_connect or is_public
        self._resolver = resolver
        self._refused: str | None = None

    async def __aenter__(self) -> Self:
        """Open the client, without the environment's proxies, which would hide addresses."""
        connector = aiohttp.TCPConnector(
            socket_factory=self._open_socket, resolver=self._resolver, use_dns_cache=False
        )
        self._client = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S),
            # Ranges and sizes are to be the file's, not those of a compressed copy.
            headers={"Accept-Encoding": "identity"},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def fetch(self, wanted: Download, report: ReportProgress) -> None:
        """Download a file to its path, resuming an earlier partial download beside it.

        Raises DownloadError; the partial download is kept unless its content is wrong.
        """
        require_http(wanted.url)
        partial = wanted.path.with_name(wanted.path.name + PARTIAL_SUFFIX)
        self._refused = None
        try:
            expected = await self._transfer(wanted, partial, report)
        except aiohttp.NonHttpUrlRedirectClientError as error:
            raise AddressRefused("It leads to an address that is not http or https.") from error
        except aiohttp.TooManyRedirects as error:
            raise DownloadError("It leads from one address to the next without end.") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            if self._refused is not None:
                sentence = f"It leads to {self._refused}, which is not on the public Internet."
                raise AddressRefused(sentence) from error
            raise DownloadError("The connection broke off. Run it again to go on.") from error
        except OSError as error:
            raise DownloadError(f"It cannot be written: {error.strerror or error}.") from error
        sha256 = wanted.sha256 or expected.sha256
        await asyncio.to_thread(_complete, partial, wanted.path, expected.total, sha256)

    async def _transfer(self, wanted: Download, partial: Path, report: ReportProgress) -> _Expected:
        held = await asyncio.to_thread(_count_held, partial)
        headers = {"Range": f"bytes={held}-"} if held else {}
        async with self._client.get(wanted.url, headers=headers) as response:
            # Nothing is left to send: the part is the whole file already.
            if held and response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return _Expected(_whole_size(response, held), _stated_sha256(response))
            _require_content(response)
            # A server without ranges sends the file from its beginning.
            if response.status != HTTPStatus.PARTIAL_CONTENT:
                held = 0
            total = _whole_size(response, held)
            _require_plausible(total, wanted.size)
            await asyncio.to_thread(_require_room, partial.parent, (total or 0) - held)
            with partial.open("ab" if held else "wb") as file:
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    await asyncio.to_thread(file.write, chunk)
                    held += len(chunk)
                    _require_at_most(held, total or wanted.size)
                    report(held, total)
            return _Expected(total, _stated_sha256(response))

    def _open_socket(self, address: AddrInfoType) -> socket.socket:
        """Open the socket of a connection, unless its address is refused."""
        try:
            return open_public_socket(address, self._may_connect)
        except NotPublic:
            self._refused = str(address[4][0])
            raise


def require_http(url: str) -> None:
    """Raise AddressRefused for a URL that is not http or https."""
    try:
        parts = urlsplit(url)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_usable = False
    if not is_usable:
        raise AddressRefused("Its address is not an http or https URL.")


def _require_content(response: aiohttp.ClientResponse) -> None:
    host = response.url.host or "The server"
    if response.status in (401, 403):
        raise DownloadError(
            f"{host} wants a login: accept the license there, and download it by hand."
        )
    if response.status not in (200, HTTPStatus.PARTIAL_CONTENT):
        raise DownloadError(f"{host} answers with status {response.status}.")
    if response.content_type == "text/html":
        raise DownloadError(f"{host} sends a page instead of the file.")


def _whole_size(response: aiohttp.ClientResponse, held: int) -> int | None:
    """Return the total size in bytes. Raises DownloadError for a range that was not requested."""
    stated = re.fullmatch(
        r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", "")
    )
    if response.status in (HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        if stated is None or stated[1] not in (None, str(held)):
            raise DownloadError("The server sends another part than the one asked for.")
        return int(stated[2]) if stated[2] != "*" else None
    return response.content_length


def _stated_sha256(response: aiohttp.ClientResponse) -> str | None:
    """Return the SHA-256 that Hugging Face states on its redirect to the storage of large files."""
    for answer in (*response.history, response):
        stated = answer.headers.get("X-Linked-Etag", "").strip('"')
        if _SHA256.fullmatch(stated):
            return stated
    return None


def _require_plausible(total: int | None, size: int | None) -> None:
    if total is None and size is None:
        raise DownloadError("The server does not say how large it is.")
    if total is not None and size is not None and abs(total - size) > TOLERANCE * size:
        raise DownloadError(f"The server has {total:,} bytes for it, where {size:,} were expected.")


def _require_at_most(held: int, size: int | None) -> None:
    if size is not None and held > size * (1 + TOLERANCE):
        raise DownloadError("The server sends more than it said.")


def _require_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DownloadError(f"It needs {needed:,} more bytes, and the disk has {free:,} free.")


def _count_held(partial: Path) -> int:
    """Return the size of the partial download; create the folder if it is missing."""
    partial.parent.mkdir(parents=True, exist_ok=True)
    return partial.stat().st_size if partial.exists() else 0


def _complete(partial: Path, path: Path, total: int | None, sha256: str | None) -> None:
    """Verify the download and give it its name. Raises DownloadError."""
    size = partial.stat().st_size
    if total is not None and size < total:
        raise DownloadError("The connection broke off. Run it again to go on.")
    is_wrong = total is not None and size != total
    # A part that is too short is kept and continued; one that is wrong would stay wrong.
    if is_wrong or (sha256 is not None and _hash(partial) != sha256):
        partial.unlink()
        raise DownloadError("Its content is not what it should be, so it was deleted.")
    partial.replace(path)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
