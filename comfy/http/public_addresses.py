"""Restriction of redirects and downloads to public addresses, off the operator's network."""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from comfy.errors import BackendRefused

_REDIRECT = 302


class PublicResolver(AbstractResolver):
    """Resolves host names without addresses of private networks.

    The check happens when connecting, so that a name cannot change its address in between.
    """

    def __init__(self) -> None:
        self._resolver = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the public addresses. Raises OSError if there are none."""
        results = await self._resolver.resolve(host, port, family)
        public = [result for result in results if _is_public(result["host"])]
        if not public:
            raise OSError(None, "it has no public address")
        return public

    async def close(self) -> None:
        """Close the resolver that is used."""
        await self._resolver.close()


async def is_public_host(host: str) -> bool:
    """Return whether a host has a public address; True if it is unknown, the stricter case."""
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return True
    return any(_is_public(str(address[0])) for *_, address in found)


def require_safe(location: str, *, base: str, is_public: bool, name: str) -> None:
    """Check the target of a redirect from the backend at `base`. Raises BackendRefused."""
    target = urlsplit(location)
    is_downgrade = base.startswith("https:") and target.scheme != "https"
    is_private = is_public and not _may_be_public(target.hostname or "")
    if target.scheme not in {"http", "https"} or is_downgrade or is_private:
        sentence = f"{name} sends us to an address that is not followed."
        raise BackendRefused(sentence, status=_REDIRECT)


def _may_be_public(host: str) -> bool:
    """Return whether a host is a name, which is resolved later, or a public address."""
    try:
        return _is_public(host)
    except ValueError:
        return bool(host)


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_global
