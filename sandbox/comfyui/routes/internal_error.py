"""The response of a real server to an exception in a handler."""

from aiohttp import web


def internal_error() -> web.Response:
    """Build the plain-text 500, after which the connection is closed."""
    response = web.Response(
        status=500, text="500 Internal Server Error\n\nServer got itself in trouble"
    )
    response.force_close()
    return response
