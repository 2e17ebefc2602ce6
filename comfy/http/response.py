"""Responses of a backend, read completely and within bounds."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import aiohttp

from comfy.errors import BackendRefused


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response of any status, read completely. `document` is None if the body is not JSON.

    `retry_after_s` is the pause in seconds that its Retry-After header asks for, if any.
    """

    status: int
    document: Any
    text: str
    retry_after_s: float | None = None

    @property
    def is_success(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300  # noqa: PLR2004 - every success


async def read_body(response: aiohttp.ClientResponse, max_bytes: int, name: str) -> bytes:
    """Read a body up to a limit in bytes. Raises BackendRefused for a larger one."""
    too_large = BackendRefused(f"{name} sends more than {max_bytes} bytes.", status=413)
    if (response.content_length or 0) > max_bytes:
        raise too_large
    if response.content_length is not None and "Content-Encoding" not in response.headers:
        # The size was checked above; bytes beyond the announced length are not part of it.
        return await response.read()
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > max_bytes:
            raise too_large
        parts.append(part)
    return b"".join(parts)


async def build_response(response: aiohttp.ClientResponse, content: bytes) -> HttpResponse:
    """Build a response. Large documents are decoded in a thread: 30 MB take a second."""
    if response.content_type.endswith("json"):
        large = len(content) > 2**20
        decoded = await asyncio.to_thread(_decode, content) if large else _decode(content)
        return HttpResponse(response.status, decoded, "", _retry_after_s(response))
    text = content[:2000].decode(errors="replace")
    return HttpResponse(response.status, None, text, _retry_after_s(response))


def _retry_after_s(response: aiohttp.ClientResponse) -> float | None:
    """Parse Retry-After in seconds; dates, which no backend sends, are ignored."""
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if seconds.isascii() and seconds.isdigit() else None


def _decode(content: bytes) -> Any:  # noqa: ANN401 - decoded JSON is anything
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
