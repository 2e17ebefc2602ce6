"""An operator's settings of one backend."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """Address and options of a backend; its repr contains no secret.

    `url` may contain a base path, a query and `user:password@`. `concurrency` is the number of
    graphs it is sent at a time. `api_key_comfy_org` pays for partner nodes, and is sent with graphs
    that have some. `object_info` is a saved `/object_info`, also gzipped, for kinds without that
    request. Raises ValueError with a plain sentence, without the URL's secrets.
    """

    url: str = field(repr=False)
    name: str = ""
    kind: str = "comfyui"
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    bearer_token: str | None = field(default=None, repr=False)
    api_key_comfy_org: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    concurrency: int = 2
    object_info: Path | None = None

    def __post_init__(self) -> None:
        """Validate, and derive a missing name from host and port."""
        host = _host_and_port(self.url)
        if not self.name:
            object.__setattr__(self, "name", host)
        if self.concurrency < 1:
            raise ValueError(f"Backend {self.name}: concurrency must be 1 or more.")


def _host_and_port(url: str) -> str:
    """Return `host:port`, the default port left out."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("A backend's URL cannot be read; check its port and brackets.") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ValueError("A backend's URL must look like http://host:8188 or https://host/path.")
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown
