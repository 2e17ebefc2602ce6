"""What is reached for a public service or a download is on the public Internet."""

import aiohttp
import pytest

from comfy.errors import BackendRefused
from comfy.http.public_addresses import (
    is_public,
    is_public_host,
    open_public_socket,
    require_safe,
)


@pytest.mark.parametrize(
    "location",
    [
        "https://127.0.0.1/x",
        "https://10.1.2.3/x",
        "https://[::1]/x",
        "https://[::ffff:192.168.0.1]/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[64:ff9b::7f00:1]/x",
        "https://[2002:7f00:1::]/x",
        "http://storage.example.org/x",
    ],
)
def test_a_public_service_does_not_lead_into_our_network(location):
    with pytest.raises(BackendRefused, match="not followed"):
        require_safe(location, base="https://cloud.example.org", is_public=True, name="cloud")
    require_safe("https://s3.example.org/x", base="https://a.b", is_public=True, name="cloud")


async def test_a_name_with_a_private_address_is_not_connected_to(unused_tcp_port):
    connector = aiohttp.TCPConnector(socket_factory=open_public_socket)
    async with aiohttp.ClientSession(connector=connector) as client:
        with pytest.raises(aiohttp.ClientConnectorError, match="no public address"):
            await client.get(f"http://localhost:{unused_tcp_port}")
    assert not await is_public_host("127.0.0.1")
    assert await is_public_host("1.1.1.1")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("1.1.1.1", True),
        ("2606:4700:4700::1111", True),
        ("::ffff:1.1.1.1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound to it
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
    ],
)
def test_public_addresses(address, expected):
    assert is_public(address) is expected
