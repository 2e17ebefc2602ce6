"""A page that looks and works like a Discord channel."""

from aiohttp import web


def page_routes() -> list[web.AbstractRouteDef]:
    """The page and its files."""
    return []
