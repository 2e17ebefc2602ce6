"""The stand-in ComfyUI server."""

from aiohttp import web

from sandbox.comfyui.engine import Engine
from sandbox.comfyui.routes.application import build_application


class ComfyUIStandIn(Engine):
    """A ComfyUI on 127.0.0.1 that behaves as recorded.

    `version` is "0.33.0" or "0.3.64". `step_seconds` is what a sampler step takes and
    `load_seconds` the first loading of a model file. `missing` names node classes that are not
    installed. Pictures are drawn with at most `largest_drawing` pixels a side, if given: those made
    from nothing are not larger than that, whatever was asked for, and those made from a picture are
    enlarged from it. Less is quicker, and coarser. Files live in `root`, or in a temporary
    directory that goes away with the server.
    """

    def build_application(self) -> web.Application:
        """Build the web application for one start of the server."""
        return build_application(self)
