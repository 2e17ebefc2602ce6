"""Web page that looks and works like a Discord channel; static files."""

from pathlib import Path
from types import MappingProxyType
from typing import Final

from aiohttp import web

FOLDER: Final = Path(__file__).parent

CONTENT_TYPES: Final = MappingProxyType(
    {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
)
"""File types that `/page/` serves; other files of the package are not for browsers."""

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""Scripts and styles come from these files only, and text never becomes markup."""

_HEADERS: Final = MappingProxyType(
    {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
)


def page_routes() -> list[web.AbstractRouteDef]:
    """Return the routes of the page and its files."""
    return [web.get("/", _serve_index), web.get("/page/{file}", _serve_file)]


async def _serve_index(_request: web.Request) -> web.StreamResponse:
    return _serve(FOLDER / "index.html", "text/html")


async def _serve_file(request: web.Request) -> web.StreamResponse:
    name = request.match_info["file"]
    content_type = CONTENT_TYPES.get(Path(name).suffix)
    # Looked up in the listing; a path is never built from the request.
    found = next((path for path in FOLDER.iterdir() if path.name == name), None)
    if content_type is None or found is None:
        raise web.HTTPNotFound(headers=_HEADERS)
    return _serve(found, content_type)


def _serve(path: Path, content_type: str) -> web.FileResponse:
    headers = {**_HEADERS, "Content-Type": f"{content_type}; charset=utf-8"}
    return web.FileResponse(path, headers=headers)
