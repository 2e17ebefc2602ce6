"""REST v10: routing, and the processing of every request around its handler."""

import json
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from aiohttp import BodyPartReader, web

from sandbox.discord_api.errors import ApiError, Refusal
from sandbox.discord_api.faults import Faults
from sandbox.discord_api.rate_limits import (
    CHANNEL_EDITS,
    CHANNEL_MESSAGES,
    GLOBAL,
    ORDINARY,
    WEBHOOK_TOKEN,
    RateLimited,
    RateLimits,
    Rule,
)
from sandbox.discord_api.values import JsonObject, Upload

_log = logging.getLogger(__name__)

PREFIX: Final = "/api/v10"
_FILE_FIELD = "files["


@dataclass(frozen=True, slots=True)
class Call:
    """A parsed request, with its files separate from the body."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: object
    uploads: Mapping[int, Upload]

    def number(self, name: str) -> int:
        """Return an id from the path."""
        text = self.path[name]
        if not text.isdigit():
            raise ApiError(400, 50035, f'Value "{text}" is not snowflake.')
        return int(text)

    def fields(self) -> JsonObject:
        """Return the body's fields."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise ApiError.of(Refusal.INVALID_JSON)
        return self.body


@dataclass(frozen=True, slots=True)
class Answer:
    """A handler's response: a JSON body, or none."""

    body: object = None
    status: int = 200


Handler: TypeAlias = Callable[[Call], Answer]
Observer: TypeAlias = Callable[[str, str, object], None]
"""Called with the method, path and body of each request."""

Responder: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

NOTHING: Final = Answer(status=204)


@dataclass(frozen=True, slots=True)
class Route:
    """A route with its rate limit."""

    method: str
    path: str
    handler: Handler
    rule: Rule | None = ORDINARY
    needs_token: bool = True


class Rest:
    """Serves routes: faults, authorization, rate limits, then the handler."""

    def __init__(self, token: str, rate_limits: RateLimits, faults: Faults) -> None:
        self._token = token
        self._rate_limits = rate_limits
        self._faults = faults
        self.unknown_requests: list[str] = []
        self.observe: Observer = lambda _method, _path, _body: None

    def add_to(self, app: web.Application, routes: list[Route]) -> None:
        """Register the routes, and a recorded error for everything else under /api."""
        for route in routes:
            app.router.add_route(route.method, PREFIX + route.path, self._responder(route))
        app.router.add_route("*", "/api/{rest:.*}", self._unknown)

    def _responder(self, route: Route) -> Responder:
        async def respond(request: web.Request) -> web.StreamResponse:
            headers: dict[str, str] = {}
            try:
                # Before any refusal: an early response would reset an upload in progress.
                call = await _read_call(request)
                self.observe(request.method, request.path, call.body)
                loses_answer = await self._faults.strike(request.method, request.path)
                headers = self._admit(route, request)
                answer = route.handler(call)
            except ApiError as error:
                return _refusal(route, error, headers)
            except ConnectionError:
                # The client disconnected during the request, or the response is to be dropped.
                if request.transport is not None:
                    request.transport.abort()
                return _refusal(route, ApiError.of(Refusal.CRASHED), headers)
            except Exception as error:  # noqa: BLE001 - logged, because clients retry a 500 silently
                self._crash(route, error)
                return _refusal(route, ApiError.of(Refusal.CRASHED), headers)
            if loses_answer and request.transport is not None:
                request.transport.abort()
            if answer.status == NOTHING.status:
                return web.Response(status=answer.status, headers=headers)
            return _json_response(answer.body, answer.status, headers)

        return respond

    def _crash(self, route: Route, error: Exception) -> None:
        self.unknown_requests.append(f"{route.method} {route.path}: {error!r}")
        _log.error("The stand-in Discord failed at %s %s", route.method, route.path, exc_info=error)

    def _admit(self, route: Route, request: web.Request) -> dict[str, str]:
        if route.needs_token:
            self._check_token(request)
            self._rate_limits.take(GLOBAL, "bot")
        if route.rule is None:
            return {}
        return self._rate_limits.take(route.rule, _bucket(route, request)).headers()

    def _check_token(self, request: web.Request) -> None:
        given = request.headers.get("Authorization", "")
        if not secrets.compare_digest(given.encode(), f"Bot {self._token}".encode()):
            raise ApiError.of(Refusal.UNAUTHORIZED)

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        name = f"{request.method} {request.path}"
        self.unknown_requests.append(name)
        _log.error("The stand-in Discord does not know %s", name)
        error = ApiError.of(Refusal.UNKNOWN_ROUTE)
        return _json_response(error.body(), error.status, {})


def _bucket(route: Route, request: web.Request) -> str:
    """Return the key of a request's window: the route and its major parameters."""
    place = request.match_info
    if route.rule is WEBHOOK_TOKEN:
        return place["token"]
    if route.rule in (CHANNEL_MESSAGES, CHANNEL_EDITS):
        return place["channel_id"]
    return f"{route.method} {route.path} {place.get('channel_id', place.get('guild_id', ''))}"


def _refusal(route: Route, error: ApiError, headers: Mapping[str, str]) -> web.Response:
    extra = error.headers() if isinstance(error, RateLimited) else headers
    level = logging.WARNING if isinstance(error, RateLimited) else logging.INFO
    _log.log(level, "%s %s: %s %s", route.method, route.path, error.status, error.body())
    return _json_response(error.body(), error.status, extra)


async def _read_call(request: web.Request) -> Call:
    body, uploads = await _read_body(request)
    return Call(request.match_info, request.query, body, uploads)


async def _read_body(request: web.Request) -> tuple[object, dict[int, Upload]]:
    if request.content_type == "multipart/form-data":
        return await _read_multipart(request)
    raw = await request.read()
    return (_parse(raw) if raw else None), {}


async def _read_multipart(request: web.Request) -> tuple[object, dict[int, Upload]]:
    body: object = None
    uploads: dict[int, Upload] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise ApiError.of(Refusal.INVALID_JSON)
        name, content = part.name or "", bytes(await part.read())
        if name == "payload_json":
            body = _parse(content)
        elif name.startswith(_FILE_FIELD) and name[len(_FILE_FIELD) : -1].isdigit():
            index = int(name[len(_FILE_FIELD) : -1])
            uploads[index] = Upload(part.filename or "unnamed", content)
        else:
            raise ApiError(400, 50035, f"The stand-in knows no form field {name}.")
    return body, uploads


def _parse(raw: bytes) -> object:
    try:
        parsed: object = json.loads(raw)
    except ValueError:
        raise ApiError.of(Refusal.INVALID_JSON) from None
    return parsed


def _json_response(body: object, status: int, headers: Mapping[str, str]) -> web.Response:
    """Return JSON without a charset in its type: discord.py compares the whole header."""
    content = json.dumps(body).encode()
    return web.Response(
        body=content, status=status, headers=headers, content_type="application/json"
    )
