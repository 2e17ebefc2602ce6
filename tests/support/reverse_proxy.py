"""A reverse proxy as operators put before a ComfyUI: TLS, a base path, credentials, /ws."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Self

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

NOT_PASSED_ON: Final = frozenset(
    {
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "host",
        "sec-websocket-extensions",
        "sec-websocket-key",
        "sec-websocket-version",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that are between two neighbours only, or not for those behind."""

MAX_BYTES: Final = 2**28

Guard = Callable[[web.Request], bool]
WebSocket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


class ReverseProxy:
    """Serves `target` under `base_path` on loopback; whoever the guard refuses gets a 401.

    `passes_sockets` False is a proxy that nobody configured for web sockets. `seen` has the path
    and headers of every request that was let in.
    """

    def __init__(
        self,
        target: str,
        *,
        base_path: str = "",
        guard: Guard = lambda _: True,
        tls: ssl.SSLContext | None = None,
        passes_sockets: bool = True,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.seen: list[tuple[str, Mapping[str, str]]] = []
        self.refused = 0
        self.port = 0
        self._target = target
        self._base_path = base_path
        self._guard = guard
        self._tls = tls
        self._passes_sockets = passes_sockets
        self._max_bytes = max_bytes
        self._sockets: list[web.WebSocketResponse] = []
        self._transports: list[asyncio.Transport] = []
        self._muted: set[int] = set()
        self._gates: dict[str, asyncio.Event] = {}
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None

    @property
    def url(self) -> str:
        """Where it is, with the base path."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self.port}{self._base_path}"

    @property
    def authority(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def kill_sockets(self) -> None:
        """Cut every web socket to the clients without a close frame."""
        transports, self._transports = self._transports, []
        for transport in transports:
            transport.abort()

    def silence_sockets(self) -> None:
        """Leave every web socket open, and let nothing through it any more."""
        self._muted.update(map(id, self._sockets))

    def hold_answers(self, path: str) -> None:
        """Pass on what is asked of `path`, and keep the answers until they are released."""
        self._gates[path] = asyncio.Event()

    def release_answers(self, path: str) -> None:
        """Give the answers that were kept, and later ones at once."""
        self._gates.pop(path).set()

    async def __aenter__(self) -> Self:
        """Serve until the block ends."""
        self._client = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=self._max_bytes)
        app.router.add_route("*", self._base_path + "/{path:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop and cut what is open."""
        if self._client is not None:
            await self._client.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if not self._guard(request):
            self.refused += 1
            return web.Response(status=401, text="Who are you?")
        self.seen.append((request.path, dict(request.headers)))
        path = request.match_info["path"]
        address = f"{self._target}/{path}"
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._pass_socket(request, address)
        return await self._pass_request(request, address, path)

    async def _pass_request(
        self, request: web.Request, address: str, path: str
    ) -> web.StreamResponse:
        assert self._client is not None
        try:
            async with self._client.request(
                request.method,
                address,
                params=request.query,
                headers=_passed_on(request.headers),
                data=await request.read(),
                allow_redirects=False,
            ) as answer:
                content = await answer.read()
                headers = _passed_on(answer.headers)
                if gate := self._gates.get(f"/{path}"):
                    await gate.wait()
                return web.Response(status=answer.status, body=content, headers=headers)
        except aiohttp.ClientError:
            return web.Response(status=502, text="502 Bad Gateway")

    async def _pass_socket(self, request: web.Request, address: str) -> web.StreamResponse:
        if not self._passes_sockets:
            return web.Response(status=400, text="400 Bad Request")
        assert self._client is not None
        try:
            behind = await self._client.ws_connect(
                address, params=request.query, max_msg_size=MAX_BYTES
            )
        except aiohttp.ClientError:
            return web.Response(status=502, text="502 Bad Gateway")
        before = web.WebSocketResponse(max_msg_size=MAX_BYTES)
        async with behind:
            await before.prepare(request)
            self._sockets.append(before)
            if isinstance(request.transport, asyncio.Transport):
                self._transports.append(request.transport)
            pumps = [
                asyncio.create_task(self._pump(before, behind)),
                asyncio.create_task(self._pump(behind, before)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        await before.close()
        return before

    async def _pump(self, source: WebSocket, sink: WebSocket) -> None:
        async for message in source:
            if id(source) in self._muted or id(sink) in self._muted:
                continue
            with suppress(ConnectionError):
                if message.type is aiohttp.WSMsgType.TEXT:
                    await sink.send_str(message.data)
                elif message.type is aiohttp.WSMsgType.BINARY:
                    await sink.send_bytes(message.data)


def _passed_on(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value) for name, value in headers.items() if name.lower() not in NOT_PASSED_ON
    )
