"""What the kinds of backends that are asked over HTTP have in common."""

import asyncio

from comfy.backend import Graph
from comfy.errors import NotComfyUI
from comfy.http.client import HttpClient
from comfy.protocol.object_info import ObjectInfo
from comfy.settings import BackendSettings
from comfy.timeouts import Timing


class HttpBackend:
    """Base of backends: their name, their client, and their node classes, which are cached."""

    def __init__(self, settings: BackendSettings, timing: Timing | None = None) -> None:
        self._settings = settings
        self._timing = timing or Timing()
        self._http = HttpClient(settings, self._timing)
        self._object_info: ObjectInfo | None = None

    @property
    def name(self) -> str:
        """The operator's name for it."""
        return self._http.name

    @property
    def is_reachable(self) -> bool:
        """Whether the last request was answered."""
        return self._http.is_reachable

    async def fetch_object_info(self, *, refresh: bool = False) -> ObjectInfo:
        """Return node classes with their inputs and model lists; cached unless `refresh`."""
        if self._object_info is None or refresh:
            self._object_info = await self._load_object_info()
        return self._object_info

    async def _load_object_info(self) -> ObjectInfo:
        raise NotImplementedError

    async def _parse_object_info(self, document: object) -> ObjectInfo:
        try:
            return await asyncio.to_thread(ObjectInfo.parse, document)
        except ValueError as error:
            raise NotComfyUI(f"{self.name}: {error}") from error

    def _find_key(self, graph: Graph) -> str | None:
        """Return the API key for graphs with partner nodes; for all while classes are unknown."""
        info = self._object_info
        needs_key = info is None or info.has_partner(graph)
        return self._settings.api_key_comfy_org if needs_key else None
