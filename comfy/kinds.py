"""Registry of backend kinds. A new kind is a module and an entry here."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from comfy.backend import Backend
from comfy.server import ComfyServer
from comfy.settings import BackendSettings

__all__ = ["KINDS", "BackendSettings", "build_backend"]

KINDS: Mapping[str, Callable[[BackendSettings], Backend]] = MappingProxyType(
    {"comfyui": ComfyServer}
)


def build_backend(settings: BackendSettings) -> Backend:
    """Return a backend, not yet opened. Raises ValueError for an unknown kind."""
    build = KINDS.get(settings.kind)
    if build is None:
        known = ", ".join(sorted(KINDS))
        raise ValueError(
            f"Backend {settings.name}: there is no kind {settings.kind!r}; there is: {known}."
        )
    return build(settings)
