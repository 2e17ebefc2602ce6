"""HTTP client of a backend, for all requests and /ws handshakes.

Errors of aiohttp, TLS and JSON are translated here. Messages name the backend, never its
URL: a URL may hold a password or a token.
"""

import asyncio
import base64
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import SplitResult, parse_qsl, unquote, urljoin, urlsplit

import aiohttp

from comfy.errors import BackendRefused, BackendUnreachable, ComfyError, NotComfyUI
from comfy.http.errors import NeverSent, NeverTrusted, StreamRefused, describe_failure
from comfy.http.public_addresses import is_public_host, open_public_socket, require_safe
from comfy.http.response import HttpResponse, build_response, read_body
from comfy.protocol.failures import clean_sentence
from comfy.settings import BackendSettings
from comfy.timeouts import Timing

CONNECTIONS = 8
"""Connections to one backend at a time; a burst of submissions would open one each."""

MAX_ANSWER_BYTES = 64 * 2**20
"""Bytes of the largest response read into memory: /object_info with very many custom nodes has 30
MB."""

MAX_FRAME_BYTES = 256 * 2**20
"""Bytes of the largest /ws frame: results that come over the socket are whole pictures. aiohttp's
default of 4 MiB would close the socket; without a limit a backend could exhaust memory."""

MAX_LINE_BYTES = 16 * 2**20
"""The longest line of an event stream: previews come in one, as base64."""

_CLOSING = 2.0
"""Seconds for the closing handshake of /ws."""

_WITH_CONTENT = frozenset({200, 206})
"""Statuses of a response whose body is the requested file."""

_UNAUTHORIZED = frozenset({401, 403, 407})
_PROXY_SAYS_DOWN = frozenset({502, 503, 504})
_REDIRECTS = range(300, 400)
_TLS_ERRORS = (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError)

REDACTED = "[key]"

_Content = TypeVar("_Content", str, bytes, str | bytes)
_T = TypeVar("_T")


class HttpClient:
    """HTTP client of one backend, for one event loop. Connects on first use; close it when done."""

    def __init__(self, settings: BackendSettings, timing: Timing) -> None:
        self.name = settings.name
        self.is_reachable = False
        self._settings = settings
        self._timing = timing
        url = urlsplit(settings.url)
        address = url.netloc.rpartition("@")[2]
        self._origin = f"{url.scheme}://{address}"
        self._base = f"{self._origin}{url.path.rstrip('/')}"
        self._query = dict(parse_qsl(url.query))
        self._headers = _build_headers(settings, url)
        self._client: aiohttp.ClientSession | None = None
        self.is_closed = False
        self._secret = settings.api_key_comfy_org
        self._tls_context: ssl.SSLContext | None = None

    async def close(self) -> None:
        """Close all connections. May be called twice."""
        self.is_closed = True
        if self._client is not None:
            await self._client.close()

    async def fetch_json(
        self, path: str, *, query: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> Any:  # noqa: ANN401 - decoded JSON is anything
        """GET a document. Raises NotComfyUI when the path is unknown or no JSON comes back."""
        answer = await self.exchange("GET", path, query=query, timeout=timeout)
        self.require_ok(answer)
        if answer.document is None:
            self.is_reachable = False
            raise NotComfyUI(f"{self.name} answers, but not as ComfyUI does.")
        return answer.document

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        form: aiohttp.FormData | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> HttpResponse:
        """Send a request and return its response, whatever the status.

        `timeout` is for all of it, by default that of short requests; an upload has none.
        """
        limits = self._limits(None if form is not None else timeout or self._timing.request)
        options: dict[str, Any] = {"json": body} if body is not None else {"data": form}
        options["headers"] = headers or {}
        async with self._respond(method, path, query, limits, options) as response:
            return await self._read_answer(response)

    async def download(
        self, path: str, *, query: Mapping[str, str] | None = None, max_bytes: int
    ) -> bytes:
        """GET a file. Raises BackendRefused when it is larger or the status is not 200 or 206."""
        async with self._respond("GET", path, query, self._limits(None), {}) as response:
            return await self._read_file(response, max_bytes)

    async def download_asset(self, path: str, *, max_bytes: int) -> bytes:
        """GET a file that the backend may redirect to a signed URL. Raises as `download` does.

        The signed URL gets none of our credentials. Where the backend itself is public, it may not
        lead to an address of a private network, nor away from TLS.
        """
        async with self._respond("GET", path, None, self._limits(None), {}) as response:
            if response.status not in _REDIRECTS:
                return await self._read_file(response, max_bytes)
            location = urljoin(str(response.url), response.headers.get("Location", ""))
        is_public = await is_public_host(urlsplit(self._base).hostname or "")
        require_safe(location, base=self._base, is_public=is_public, name=self.name)
        opens = open_public_socket if is_public else None
        connector = aiohttp.TCPConnector(socket_factory=opens, ssl=await self._tls())
        with self._translated(self._timing.transfer_silence):
            async with (
                aiohttp.ClientSession(connector=connector) as session,
                session.get(
                    location, timeout=self._limits(None), allow_redirects=False
                ) as response,
            ):
                return await self._read_file(response, max_bytes)

    async def stream_lines(self, path: str) -> AsyncGenerator[str]:
        """GET a stream of lines, such as server-sent events. Raises StreamRefused on any error."""
        limits = aiohttp.ClientTimeout(
            total=None, sock_connect=self._timing.connect, sock_read=self._timing.unreachable
        )
        options = {"headers": {"Accept": "text/event-stream"}}
        async with self._respond("GET", path, None, limits, options) as response:
            if response.status != HTTPStatus.OK:
                raise StreamRefused(await self._read_answer(response))
            rest = b""
            async for part in response.content.iter_any():
                *lines, rest = (rest + part).split(b"\n")
                if len(rest) > MAX_LINE_BYTES:
                    raise BackendUnreachable(f"{self.name} sends an endless line.")
                for line in lines:
                    yield self.redact(line).decode(errors="replace").removesuffix("\r")

    def resolve(self, link: object) -> str | None:
        """Return the absolute URL of a link; None if it leaves the backend's origin.

        A host-relative link is resolved against the origin, not against the base path.
        """
        url = urljoin(self._base, link) if isinstance(link, str) and link else ""
        return url if urlsplit(url)[:2] == urlsplit(self._base)[:2] else None

    async def connect_socket(self, client_id: str) -> aiohttp.ClientWebSocketResponse:
        """Open /ws as this client. Compression is off: it costs the server twelve times more."""
        with self._translated(self._timing.connect):
            async with asyncio.timeout(self._timing.connect):
                connection = await self._get_client().ws_connect(
                    f"{self._base}/ws",
                    params=self._query | {"clientId": client_id},
                    headers=self._headers,
                    ssl=await self._tls(),
                    heartbeat=self._timing.heartbeat,
                    max_msg_size=MAX_FRAME_BYTES,
                    compress=0,
                    timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSING),
                )
                self.is_reachable = True
                return connection

    def redact(self, content: _Content) -> _Content:
        """Return the content without the API key, which nodes may quote in messages."""
        if not self._secret:
            return content
        if isinstance(content, str):
            return content.replace(self._secret, REDACTED)
        return content.replace(self._secret.encode(), REDACTED.encode())

    async def _read_answer(self, response: aiohttp.ClientResponse) -> HttpResponse:
        content = await read_body(response, MAX_ANSWER_BYTES, self.name)
        return await build_response(response, self.redact(content))

    async def _read_file(self, response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
        if response.status not in _WITH_CONTENT:
            answer = await self._read_answer(response)
            self.require_ok(answer)
            raise self._build_refusal(answer)
        return await read_body(response, max_bytes, self.name)

    def require(self, parsed: _T | None, protocol: str = "ComfyUI") -> _T:
        """Return what was parsed of a response. Raises NotComfyUI if that is nothing."""
        if parsed is None:
            raise NotComfyUI(f"{self.name} answers, but not as {protocol} does.")
        return parsed

    def require_ok(self, answer: HttpResponse) -> None:
        """Raise the error that corresponds to the status, if any."""
        if answer.is_success:
            return
        error = self._build_refusal(answer)
        if isinstance(error, BackendUnreachable):
            self.is_reachable = False
        raise error

    def _build_refusal(self, answer: HttpResponse) -> ComfyError:
        status = answer.status
        if status in _PROXY_SAYS_DOWN:
            return BackendUnreachable(f"{self.name} is down, says the proxy in front of it.")
        if status in _UNAUTHORIZED:
            return BackendRefused(f"{self.name} does not accept our credentials.", status=status)
        if status in _REDIRECTS:
            sentence = f"{self.name} sends us to another address; use that one."
            return BackendRefused(sentence, status=status)
        if status in {404, 405}:
            return NotComfyUI(f"{self.name} answers, but does not know what ComfyUI knows.")
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            sentence = (
                f"{self.name} refuses uploads of this size: raise client_max_body_size of the "
                "proxy in front of it, or --max-upload-size of ComfyUI."
            )
            return BackendRefused(sentence, status=status)
        # Proxies answer with HTML pages.
        text = "" if answer.text.lstrip().startswith("<") else answer.text
        reason = clean_sentence(text) or "no reason given"
        return BackendRefused(f"{self.name} answers with {status}: {reason}", status=status)

    @asynccontextmanager
    async def _respond(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        limits: aiohttp.ClientTimeout,
        options: Mapping[str, Any],
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = self._headers | dict(options.get("headers", {}))
        with self._translated(limits.total or limits.sock_read or 0):
            async with self._get_client().request(
                method,
                path if path.startswith(f"{self._origin}/") else f"{self._base}/{path}",
                params=self._query | dict(query or {}),
                ssl=await self._tls(),
                timeout=limits,
                # Redirects are not followed: they could send the credentials to another host.
                allow_redirects=False,
                **(dict(options) | {"headers": headers}),
            ) as response:
                self.is_reachable = True
                yield response

    @contextmanager
    def _translated(self, seconds: float) -> Iterator[None]:
        """Translate transport errors into this package's errors."""
        try:
            yield
        # A subclass of TimeoutError, but no byte was sent: the request may be repeated.
        except aiohttp.ConnectionTimeoutError as error:
            self.is_reachable = False
            raise NeverSent(f"{self.name} cannot be reached: no answer.") from error
        except TimeoutError as error:
            self.is_reachable = False
            sentence = f"{self.name} did not answer within {seconds:g} s."
            raise BackendUnreachable(sentence) from error
        except aiohttp.WSServerHandshakeError as error:
            self.require_ok(HttpResponse(error.status, None, ""))
            raise NotComfyUI(f"{self.name} answers, but has no /ws as ComfyUI has.") from None
        except (aiohttp.ClientConnectorError, ssl.SSLError) as error:
            self.is_reachable = False
            is_tls = isinstance(error, _TLS_ERRORS)
            kind = NeverTrusted if is_tls else NeverSent
            raise kind(f"{self.name} cannot be reached: {describe_failure(error)}.") from error
        except (aiohttp.ClientError, OSError) as error:
            self.is_reachable = False
            raise BackendUnreachable(
                f"{self.name} broke off: {describe_failure(error)}."
            ) from error
        except ValueError as error:
            self.is_reachable = False
            raise NotComfyUI(f"{self.name} answers, but not as ComfyUI does.") from error

    def _get_client(self) -> aiohttp.ClientSession:
        if self.is_closed:
            raise NeverSent(f"The connection to {self.name} was closed.")
        if self._client is None:
            self._client = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit_per_host=CONNECTIONS)
            )
        return self._client

    async def _tls(self) -> ssl.SSLContext | bool:
        """Build a context that also trusts the operator's certificate authority."""
        if self._settings.ca_file is None:
            return True
        if self._tls_context is not None:
            return self._tls_context
        context = await asyncio.to_thread(ssl.create_default_context)
        try:
            await asyncio.to_thread(context.load_verify_locations, self._settings.ca_file)
        except (OSError, ssl.SSLError) as error:
            file = self._settings.ca_file.name
            raise NeverTrusted(f"{self.name}: the CA file {file} cannot be read.") from error
        self._tls_context = context
        return context

    def _limits(self, total: float | None) -> aiohttp.ClientTimeout:
        """Build time-outs. `total` is None for transfers, which only have a silence limit."""
        if total is None:
            silence = self._timing.transfer_silence
            return aiohttp.ClientTimeout(
                total=None, sock_connect=self._timing.connect, sock_read=silence
            )
        return aiohttp.ClientTimeout(total=total, sock_connect=self._timing.connect)


def _build_headers(settings: BackendSettings, url: SplitResult) -> dict[str, str]:
    """Build the headers; the operator's take precedence over credentials in the URL."""
    headers = {}
    if url.username is not None:
        pair = f"{unquote(url.username)}:{unquote(url.password or '')}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
    if settings.bearer_token:
        headers["Authorization"] = f"Bearer {settings.bearer_token}"
    return headers | dict(settings.headers)
