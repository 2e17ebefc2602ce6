"""Registry of backend kinds. A new kind is a module and an entry here."""

from collections.abc import Callable, Mapping

from comfy.api_v2.client import ComfyApiV2
from comfy.api_v2.job_store import JobStore, MemoryJobStore
from comfy.backend import Backend
from comfy.server import ComfyServer
from comfy.settings import BackendSettings

__all__ = ["KINDS", "BackendSettings", "build_backend"]

KINDS: Mapping[str, Callable[[BackendSettings, JobStore], Backend]] = {
    "comfyui": lambda settings, _: ComfyServer(settings),
    "comfy-api": ComfyApiV2,
}


def build_backend(settings: BackendSettings, store: JobStore | None = None) -> Backend:
    """Return a backend, not yet opened. Raises ValueError for an unknown kind.

    `store` must survive restarts; without one, jobs on hosted services are forgotten when the
    process ends.
    """
    build = KINDS.get(settings.kind)
    if build is None:
        known = ", ".join(sorted(KINDS))
        raise ValueError(
            f"Backend {settings.name}: there is no kind {settings.kind!r}; there is: {known}."
        )
    return build(settings, store or MemoryJobStore())
