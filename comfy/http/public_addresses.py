"""Restriction of redirects and downloads to public addresses, off the operator's network."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from aiohttp import AddrInfoType

from comfy.errors import BackendRefused

_REDIRECT = 302
_NAT64 = IPv6Network("64:ff9b::/96")


class NotPublic(OSError):
    """A connection would go to an address that is not public."""


def is_public(address: str) -> bool:
    """Return whether an IP address is public, including one embedded in an IPv6 address."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def open_public_socket(
    address: AddrInfoType, may_connect: Callable[[str], bool] = is_public
) -> socket.socket:
    """Open the socket of a connection. Raises NotPublic."""
    family, kind, protocol, _, place = address
    # Checked here: a name that was public when it was looked up may resolve to another address a
    # moment later.
    if not may_connect(str(place[0])):
        raise NotPublic(None, "it has no public address")
    return socket.socket(family, kind, protocol)


async def is_public_host(host: str) -> bool:
    """Return whether a host has a public address; True if it is unknown, the stricter case."""
    try:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return True
    return any(is_public(str(address[0])) for *_, address in found)


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
        return is_public(host)
    except ValueError:
        return bool(host)
