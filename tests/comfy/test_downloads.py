"""Model files are downloaded whole or not at all, and never from inside the operator's network."""

import hashlib
import socket

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from comfy.downloads import (
    AddressRefused,
    Download,
    Downloader,
    DownloadError,
)

CONTENT = bytes(range(256)) * 8_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "models.example"


class FileServer:
    """Serves one file on loopback, with ranges, and counts the bytes that it sent."""

    def __init__(self):
        self.headers = {}
        self.breaks_after = None
        self.ranges = []
        self.sent = 0

    async def answer(self, request):
        self.ranges.append(request.headers.get("Range"))
        start = int((self.ranges[-1] or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        if start >= len(CONTENT):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(CONTENT)}"})
        response = web.StreamResponse(status=206 if start else 200, headers=self.headers)
        response.content_length = len(CONTENT) - start
        if start:
            response.headers["Content-Range"] = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
        await response.prepare(request)
        end = self.breaks_after or len(CONTENT)
        await response.write(CONTENT[start:end])
        self.sent += end - start
        if self.breaks_after is not None:
            request.transport.close()
        return response

    async def lead_away(self, request):
        raise web.HTTPFound(request.query["to"])

    async def show_page(self, _request):
        return web.Response(text="<h1>Log in</h1>", content_type="text/html")

    async def refuse(self, _request):
        return web.Response(status=401)


class OneName(AbstractResolver):
    """Resolves every name to an address."""

    def __init__(self, address="127.0.0.1"):
        self.address = address

    async def resolve(self, host, port=0, family=socket.AF_INET):
        del family
        return [
            {
                "hostname": host,
                "host": self.address,
                "port": port,
                "family": socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
        ]

    async def close(self):
        pass


@pytest.fixture
async def server():
    served = FileServer()
    app = web.Application()
    app.router.add_get("/file", served.answer)
    app.router.add_get("/away", served.lead_away)
    app.router.add_get("/page", served.show_page)
    app.router.add_get("/closed", served.refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.port = runner.addresses[0][1]
    served.url = f"http://{NAME}:{served.port}"
    yield served
    await runner.cleanup()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "checkpoints" / "a.safetensors"


@pytest.fixture
async def downloader():
    """Takes the loopback address for a public one, and no other."""
    async with Downloader(
        may_connect=lambda address: address == "127.0.0.1", resolver=OneName()
    ) as opened:
        yield opened


def ignore(_held, _total):
    pass


async def test_a_file_arrives_with_its_progress(downloader, server, target):
    told = []
    wanted = Download(f"{server.url}/file", target, len(CONTENT), SHA256)
    await downloader.fetch(wanted, lambda held, total: told.append((held, total)))
    assert target.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in target.parent.iterdir()] == [target.name]


async def test_a_download_that_broke_off_goes_on_where_it_was(downloader, server, target):
    wanted = Download(f"{server.url}/file", target, len(CONTENT), SHA256)
    server.breaks_after = 1_000_000
    with pytest.raises(DownloadError, match="Run it again"):
        await downloader.fetch(wanted, ignore)
    assert not target.exists()
    server.breaks_after = None
    await downloader.fetch(wanted, ignore)
    assert target.read_bytes() == CONTENT
    # What was sent and had not arrived when the connection broke is sent again.
    start = int(server.ranges[-1].removeprefix("bytes=").rstrip("-"))
    assert 0 < start <= 1_000_000
    assert server.sent == 1_000_000 + len(CONTENT) - start


async def test_a_part_that_was_whole_is_only_verified(downloader, server, target):
    target.parent.mkdir()
    target.with_name("a.safetensors.part").write_bytes(CONTENT)
    await downloader.fetch(Download(f"{server.url}/file", target, None, SHA256), ignore)
    assert target.read_bytes() == CONTENT
    assert server.sent == 0


async def test_another_content_is_deleted(downloader, server, target):
    wanted = Download(f"{server.url}/file", target, None, "0" * 64)
    with pytest.raises(DownloadError, match="not what it should be"):
        await downloader.fetch(wanted, ignore)
    assert list(target.parent.iterdir()) == []


async def test_the_hash_that_the_host_states_counts_too(downloader, server, target):
    server.headers = {"X-Linked-Etag": f'"{"0" * 64}"'}
    with pytest.raises(DownloadError, match="not what it should be"):
        await downloader.fetch(Download(f"{server.url}/file", target), ignore)
    server.headers = {"X-Linked-Etag": f'"{SHA256}"'}
    await downloader.fetch(Download(f"{server.url}/file", target), ignore)
    assert target.exists()


async def test_another_size_is_refused_before_anything_is_written(downloader, server, target):
    wanted = Download(f"{server.url}/file", target, 2 * len(CONTENT))
    with pytest.raises(DownloadError, match="2,048,000 bytes"):
        await downloader.fetch(wanted, ignore)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(("path", "sentence"), [("page", "a page"), ("closed", "wants a login")])
async def test_what_is_no_file_is_refused(downloader, server, target, path, sentence):
    with pytest.raises(DownloadError, match=sentence):
        await downloader.fetch(Download(f"{server.url}/{path}", target, 100), ignore)
    assert not target.exists()


@pytest.mark.parametrize("to", ["http://127.0.0.2:9/x", "http://169.254.169.254/latest"])
async def test_a_redirect_into_the_network_is_refused(downloader, server, target, to):
    with pytest.raises(AddressRefused, match="not on the public Internet"):
        await downloader.fetch(Download(f"{server.url}/away?to={to}", target, 100), ignore)


async def test_a_redirect_to_another_scheme_is_refused(downloader, server, target):
    with pytest.raises(AddressRefused, match="not http or https"):
        await downloader.fetch(Download(f"{server.url}/away?to=file:///x", target, 1), ignore)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
async def test_the_own_machine_is_refused_by_default(server, target, host):
    wanted = Download(f"http://{host}:{server.port}/file", target, len(CONTENT))
    async with Downloader() as downloader:
        with pytest.raises(AddressRefused, match="not on the public Internet"):
            await downloader.fetch(wanted, ignore)
    assert server.sent == 0


async def test_a_name_that_leads_inside_is_refused_by_default(server, target):
    async with Downloader(resolver=OneName()) as downloader:
        with pytest.raises(AddressRefused, match=r"127\.0\.0\.1"):
            await downloader.fetch(Download(f"{server.url}/file", target, 1), ignore)
    assert server.sent == 0


@pytest.mark.parametrize("url", ["ftp://host/x", "file:///etc/passwd", "https://", "x", "http://["])
async def test_other_addresses_are_refused(downloader, target, url):
    with pytest.raises(AddressRefused, match="not an http or https URL"):
        await downloader.fetch(Download(url, target), ignore)
