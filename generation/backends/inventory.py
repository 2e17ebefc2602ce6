"""Cache of each backend's /object_info, refreshed periodically and when the backend reappears."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping

from comfy.backend import Backend
from comfy.errors import ComfyError
from comfy.protocol.object_info import ObjectInfo

REFRESH_INTERVAL_S = 180.0
"""Seconds after which a description is fetched again: models are added by hand."""

REACHABLE_POLL_S = 1.0
"""Seconds between checks whether a backend is reachable again; a check sends no request."""

INFO_TIMEOUT_S = 60.0
"""Seconds for /object_info: a large installation's takes ComfyUI seconds to build."""

_log = logging.getLogger(__name__)


class Inventory:
    """Node classes of all backends, from memory; only `refresh` sends a request."""

    def __init__(self, backends: Mapping[str, Backend]) -> None:
        self.infos: dict[str, ObjectInfo] = {}
        self._backends = backends
        self._learned: Callable[[], Awaitable[None]] | None = None
        self._learning = asyncio.Lock()

    def listen(self, learned: Callable[[], Awaitable[None]]) -> None:
        """Register a callback for changed descriptions; its errors are logged."""
        self._learned = learned

    def choices(self, class_type: str, input_name: str) -> tuple[str, ...] | None:
        """Return all backends' choices for an input in a stable order; None if none knows it."""
        lists = [info.choices(class_type, input_name) for info in self.infos.values()]
        known = [choices for choices in lists if choices is not None]
        return (
            tuple(dict.fromkeys(name for choices in known for name in choices)) if known else None
        )

    def can_run(self, class_types: Collection[str]) -> bool:
        """Return whether a reachable backend has these node classes; True while none is known."""
        if not self.infos:
            return True
        return any(
            all(info.has(class_type) for class_type in class_types)
            for name, info in self.infos.items()
            if self._backends[name].is_reachable
        )

    async def refresh(self, name: str) -> None:
        """Fetch a backend's description again. Raises ComfyError."""
        async with asyncio.timeout(INFO_TIMEOUT_S):
            latest = await self._backends[name].fetch_object_info(refresh=True)
        # Whoever fetched the same at the same time waits until it is made use of.
        async with self._learning:
            if self.infos.get(name) is not latest:
                self.infos[name] = latest
                await self._tell_learned()

    async def keep_informed(self, name: str) -> None:
        """Keep one backend's description current until cancelled."""
        backend, failed_before = self._backends[name], False
        while True:
            if not backend.is_reachable:
                await asyncio.sleep(REACHABLE_POLL_S)
                continue
            try:
                await self.refresh(name)
            except (ComfyError, TimeoutError) as error:
                level = logging.DEBUG if failed_before else logging.WARNING
                _log.log(level, "Backend %s did not say what it offers: %s", name, error)
                failed_before = True
                await asyncio.sleep(REACHABLE_POLL_S)
            else:
                failed_before = False
                await _wait_for_refresh(backend)

    async def _tell_learned(self) -> None:
        if self._learned is None:
            return
        try:
            await self._learned()
        except Exception:  # noqa: BLE001 - a listener's mistake is no reason to know less
            _log.exception("What backends offer could not be made use of.")


async def _wait_for_refresh(backend: Backend) -> None:
    """Wait until the description is old, or the backend is back: it may have new models."""
    was_reachable = True
    loop = asyncio.get_running_loop()
    until = loop.time() + REFRESH_INTERVAL_S
    while loop.time() < until:
        await asyncio.sleep(REACHABLE_POLL_S)
        if backend.is_reachable and not was_reachable:
            return
        was_reachable = backend.is_reachable
